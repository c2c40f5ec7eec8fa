// SPDX-License-Identifier: Apache-2.0
#include "drivers/disk/disk.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "core/clock.h"
#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

// Answers from the case's statvfs.txt: "<mount point> <errno>", or
// "<mount point> 0 <frsize> <blocks> <bfree> <bavail> <files> <ffree>".
int ask_file(const std::filesystem::path& file, const std::string& mount_point, struct statvfs& out) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    // The mount point may hold blanks, the numbers do not.
    if (line.compare(0, mount_point.size() + 1, mount_point + "\t") != 0) continue;
    std::istringstream numbers(line.substr(mount_point.size()));
    int failed = 0;
    numbers >> failed >> out.f_frsize >> out.f_blocks >> out.f_bfree >> out.f_bavail >> out.f_files >>
        out.f_ffree;
    return failed;
  }
  ADD_FAILURE() << "asked for " << mount_point << ", which " << file << " does not hold";
  return ENOENT;
}

TEST(Disk, Testcases) {
  run_testcases(kDiskDriver, [](const Options& options, const DriverEnvironment& environment,
                                const std::filesystem::path& snapshot) {
    return make_disk_driver(
        options, environment,
        [file = snapshot / "statvfs.txt"](const std::string& mount_point, struct statvfs& out) {
          return ask_file(file, mount_point, out);
        });
  });
}

TEST(Disk, SurvivesMutations) {
  std::vector<Mount> mounts;
  mutate_captured(kDiskDriver, "mounts",
                  [&](std::string_view text) { return parse_mounts(text, "/proc/self/mounts", mounts); });
  mutate_captured(kDiskDriver, "mountinfo", [&](std::string_view text) {
    return parse_mountinfo(text, "/proc/self/mountinfo", mounts);
  });
}

TEST(Disk, ResolvesEscapesAndCoveredMounts) {
  std::vector<Mount> mounts;
  ASSERT_TRUE(
      parse_mounts("/dev/sda1 /mnt/my\\040disk\\134x ext4 rw,ro2 0 0\n"
                   "/dev/sdb1 /data vfat rw 0 0\n"
                   "/dev/sdc1 /data ext4 noatime,ro 0 0\n"
                   "odd\\4\\999 /odd\\ xfs rw 0 0\n",
                   "mounts", mounts));
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(mounts[0].mount_point, "/mnt/my disk\\x");
  EXPECT_FALSE(mounts[0].read_only);
  EXPECT_EQ(mounts[1].device, "/dev/sdc1");
  EXPECT_TRUE(mounts[1].read_only);
  EXPECT_EQ(mounts[2].device, "odd\\4\\999");
}

TEST(Disk, AsksTheRealKernel) {
  const SystemClock clock;
  const auto driver = kDiskDriver.make(options_from_yaml(kDiskDriver, "mounts: [/]"), {.clock = clock});
  ASSERT_TRUE(driver);
  TextOutput out(kDiskDriver);
  const auto done = (*driver)->sample(
      {.started = clock.boot(), .deadline = clock.boot() + std::chrono::minutes(1), .stop = {}}, out);
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_NE(out.text.find(",mount=/ usage="), std::string::npos) << out.text;
}

TEST(Disk, GivesUpWhenStopped) {
  const SystemClock clock;
  int asked = 0;
  const auto driver = make_disk_driver(options_from_yaml(kDiskDriver, ""), {.clock = clock},
                                       [&](const std::string&, struct statvfs&) { return ++asked, EIO; });
  std::stop_source stop;
  stop.request_stop();
  TextOutput out(kDiskDriver);
  const auto done = (*driver)->sample(
      {.started = clock.boot(), .deadline = clock.boot() + std::chrono::minutes(1), .stop = stop.get_token()},
      out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::timeout);
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace vigile
