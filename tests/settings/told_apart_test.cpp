// SPDX-License-Identifier: Apache-2.0
// Instances that would write the same series, of the drivers that are built in.
#include <gmock/gmock.h>

#include "catalog/catalog.h"
#include "settings/settings.h"

namespace vigile {
namespace {

// The tags `instance` that the entries have: "1/cpu", or "-" without one.
std::string instances(const std::string& entries) {
  const auto nothing = [](const std::string&) { return std::optional<std::string>(); };
  const LoadedSettings loaded =
      parse_settings("site: {id: 1}\nequipment:\n  - id: 1\n    drivers:\n" + entries, "site.yaml",
                     built_in_catalog(), nothing, "edge-1");
  std::string all;
  for (const SettingsError& error : loaded.errors) all += to_string(error) + "\n";
  if (!loaded.settings) return all;
  for (const DriverSettings& driver : loaded.settings->equipment.at(0).drivers) {
    const auto tag = driver.tags.find("instance");
    all += (all.empty() ? "" : " ") + (tag == driver.tags.end() ? "-" : tag->second);
  }
  return all;
}

std::string two(const std::string& driver, const std::string& one, const std::string& other) {
  return instances("      - " + driver + ": {" + one + "}\n      - " + driver + ": {name: other, " + other +
                   "}\n");
}

TEST(ToldApart, ProgramsThatPrintTheSameNames) {
  EXPECT_EQ(two("exec", "command: [smartctl, /dev/sda], format: json",
                "command: [smartctl, /dev/sdb], format: json"),
            "1/exec other");
  EXPECT_EQ(two("exec", "command: [/opt/a.sh], format: json", "command: [/opt/b.sh], format: json"),
            "1/exec other");
  EXPECT_EQ(two("exec", "command: [check_disk, /], format: nagios",
                "command: [/usr/lib/check_disk, /home], format: nagios"),
            "1/exec other");
  EXPECT_EQ(two("exec", "command: [check_disk], format: nagios", "command: [check_load], format: nagios"),
            "- -");
  EXPECT_EQ(two("exec", "command: [a], tags: {disk: sda}, format: json",
                "command: [a], tags: {disk: sdb}, format: json"),
            "- -");
  EXPECT_EQ(two("exec", "command: [a, x], format: json, rename: {t: t_x}",
                "command: [a, y], format: json, rename: {t: t_y}"),
            "1/exec other")
      << "exec_status, and all else";
  EXPECT_EQ(two("exec", "command: [a, x], format: json, only: [t], rename: {t: t_x}",
                "command: [a, y], format: json, only: [t], rename: {t: t_y}"),
            "- -");
}

TEST(ToldApart, DriversByWhatTheirTagsSay) {
  EXPECT_EQ(instances("      - cpu\n      - cpu: {every: 1m}\n      - memory\n"), "1/cpu 1/cpu-2 -");
  EXPECT_EQ(two("http", "url: 'http://127.0.0.1/', timeout: 1s", "url: 'http://127.0.0.1/', timeout: 2s"),
            "1/http other");
  EXPECT_EQ(two("http", "url: 'http://127.0.0.1/a'", "url: 'http://127.0.0.1/b'"), "- -");
  EXPECT_EQ(two("process", "program: nginx", "program: sshd"), "- -");
  EXPECT_EQ(two("disk", "every: 1m", "mounts: [/srv]"), "- -");
}

TEST(ToldApart, ByTheMetricsThatGoOn) {
  EXPECT_EQ(two("cpu", "every: 1s", "only: [cpu_user]"), "1/cpu other");
  EXPECT_EQ(two("cpu", "every: 1s, except: [cpu_user]", "only: [cpu_user]"), "- -");
  EXPECT_EQ(two("cpu", "except: ['cpu_*']", "only: ['cpu_*']"), "- -");
  EXPECT_EQ(two("cpu", "only: [cpu_user, cpu_system]", "only: [cpu_idle]"), "- -");
  EXPECT_EQ(two("cpu", "only: [cpu_user, cpu_idle]", "only: ['*_idle']"), "1/cpu other");
  EXPECT_EQ(two("cpu", "only: ['cpu_*']", "only: ['processes_*']"), "- -");
  EXPECT_EQ(two("cpu", "only: ['cpu_i*']", "only: ['cpu_*wait']"), "1/cpu other");
  EXPECT_EQ(two("cpu", "only: [cpu_user]", "only: [cpu_user], rename: {cpu_user: busy}"), "- -");
  EXPECT_EQ(two("cpu", "only: [cpu_user]", "only: [cpu_idle], rename: {cpu_idle: cpu_user}"), "1/cpu other");
}

TEST(ToldApart, ByTheNamesOfRows) {
  const std::string a = "values: [{name: a, path: /x}, {name: b, path: /y}]";
  EXPECT_EQ(two("file", a, "values: [{name: b, path: /z}]"), "1/file other");
  EXPECT_EQ(two("file", a, "values: [{name: c, path: /x}]"), "- -");
  EXPECT_EQ(two("file", a, "values: [{name: b, path: /z}], rename: {b: c}"), "- -");
  EXPECT_EQ(two("file", a, "values: [{name: c, path: /z}], rename: {c: b}"), "1/file other");
  // Some registers of a device seldom, others often.
  const std::string plc = "address: 'tcp://127.0.0.1:502', registers: ";
  EXPECT_EQ(two("modbus", plc + "[{name: a, address: 1}]", plc + "[{name: b, address: 2}]"), "- -");
  EXPECT_EQ(two("modbus", plc + "[{name: a, address: 1}]", plc + "[{name: a, address: 2}]"),
            "1/modbus other");
  EXPECT_EQ(two("modbus", plc + "[{name: a, address: 1}]", plc + "[{name: a, address: 1}], unit_id: 7"),
            "- -");
}

}  // namespace
}  // namespace vigile
