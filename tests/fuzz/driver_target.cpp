// SPDX-License-Identifier: Apache-2.0
// What drivers read from the kernel and from the network. The first byte says which driver, the second turns
// its flags over; then the contents of its files, each ended by 0x1e, for a first run and, if there are more,
// for a second one 10 s later. A file that is not given is absent. For `ping` the rest is a packet.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <vector>

#include "drivers/disk/disk.h"
#include "drivers/ping/icmp_packet.h"
#include "drivers/registry.h"
#include "input.h"
#include "settings/values.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"
#include "targets.h"

namespace vigile {
namespace {

struct Source {
  std::string_view driver;
  std::vector<std::string_view> files;  // under proc/ or sys/
};

const std::vector<Source>& sources() {
  static const std::vector<Source> list = {
      {"agent",
       {"proc/self/stat", "proc/self/status", "proc/self/io", "proc/self/smaps_rollup", "proc/uptime"}},
      {"cpu", {"proc/stat"}},
      {"disk", {"proc/self/mounts", "proc/mounts"}},
      {"hwmon",
       {"sys/class/hwmon/hwmon0/name", "sys/class/hwmon/hwmon0/temp1_input",
        "sys/class/hwmon/hwmon0/temp1_label", "sys/class/hwmon/hwmon0/temp1_max",
        "sys/class/hwmon/hwmon0/temp1_fault", "sys/class/hwmon/hwmon0/in0_input",
        "sys/class/hwmon/hwmon0/fan1_input", "sys/class/hwmon/hwmon0/fan1_label",
        "sys/class/hwmon/hwmon0/power1_input", "sys/class/hwmon/hwmon0/curr1_input",
        "sys/class/hwmon/hwmon0/humidity1_input", "sys/class/hwmon/hwmon1/temp1_input",
        "sys/class/hwmon/hwmon1/name"}},
      {"load", {"proc/loadavg", "proc/uptime", "sys/devices/system/cpu/online"}},
      {"memory", {"proc/meminfo"}},
      {"network",
       {"proc/net/dev", "sys/class/net/eth0/carrier", "sys/class/net/eth0/speed", "sys/class/net/lo/speed"}},
      {"thermal",
       {"sys/class/thermal/thermal_zone0/type", "sys/class/thermal/thermal_zone0/temp",
        "sys/class/thermal/thermal_zone1/type", "sys/class/thermal/thermal_zone1/temp"}},
      // Later ones at the end: the corpus names them by their place.
      {"diskio", {"proc/diskstats"}},
      {"iio",
       {"sys/bus/iio/devices/iio:device0/name", "sys/bus/iio/devices/iio:device0/in_temp_input",
        "sys/bus/iio/devices/iio:device0/in_voltage0_raw", "sys/bus/iio/devices/iio:device0/in_voltage_scale",
        "sys/bus/iio/devices/iio:device0/in_voltage0_offset"}},
      {"mmc", {"sys/bus/mmc/devices/mmc0:0001/life_time", "sys/bus/mmc/devices/mmc0:0001/pre_eol_info"}},
      {"pressure", {"proc/pressure/cpu", "proc/pressure/memory", "proc/pressure/io"}},
      {"w1", {"sys/bus/w1/devices/28-0316a2795d55/w1_slave"}},
  };
  return list;
}

class Checks final : public Output {
 public:
  explicit Checks(const DriverInfo& info) : info_(info) {}
  void add(const Sample& sample) override {
    if (sample.values.empty()) fault = "a sample without values";
    for (const Value& value : sample.values) check(value);
  }
  Result<void> add_point(const Point&, PointOrigin) override { return {}; }
  Result<void> commit() override { return {}; }
  void availability(bool, std::optional<double>, std::string_view) override {}
  Fault fault;

 private:
  void check(const Value& value) {
    constexpr std::string_view kTypes[] = {"float", "int", "int", "bool", "string"};
    for (const MetricSpec& spec : info_.metrics) {
      if (spec.name != value.metric || spec.field != value.field) continue;
      if (kTypes[value.number.index()] != spec.type) fault = std::string(value.metric) + " has another type";
      const double* number = std::get_if<double>(&value.number);
      if (number == nullptr) return;
      if (!std::isfinite(*number)) fault = std::string(value.metric) + " is not a number";
      // A sensor may say what it likes, and threads may use several cores; other shares that are worked out
      // here may not.
      const bool is_sensor = info_.name == "hwmon" || info_.name == "iio" || info_.name == "mmc";
      if (!is_sensor && spec.name != "agent_cpu_usage" && spec.unit == "percent" &&
          (*number < 0 || *number > 100.000001))
        fault = std::string(value.metric) + " is " + std::to_string(*number) + " percent";
      return;
    }
    fault = "no metric " + std::string(value.metric);
  }
  const DriverInfo& info_;
};

Options options_of(const DriverInfo& info, std::uint8_t turned) {
  Options options;
  int flags = 0;
  for (const OptionSpec& spec : info.options) {
    auto value = default_value(spec);
    if (!value) continue;
    if (bool* flag = std::get_if<bool>(&*value)) *flag = *flag != ((turned >> (flags++ % 8) & 1) != 0);
    options.set(spec.name, std::move(*value));
  }
  return options;
}

void write_files(const std::filesystem::path& root, const Source& source, Input& in) {
  for (const std::string_view name : source.files) {
    const std::filesystem::path path = root / name;
    std::error_code ignored;
    if (in.empty()) {
      std::filesystem::remove(path, ignored);
      continue;
    }
    const std::string_view content = in.until('\x1e');
    std::filesystem::create_directories(path.parent_path(), ignored);
    if (std::FILE* file = std::fopen(path.c_str(), "w"); file != nullptr) {
      std::fwrite(content.data(), 1, content.size(), file);
      std::fclose(file);
    }
  }
}

// File systems of all sizes, told by the name.
int ask(const std::string& mount_point, struct statvfs& out) {
  std::uint64_t seed = mount_point.size();
  for (const char c : mount_point) seed = seed * 131 + static_cast<unsigned char>(c);
  if (seed % 7 == 0) return EACCES;
  out.f_frsize = seed % 5 == 0 ? 0 : 4096;
  out.f_blocks = seed % 3 == 0 ? ~std::uint64_t{0} >> (seed % 20) : seed % 100'000;
  out.f_bfree = seed % 99'991;
  out.f_bavail = seed % 77'777;
  out.f_files = seed % 50'021;
  out.f_ffree = seed % 60'013;
  return 0;
}

Fault error_fault(const Error& error) {
  if (error.message.empty() || error.message.size() > 400)
    return "an error of " + std::to_string(error.message.size()) + " bytes";
  for (const char c : error.message) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "a control character in an error";
  }
  return std::nullopt;
}

Fault source_fault(const Source& source, Input in) {
  static const TempDir dir;
  const DriverInfo* info = find_driver(source.driver);
  if (info == nullptr) return "no driver " + std::string(source.driver);
  const std::filesystem::path root = dir / source.driver;
  FakeClock clock;
  const DriverEnvironment environment{.clock = clock, .proc_root = root / "proc", .sys_root = root / "sys"};
  const Options options = options_of(*info, in.byte());
  const auto driver = source.driver == "disk" ? make_disk_driver(options, environment, ask)
                                              : info->make(options, environment);
  if (!driver) return "defaults are refused: " + driver.error().message;
  Checks checks(*info);
  for (int run = 0; run < 2 && (run == 0 || !in.empty()); ++run) {
    write_files(root, source, in);
    const auto deadline = clock.boot() + std::chrono::seconds(10);
    const auto done = (*driver)->sample({.started = clock.boot(), .deadline = deadline, .stop = {}}, checks);
    if (!done) {
      if (Fault fault = error_fault(done.error())) return fault;
    }
    clock.advance(std::chrono::seconds(10));
  }
  return checks.fault;
}

Fault packet_fault(Input in) {
  const std::uint8_t how = in.byte();
  const IpFamily family = (how & 1) != 0 ? IpFamily::v6 : IpFamily::v4;
  const auto* begin = reinterpret_cast<const std::uint8_t*>(in.rest().data());
  const Bytes packet(begin, in.rest().size());
  const auto inside = [&](Bytes part) {
    return part.empty() || (part.data() >= begin && part.data() + part.size() <= begin + packet.size());
  };
  const auto message = parse_icmp(packet, family, (how & 2) != 0);
  if (!message) return error_fault(message.error());
  if (!inside(message->payload)) return "a payload outside of its packet";
  if (icmp_error_text(family, message->type, message->code).empty()) return "an error without a name";
  const IcmpMessage quoted = parse_quoted_request(packet, family, message->type, message->code);
  if (!inside(quoted.payload)) return "a payload outside of its quote";
  const auto request =
      build_echo_request(family, message->id, message->sequence, packet.first(packet.size() % 1400));
  if (request.size() < 8) return "half a request";
  return std::nullopt;
}

}  // namespace

Fault driver_fault(std::string_view input) {
  Input in(input);
  const std::size_t which = in.byte();
  if (which == 'p') return packet_fault(in);
  return source_fault(sources()[which % sources().size()], in);
}

}  // namespace vigile
