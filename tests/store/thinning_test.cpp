// SPDX-License-Identifier: Apache-2.0
#include "store/thinning.h"

#include <gtest/gtest.h>

namespace vigile {
namespace {

using namespace std::chrono_literals;

ThinnedLines thin(std::string_view lines, std::chrono::nanoseconds window = 1min) {
  LineThinner thinner(window);
  thinner.add(lines);
  return thinner.finish();
}

TEST(Thinning, MakesOneLineASeriesAndWindow) {
  const auto made = thin(
      "m,id=1 value=1 60000000000\n"
      "m,id=2 value=5 60000000001\n"
      "m,id=1 value=2 70000000000\n"
      "m,id=1 value=6 119999999999\n"
      "m,id=1 value=9 120000000000\n");
  EXPECT_EQ(made.lines,
            "m,id=1 value=3,value_min=1,value_max=6,value_count=3i 60000000001\n"
            "m,id=2 value=5 60000000001\n"
            "m,id=1 value=9 120000000000\n");
  EXPECT_EQ(made.points, 3u);
  EXPECT_EQ(made.taken, 3u);
  EXPECT_EQ(made.made, 1u);
  EXPECT_EQ(made.first_ns, 60000000001);
  EXPECT_EQ(made.last_ns, 120000000000);
}

TEST(Thinning, KeepsTypesAndTakesTheLastOfWhatIsNoNumber) {
  const auto made = thin(
      "m a=1i,s=\"x, y\",b=true,u=18446744073709551615u 1\n"
      "m a=2i,s=\"z\\\"\",b=false,u=18446744073709551615u 2\n");
  EXPECT_EQ(made.lines,
            "m a=2i,a_min=1i,a_max=2i,a_count=2i,s=\"z\\\"\",b=false,"
            "u=18446744073709551615u,u_min=18446744073709551615u,u_max=18446744073709551615u,u_count=2i 2\n");
}

TEST(Thinning, ThinsThinnedLinesByTheirCounts) {
  const auto minutes = thin(
      "m value=1 0\nm value=3 1000000000\nm value=8 2000000000\n"
      "m value=10 60000000000\n"
      "m value=20 120000000000\nm value=40 121000000000\n");
  const auto made = thin(minutes.lines, 10min);
  EXPECT_EQ(made.lines, "m value=13.666666666666666,value_min=1,value_max=40,value_count=6i 2\n");
  EXPECT_EQ(made.taken, 3u);
  EXPECT_EQ(made.made, 1u);
}

TEST(Thinning, LeavesAsTheyWere) {
  const std::string lines =
      "equipment_status_changes,equipment_id=1,new_status=offline,old_status=online status_value=0 1\n"
      "equipment_status_changes,equipment_id=1,new_status=offline,old_status=online status_value=0 2\n"
      "agent_gaps seconds=5 3\n"
      "agent_gaps seconds=5 4\n"
      "m value=1\n"
      "m value=2\n"
      "not a line\n"
      "n value=1 5\n"
      "n value=\"text\" 6\n";
  const auto made = thin(lines);
  EXPECT_EQ(made.lines, lines);
  EXPECT_EQ(made.points, 9u);
  EXPECT_EQ(made.taken, 0u);
}

TEST(Thinning, NeverNamesAFieldTwice) {
  const auto once = thin("m rtt=2,rtt_min=1 1\nm rtt=4,rtt_min=3 2\n");
  EXPECT_EQ(once.lines, "m rtt=3,rtt_min=2,rtt_min_min=1,rtt_min_max=3,rtt_min_count=2i 2\n");
  const auto twice = thin(once.lines + "m rtt=5,rtt_min=5 3\n");
  EXPECT_EQ(twice.lines, "m rtt=4,rtt_min=3,rtt_min_min=1,rtt_min_max=5,rtt_min_count=3i 3\n");
}

TEST(Thinning, IntegersBeyondADoubleAndTimesBeforeTheEpoch) {
  EXPECT_EQ(thin("m a=9223372036854775807i 1\nm a=9223372036854775807i 2\n").lines,
            "m a=9223372036854775807i,a_min=9223372036854775807i,a_max=9223372036854775807i,a_count=2i 2\n");
  EXPECT_EQ(thin("m a=1 -1\nm a=2 0\n").taken, 0u);
}

}  // namespace
}  // namespace vigile
