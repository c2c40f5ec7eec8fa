// SPDX-License-Identifier: Apache-2.0
#include "equipment/equipment_lines.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sampling/line_writer.h"

namespace vigile {
namespace {

const EquipmentIdentity kServer{"1", "Serveur principal", "server", "127.0.0.1"};
const std::map<std::string, std::string> kTags = {{"hall", "B"}, {"equipment_id", "forged"}};
const std::string kHead = "equipment_id=1,equipment_name=Serveur\\ principal,equipment_type=server,hall=B,";

EquipmentLines lines(bool native = false) {
  return EquipmentLines({.native = native, .site_id = "12", .site_name = "Lyon"}, kServer, kTags);
}

TEST(EquipmentLines, WriteAMetric) {
  std::string out;
  EXPECT_TRUE(lines().append_metric("temperature", 25.5,
                                    {{"room", "2"}, {"site_id", "forged"}, {"metric_name", "forged"}},
                                    {{"n", std::int64_t{3}}, {"value", 1.0}, {"note", "a b"}}, 7, out));
  EXPECT_TRUE(lines(true).append_metric("temperature", 25.5, {{"room", "2"}}, {}, 8, out));
  EXPECT_EQ(out,
            "equipment_metrics," + kHead +
                "ip_address=127.0.0.1,metric_name=temperature,room=2,site_id=12,site_name=Lyon "
                "value=25.5,n=3i,note=\"a b\" 7\n"
                "recorded,equipment_id=1,hall=B,metric_name=temperature,room=2,site_id=12 value=25.5 8\n");
}

TEST(EquipmentLines, LeaveOutWhatIsNoNumber) {
  std::string out;
  EXPECT_FALSE(lines().append_metric("t", std::nan(""), {}, {{"n", 1.0}}, 7, out));
  EXPECT_EQ(lines().append_performance(INFINITY, std::nullopt, std::nullopt, 7, out), 0u);
  EXPECT_EQ(out, "");
}

TEST(EquipmentLines, WriteAvailabilityAsDriversDo) {
  for (const bool native : {false, true}) {
    LineWriter writer({.native = native, .site_id = "12", .site_name = "Lyon"}, kServer, kTags);
    writer.write_availability(true, 45.25, 9);
    writer.write_availability(false, std::nullopt, 10);
    std::string out;
    EXPECT_TRUE(lines(native).append_availability(true, 45.25, "", 9, out));
    EXPECT_TRUE(lines(native).append_availability(false, std::nullopt, "", 10, out));
    EXPECT_EQ(out, writer.lines().text);
  }
  std::string out;
  lines(true).append_availability(false, std::nullopt, "un\"plugged", 10, out);
  EXPECT_EQ(out, "availability,equipment_id=1,hall=B,site_id=12 value=0,reason=\"un\\\"plugged\" 10\n");
}

TEST(EquipmentLines, WritePerformanceAsMetrics) {
  std::string out;
  EXPECT_EQ(lines(true).append_performance(10.5, 20, 3, 9, out), 3u);
  EXPECT_EQ(out,
            "recorded,equipment_id=1,hall=B,metric_name=cpu_usage,site_id=12 value=10.5 9\n"
            "recorded,equipment_id=1,hall=B,metric_name=memory_usage,site_id=12 value=20 9\n"
            "recorded,equipment_id=1,hall=B,metric_name=response_time,site_id=12 value=3 9\n");
}

TEST(EquipmentLines, WriteAStatusChange) {
  StatusChange change{.equipment_id = "1", .time_ns = 5, .old_status = "unknown", .new_status = "online"};
  std::string out;
  EXPECT_TRUE(lines().append_status_change(change, true, out));
  change.old_status = "online";
  change.new_status = "maintenance";
  change.reason = "new disk";
  change.until_ns = 99;
  EXPECT_TRUE(lines(true).append_status_change(change, false, out));
  EXPECT_EQ(out,
            "equipment_status_changes," + kHead +
                "ip_address=127.0.0.1,new_status=online,old_status=new,site_id=12,site_name=Lyon "
                "status_value=1,change_event=1i 5\n"
                "equipment_status_changes,equipment_id=1,hall=B,new_status=maintenance,old_status=online,"
                "site_id=12 status_value=-1,change_event=1i,reason=\"new disk\",until_ns=99i 5\n");
}

TEST(EquipmentLines, LeaveAPointAsItIs) {
  std::string out;
  EXPECT_TRUE(lines(true).append_point(
      {.measurement = "m", .tags = {{"site_id", "9"}}, .fields = {{"f", true}}}, 5, out));
  EXPECT_TRUE(lines(true).append_point({.measurement = "m", .fields = {{"f", true}}, .time_ns = 3}, 5, out));
  EXPECT_EQ(out,
            "m,equipment_id=1,hall=B,site_id=9 f=true 5\n"
            "m,equipment_id=1,hall=B,site_id=12 f=true 3\n");
}

TEST(EquipmentLines, WriteAGap) {
  std::string out;
  append_gap("12", "press-07", {100, 200}, out);
  EXPECT_EQ(out, "agent_gaps,device=press-07,site_id=12 from_ns=100i,to_ns=200i 200\n");
}

}  // namespace
}  // namespace vigile
