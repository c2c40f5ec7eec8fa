// SPDX-License-Identifier: Apache-2.0
#include "sampling/line_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "sampling/timeline.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

const EquipmentIdentity kServer{"1", "Serveur principal", "server", "127.0.0.1"};

WireFormat equipment_layout() {
  return WireFormat{.native = false, .encode = {}, .site_id = "12", .site_name = "Lyon-Nord"};
}

TEST(EquipmentLayout, WritesOneLineAMetricWithSortedTags) {
  LineWriter writer(equipment_layout(), kServer, {{"room", "B 2"}, {"metric_name", "forged"}});
  const std::array values = {Value{"cpu_usage", "usage", 12.5}, Value{"cpu_forks", "forks", std::int64_t{3}},
                             Value{"cpu_up", "up", true}};
  const std::array tags = {Tag{"core", "0"}, Tag{"equipment_id", "forged"}};
  const std::array extra = {ExtraField{"seq", std::int64_t{7}}};
  writer.write(Sample{.measurement = "cpu", .tags = tags, .values = values, .extra = extra}, 1000);
  const std::string head =
      "equipment_metrics,core=0,equipment_id=1,equipment_name=Serveur\\ principal,equipment_type=server,"
      "ip_address=127.0.0.1,metric_name=";
  const std::string tail = ",room=B\\ 2,site_id=12,site_name=Lyon-Nord value=";
  EXPECT_EQ(writer.lines().text, head + "cpu_usage" + tail + "12.5,seq=7i 1000\n" +   //
                                     head + "cpu_forks" + tail + "3,seq=7i 1000\n" +  //
                                     head + "cpu_up" + tail + "1,seq=7i 1000\n");
  EXPECT_EQ(writer.lines().points, 3u);
}

TEST(EquipmentLayout, LeavesOutEmptyTagsAndWhatIsNotANumber) {
  LineWriter writer(WireFormat{.site_id = "12"}, EquipmentIdentity{"1", "", "other", ""}, {});
  const std::array values = {Value{"a", "a", std::nan("")}, Value{"b", "b", std::string_view("ok")},
                             Value{"c", "c", 1.0}};
  const std::array extra = {ExtraField{"x", INFINITY}};
  writer.write(Sample{.measurement = "m", .values = values, .extra = extra}, 5);
  EXPECT_EQ(writer.lines().text,
            "equipment_metrics,equipment_id=1,equipment_type=other,metric_name=b,site_id=12 text=\"ok\" 5\n"
            "equipment_metrics,equipment_id=1,equipment_type=other,metric_name=c,site_id=12 value=1 5\n");
  EXPECT_EQ(writer.lines().points, 2u);
}

TEST(EquipmentLayout, WritesAvailability) {
  LineWriter writer(equipment_layout(), kServer, {});
  writer.write_availability(true, 45.25, 9);
  writer.write_availability(false, std::nullopt, 10);
  EXPECT_NE(writer.lines().text.find(
                "metric_name=availability,site_id=12,site_name=Lyon-Nord value=1,response_time_ms=45.25 9\n"),
            std::string::npos);
  EXPECT_NE(writer.lines().text.find(" value=0 10\n"), std::string::npos);
}

TEST(EquipmentLayout, KeepsTheSpanOfTimesAndStartsAnewWhenCleared) {
  LineWriter writer(equipment_layout(), kServer, {});
  for (const std::int64_t time : {50, 20, 70}) writer.write_availability(true, {}, time);
  EXPECT_EQ(writer.lines().first_ns, 20);
  EXPECT_EQ(writer.lines().last_ns, 70);
  writer.clear();
  writer.write_availability(true, {}, 60);
  EXPECT_EQ(writer.lines().first_ns, 60);
  EXPECT_EQ(writer.lines().last_ns, 60);
  EXPECT_EQ(writer.lines().points, 1u);
}

TEST(NativeLayout, WritesOneLineASample) {
  WireFormat format = equipment_layout();
  format.native = true;
  LineWriter writer(format, kServer, {});
  const std::array values = {Value{"cpu_usage", "usage", 12.5}, Value{"x", "bad", std::nan("")},
                             Value{"cpu_forks", "forks", std::uint64_t{3}}};
  const std::array tags = {Tag{"core", "0"}};
  writer.write(Sample{.measurement = "cpu", .tags = tags, .values = values}, 1000);
  EXPECT_EQ(writer.lines().text, "cpu,core=0,equipment_id=1,site_id=12 usage=12.5,forks=3i 1000\n");
  writer.clear();
  const std::array nothing = {Value{"x", "bad", std::nan("")}};
  const std::array extra = {ExtraField{"seq", std::int64_t{1}}};
  writer.write(Sample{.measurement = "cpu", .values = nothing, .extra = extra}, 1000);
  EXPECT_EQ(writer.lines().text, "");
  EXPECT_EQ(writer.lines().points, 0u);
}

TEST(NativeLayout, NumbersPastInt64AreLeftOutAndCounted) {
  WireFormat format = equipment_layout();
  format.native = true;
  LineWriter writer(format, kServer, {});
  const std::array values = {Value{"n", "n", UINT64_MAX}, Value{"m", "m", std::uint64_t{3}}};
  writer.write(Sample{.measurement = "x", .values = values}, 1);
  EXPECT_NE(writer.lines().text.find(" m=3i 1\n"), std::string::npos);
  EXPECT_EQ(writer.left_out(), 1u);
  EXPECT_TRUE(writer.write_point({"p", {}, {{"a", UINT64_MAX}, {"b", 1.0}}, {}}, PointOrigin::here, 2, {}));
  EXPECT_EQ(writer.left_out(), 2u);
  EXPECT_FALSE(writer.write_point({"p", {}, {{"a", UINT64_MAX}}, {}}, PointOrigin::here, 2, {}));
  format.encode.unsigned_floats = true;
  LineWriter floats(format, kServer, {});
  floats.write(Sample{.measurement = "x", .values = values}, 1);
  EXPECT_NE(floats.lines().text.find(" n=18446744073709551616,m=3 1\n"), std::string::npos);
  EXPECT_EQ(floats.left_out(), 0u);
}

TEST(NativeLayout, AMetricCalledTimeIsKept) {
  WireFormat format = equipment_layout();
  format.native = true;
  LineWriter writer(format, kServer, {});
  const std::array values = {Value{"time", "time", 0.25}};
  writer.write(Sample{.measurement = "exec", .values = values}, 1);
  EXPECT_NE(writer.lines().text.find(" time_=0.25 1\n"), std::string::npos);
}

TEST(NativeLayout, WritesUnsignedWhenAskedTo) {
  WireFormat format = equipment_layout();
  format.native = true;
  format.encode.unsigned_integers = true;
  LineWriter writer(format, kServer, {});
  const std::array values = {Value{"n", "n", std::uint64_t{3}}};
  writer.write(Sample{.measurement = "m", .values = values}, 1);
  EXPECT_NE(writer.lines().text.find(" n=3u 1\n"), std::string::npos);
}

TEST(Timeline, CountsFromBootUntilTheClockIsSet) {
  FakeClock clock;
  clock.set_wall_is_set(false);
  Timeline timeline(clock);
  EXPECT_EQ(timeline.now().clock, ClockState::unset);
  EXPECT_EQ(timeline.now().stamp(clock.boot()), to_ns(clock.boot()));
  clock.set_wall_is_set(true);
  EXPECT_EQ(timeline.now().clock, ClockState::set);
  EXPECT_EQ(timeline.now().stamp(clock.boot()), to_ns(clock.wall()));
  clock.set_wall_is_set(false);  // lost its server: the time is still good
  EXPECT_EQ(timeline.now().clock, ClockState::set);
}

TEST(Timeline, FollowsAStepOfTheClockAndIgnoresJitter) {
  FakeClock clock;
  Timeline timeline(clock);
  const auto before = timeline.now();
  clock.step_wall(500us);
  EXPECT_EQ(timeline.now().offset_ns, before.offset_ns);
  clock.step_wall(-1h);
  EXPECT_EQ(timeline.now().stamp(clock.boot()), to_ns(clock.wall()));
}

}  // namespace
}  // namespace vigile
