// SPDX-License-Identifier: Apache-2.0
// The recipe for smartctl in the README of the driver exec, word for word, with a smartctl that prints what
// the real one printed of an ATA and an NVMe disk.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "core/file.h"
#include "integration/equipment_site.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using testing::Contains;
using testing::IsSupersetOf;
using testing::Key;
using testing::Not;
using testing::Pair;

const std::filesystem::path kExec = std::filesystem::path(VIGILE_SOURCE_DIR) / "drivers" / "exec";

void replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

class ExecRecipeTest : public ::testing::Test {
 protected:
  void add_disk(const std::string& name, const std::string& printed, int status) {
    disks_ += "    */dev/" + name + ") cat '" + (kExec / "testcases" / printed).string() + "'; exit " +
              std::to_string(status) + ";;\n";
    const std::string readme = *read_file(kExec / "README.md", 1 << 20);
    const std::size_t begin = readme.find("    - exec:\n        name: sda\n");
    ASSERT_NE(begin, std::string::npos);
    std::string entry = readme.substr(begin, readme.find("\n\n", begin) - begin + 1);
    replace(entry, "name: sda", "name: " + name);
    replace(entry, "/dev/sda", "/dev/" + name);
    replace(entry, "disk: sda", "disk: " + name);
    replace(entry, "format: json\n",
            "format: json\n        environment: {PATH: '" + dir_.path().string() + ":/usr/bin:/bin'}\n");
    entries_ += entry;
  }
  void write_smartctl() const {
    std::ofstream(dir_ / "smartctl") << "#!/bin/sh\ncase \"$*\" in\n" << disks_ << "esac\n";
    ASSERT_EQ(::chmod((dir_ / "smartctl").c_str(), 0755), 0);
  }
  std::map<std::string, double> readings(const Daemon& daemon, const std::string& disk) const {
    std::map<std::string, double> all;
    const Json answer = get_json(daemon, "/api/equipment/1/metrics/?period=1h");
    for (const Json& row : answer["metrics"]) {
      if (row["tags"].value("disk", "") == disk) all[row["metric_type"]] = row["value"];
    }
    return all;
  }

  TempDir dir_;
  std::string disks_, entries_;
};

TEST_F(ExecRecipeTest, GivesTemperatureWearAndHealthOfEachDisk) {
  add_disk("sda", "smartctl-ata.json", 72);  // failing, with errors in its log
  add_disk("sdb", "smartctl-ata.json", 4);   // refused a command
  add_disk("nvme0", "smartctl-nvme.json", 0);
  add_disk("nvme1", "smartctl-nvme.json", 2);  // could not be opened
  write_smartctl();
  Daemon daemon(equipment_site("    drivers:\n" + entries_));
  daemon.start();
  for (const std::string disk : {"sda", "sdb"}) {
    std::map<std::string, double> got;
    ASSERT_TRUE(eventually([&] { return (got = readings(daemon, disk)).size() > 3; })) << daemon.output();
    EXPECT_THAT(got, IsSupersetOf({Pair("disk_temperature", 38.0), Pair("disk_healthy", 0.0),
                                   Pair("power_on_time_hours", 21034.0),
                                   Pair("ata_smart_attributes_table_Reallocated_Sector_Ct_raw_value", 816.0),
                                   Pair("ata_smart_attributes_table_Wear_Leveling_Count_value", 88.0)}));
    EXPECT_THAT(got, Not(Contains(Key("ata_smart_attributes_table_Wear_Leveling_Count_flags_value"))));
  }
  std::map<std::string, double> got;
  ASSERT_TRUE(eventually([&] { return (got = readings(daemon, "nvme0")).size() > 3; })) << daemon.output();
  EXPECT_THAT(got, IsSupersetOf({Pair("disk_temperature", 41.0), Pair("disk_healthy", 1.0),
                                 Pair("nvme_smart_health_information_log_percentage_used", 12.0)}));
  ASSERT_TRUE(eventually([&] { return !(got = readings(daemon, "nvme1")).empty(); })) << daemon.output();
  EXPECT_THAT(got, Not(Contains(Key("disk_temperature"))));
}

}  // namespace
}  // namespace vigile
