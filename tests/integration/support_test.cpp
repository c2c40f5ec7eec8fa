// SPDX-License-Identifier: Apache-2.0
// vigilectl support, with the real daemon and without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "core/file.h"
#include "daemon.h"

namespace vigile {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSecrets[] = {"influx-Secret/1+",  "mqtt-secret-2",    "header-secret-3",
                                    "url-secret-4",      "api-secret-5",     "file-secret-6",
                                    "argument-secret-7", "comment-secret-8", "community-9"};

std::string site(const std::string& secret_file) {
  return "# old password: comment-secret-8\n"
         "site: {id: 12}\n"
         "equipment:\n"
         "  - id: 1\n"
         "    drivers:\n"
         "      - cpu\n"
         "      - http: {every: 1h, url: \"http://user:url-secret-4@127.0.0.1:9/?token=url-secret-4\",\n"
         "               headers: {X-Key: header-secret-3}}\n"
         "      - exec: {every: 1h, command: [/bin/true, \"--password=argument-secret-7\", --token, "
         "argument-secret-7]}\n"
         "      - snmp: {every: 1h, address: 127.0.0.1, community: community-9, interfaces: true}\n"
         "store: {path: @STORE@}\n"
         "sinks:\n"
         "  - influx: {api: v2, url: \"http://127.0.0.1:9\", token: \"influx-Secret/1+\", org: o, bucket: "
         "b}\n"
         "  - influx: {name: second, api: v2, url: \"http://127.0.0.1:9\", token: {file: " +
         secret_file +
         "}, org: o, bucket: b}\n"
         "  - mqtt: {url: \"mqtt://127.0.0.1:9\", user: plant, password: mqtt-secret-2}\n"
         "api: {socket: @SOCKET@, token: api-secret-5}\n";
}

class Support : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(dir_ / "secret") << "file-secret-6\n";
    std::filesystem::permissions(dir_ / "secret", std::filesystem::perms::owner_read);
  }
  Finished support(const Daemon& daemon, const std::string& more = "") {
    return run_program({"/bin/sh", "-c",
                        vigilectl_path() + " support --config " + daemon.config().string() + " --output " +
                            (dir_ / "s.tar.gz").string() + " " + more},
                       {"VIGILE_SOCKET=" + daemon.socket().string()});
  }
  // Every file of the archive, under its name.
  std::string unpacked() {
    return run_program({"/bin/sh", "-c",
                        "cd " + dir_.path().string() +
                            " && tar -xzf s.tar.gz && cd vigile-support && for f in $(find . -type f); "
                            "do echo \"== $f\"; cat $f; done"})
        .output;
  }
  std::string yaml() const { return site((dir_ / "secret").string()); }

  TempDir dir_;
};

TEST_F(Support, AnArchiveHoldsWhatIsNeededAndNoSecret) {
  Daemon daemon(yaml());
  daemon.start();
  const Finished made = support(daemon);
  ASSERT_EQ(made.status, 0) << made.output;
  struct stat status {};
  ASSERT_EQ(::stat((dir_ / "s.tar.gz").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const std::string all = unpacked();
  for (const char* const name :
       {"manifest.txt", "versions.txt", "daemon/status.json", "daemon/health.json", "daemon/metrics.txt",
        "daemon/drivers.json", "daemon/store.json", "daemon/dead-letters.json", "store-check.json",
        "settings/1-site.yaml", "settings/effective.txt", "system/summary.txt", "process/status"}) {
    EXPECT_THAT(all, HasSubstr("== ./" + std::string(name) + "\n"));
  }
  for (const char* const secret : kSecrets) EXPECT_THAT(all, Not(HasSubstr(secret)));
  EXPECT_THAT(all, Not(HasSubstr("influx-Secret%2F1%2B")));
  EXPECT_THAT(all, HasSubstr("http://127.0.0.1:9")) << "what is no secret stays";
  EXPECT_THAT(all, HasSubstr((dir_ / "secret").string())) << "the name of a secret's file is none";
}

TEST_F(Support, WithoutADaemonItSaysSoAndLooksAtTheFiles) {
  Daemon daemon(yaml());
  daemon.start();
  daemon.stop();
  const Finished made = support(daemon);
  ASSERT_EQ(made.status, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("without a daemon"));
  const std::string all = unpacked();
  EXPECT_THAT(all, HasSubstr("daemon/status.json: "));
  EXPECT_THAT(all, HasSubstr("\"sound\":true"));
  for (const char* const secret : kSecrets) EXPECT_THAT(all, Not(HasSubstr(secret)));
}

TEST_F(Support, WrongSettingsAreShownWithoutTheirSecrets) {
  Daemon daemon(yaml() + "sight: 1\n");
  const Finished made = support(daemon);
  ASSERT_EQ(made.status, 0) << made.output;
  const std::string all = unpacked();
  EXPECT_THAT(all, HasSubstr("unknown key \"sight\""));
  for (const char* const secret : kSecrets) EXPECT_THAT(all, Not(HasSubstr(secret)));
}

TEST_F(Support, AnArchiveThatCannotBeWrittenSaysWhy) {
  Daemon daemon(yaml());
  std::ofstream(dir_ / "s.tar.gz") << "there already";
  const Finished made = support(daemon);
  EXPECT_EQ(made.status, 1);
  EXPECT_THAT(made.output, HasSubstr("s.tar.gz: File exists"));
  EXPECT_EQ(read_file(dir_ / "s.tar.gz").value_or(""), "there already");
}

}  // namespace
}  // namespace vigile
