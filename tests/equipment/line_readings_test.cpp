// SPDX-License-Identifier: Apache-2.0
#include "equipment/line_readings.h"

#include <gmock/gmock.h>

#include <limits>

namespace vigile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimeSpan kEver{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};

std::vector<std::string> readings_of(std::string_view lines, std::string equipment_id = "",
                                     std::vector<std::string> metrics = {}, TimeSpan span = kEver,
                                     MetricNamer namer = nullptr) {
  LineReadings reader(std::move(namer), std::move(equipment_id), std::move(metrics));
  std::vector<std::string> found;
  // Twice, so that known heads are read as new ones are.
  for (int pass = 0; pass < 2; ++pass) {
    found.clear();
    reader.read(lines, span, [&](const Reading& reading) {
      found.push_back(std::string(reading.equipment_id) + "|" + std::string(reading.metric) + "|" +
                      std::string(reading.tags) + "|" + std::to_string(reading.value).substr(0, 5) + "|" +
                      std::to_string(reading.time_ns));
      return true;
    });
  }
  return found;
}

TEST(LineReadings, reads_the_equipment_layout) {
  const std::string lines =
      "equipment_metrics,core=0,equipment_id=1,equipment_name=Le\\ serveur,equipment_type=server,"
      "ip_address=127.0.0.1,metric_name=cpu_usage,mount=/,site_id=12,site_name=Lyon value=42.5 1000\n"
      "equipment_metrics,equipment_id=1,metric_name=availability,site_id=12 value=1,response_time_ms=4.5 "
      "1001\n"
      "equipment_metrics,equipment_id=a\\ b,metric_name=m,z=\\=x value=7i 1002\n";
  EXPECT_THAT(readings_of(lines), ElementsAre("1|cpu_usage|core=0,mount=/|42.50|1000",
                                              "1|availability||1.000|1001", "a b|m|z=\\=x|7.000|1002"));
}

TEST(LineReadings, reads_the_native_layout) {
  const std::string lines =
      "cpu,core=0,equipment_id=1,site_id=12 usage=5.5,up=true,name=\"x,y z\",extra=3 1000\n"
      "availability,equipment_id=1,site_id=12 value=0,response_time_ms=9 1001\n"
      "weather,equipment_id=1 temperature=21.5,wind=3u 1002\n";
  const MetricNamer namer = [](std::string_view measurement,
                               std::string_view field) -> std::optional<std::string> {
    if (measurement != "cpu") return std::nullopt;
    if (field == "usage") return "cpu_usage";
    if (field == "up") return "cpu_up";
    return "";
  };
  EXPECT_THAT(
      readings_of(lines, "", {}, kEver, namer),
      ElementsAre("1|cpu_usage|core=0|5.500|1000", "1|cpu_up|core=0|1.000|1000", "1|availability||0.000|1001",
                  "1|weather_temperature||21.50|1002", "1|weather_wind||3.000|1002"));
  EXPECT_THAT(readings_of(lines, "1", {"weather_wind"}, kEver, namer),
              ElementsAre("1|weather_wind||3.000|1002"));
}

TEST(LineReadings, passes_over_what_holds_no_reading) {
  EXPECT_THAT(readings_of("equipment_status_changes,equipment_id=1,new_status=online status_value=1 1\n"
                          "agent_gaps,device=d,equipment_id=1 from_ns=1i 2\n"
                          "equipment_metrics,metric_name=m value=1 3\n"
                          "equipment_metrics,equipment_id=1 value=1 3\n"
                          "equipment_metrics,equipment_id=1,metric_name=m text=\"t\" 4\n"
                          "equipment_metrics,equipment_id=1,metric_name=m value=\"5\" 4\n"
                          "equipment_metrics,equipment_id=1,metric_name=m value=5\n"
                          "equipment_metrics,equipment_id=1,metric_name=m value=nan 5\n"
                          "equipment_metrics,equipment_id=1,metric_name=m value=inf 5\n"
                          "garbage\n\n"
                          " \n"
                          "# equipment_metrics,equipment_id=1,metric_name=m value=1 3\n"),
              IsEmpty());
}

TEST(LineReadings, leaves_forwarded_lines_of_other_sites_alone) {
  LineReadings reader(nullptr, "", {}, "plant, one");
  std::vector<double> values;
  const std::string lines =
      "equipment_metrics,equipment_id=1,metric_name=m,site_id=plant\\,\\ one value=1 1\n"
      "equipment_metrics,equipment_id=1,metric_name=m,site_id=plant\\,\\ two value=2 2\n"
      "equipment_metrics,equipment_id=1,metric_name=m value=3 3\n"
      "press,equipment_id=1,site_id=2 force=4 4\n";
  EXPECT_TRUE(reader.read(lines, kEver, [&](const Reading& reading) {
    values.push_back(reading.value);
    return true;
  }));
  EXPECT_THAT(values, ElementsAre(1, 3));
}

TEST(LineReadings, leaves_the_mark_of_an_estimated_clock_out_of_the_tags) {
  EXPECT_THAT(readings_of("equipment_metrics,clock=estimated,equipment_id=1,metric_name=m value=1 3\n"
                          "equipment_metrics,clock=atomic,equipment_id=1,metric_name=m value=1 3\n"),
              ElementsAre("1|m||1.000|3", "1|m|clock=atomic|1.000|3"));
}

TEST(LineReadings, sorts_tags) {
  EXPECT_THAT(readings_of("equipment_metrics,z=1,equipment_id=1,metric_name=m,a=2 value=1 3\n"),
              ElementsAre("1|m|a=2,z=1|1.000|3"));
}

TEST(LineReadings, keeps_to_the_equipment_the_metrics_and_the_span) {
  std::string lines;
  for (int i = 0; i < 6; ++i) {
    lines += "equipment_metrics,equipment_id=" + std::to_string(i % 2 + 1) + ",metric_name=m" +
             std::to_string(i / 2) + " value=" + std::to_string(i) + " " + std::to_string(i) + "\n";
  }
  EXPECT_THAT(readings_of(lines, "1"), ElementsAre("1|m0||0.000|0", "1|m1||2.000|2", "1|m2||4.000|4"));
  EXPECT_THAT(readings_of(lines, "2", {"m1", "m2"}), ElementsAre("2|m1||3.000|3", "2|m2||5.000|5"));
  EXPECT_THAT(readings_of(lines, "", {}, {2, 4}), ElementsAre("1|m1||2.000|2", "2|m1||3.000|3"));
}

TEST(LineReadings, tells_heads_apart_that_begin_alike) {
  EXPECT_THAT(readings_of("equipment_metrics,equipment_id=1,metric_name=m value=1 1\n"
                          "equipment_metrics,equipment_id=1,metric_name=m2 value=2 2\n"
                          "equipment_metrics,equipment_id=12,metric_name=m value=3 3\n"
                          "equipment_metrics,equipment_id=1,metric_name=m value=4 4\n"
                          "equipment_metrics,equipment_id=12,metric_name=m value=5 5\n",
                          "1"),
              ElementsAre("1|m||1.000|1", "1|m2||2.000|2", "1|m||4.000|4"));
}

TEST(LineReadings, finds_the_end_of_tags_with_spaces) {
  EXPECT_THAT(
      readings_of("equipment_metrics,equipment_id=1,equipment_name=Le\\ serveur,metric_name=a value=1 1\n"
                  "equipment_metrics,equipment_id=1,equipment_name=Le\\ serveur,metric_name=b value=2 2\n"),
      ElementsAre("1|a||1.000|1", "1|b||2.000|2"));
}

TEST(LineReadings, ends_when_told_to) {
  LineReadings reader(nullptr, "", {});
  int count = 0;
  const std::string lines =
      "equipment_metrics,equipment_id=1,metric_name=m value=1 "
      "1\nequipment_metrics,equipment_id=1,metric_name=m value=1 2\n";
  EXPECT_FALSE(reader.read(lines, kEver, [&](const Reading&) { return ++count < 1; }));
  EXPECT_EQ(count, 1);
}

TEST(LineReadings, keeps_a_bounded_number_of_heads) {
  LineReadings reader(nullptr, "", {});
  std::size_t count = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = std::to_string(i);
    reader.read("equipment_metrics,equipment_id=" + id + ",metric_name=m value=1 " + id + "\n", kEver,
                [&](const Reading& reading) {
                  EXPECT_EQ(reading.equipment_id, id);
                  ++count;
                  return true;
                });
  }
  EXPECT_EQ(count, 20'000u);
}

}  // namespace
}  // namespace vigile
