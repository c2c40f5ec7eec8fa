// SPDX-License-Identifier: Apache-2.0
// Memory of questions: thousands of series, every question there is, again and again. No answer holds more
// than question_memory, and in the end the daemon has given back what the answers took.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "support/sanitized.h"

namespace vigile {
namespace {

using ::testing::HasSubstr;

constexpr int kSeries = 6000;
constexpr int kPointsEach = 3;
constexpr int kRounds = 12;
constexpr double kGivenBackKiB = 1024;
// Beside the question itself: the database's pages, one segment, the answer on its way.
constexpr double kBesideKiB = 6 * 1024;

const std::string kSettings = R"(
site: {id: 1, name: test}
device: edge
equipment:
  - {id: wide, name: wide, type: server}
store: {path: @STORE@}
api: {socket: @SOCKET@, question_memory: )";

double memory_kib(pid_t pid, const std::string& file, const std::string& key) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/" + file);
  std::string word;
  double kib = 0;
  while (rollup >> word) {
    if (word == key) rollup >> kib;
  }
  return kib;
}

void record(const Daemon& daemon) {
  for (int round = 0; round < kPointsEach; ++round) {
    for (int from = 0; from < kSeries; from += 2000) {
      std::string lines;
      for (int i = from; i < from + 2000; ++i) {
        lines += "wide,port=" + std::to_string(i) + " octets=" + std::to_string(i + round) + "\n";
      }
      const Reply reply = daemon.exchange("POST", "/api/equipment/wide/metrics/", lines, "text/plain");
      ASSERT_EQ(reply.status, 200) << reply.body;
    }
  }
}

std::vector<std::string> questions() {
  std::vector<std::string> all = {"/api/equipment/",
                                  "/api/sites/1/equipment-summary/",
                                  "/api/influxdb/dashboard/",
                                  "/api/influxdb/availability-report/?format=csv",
                                  "/api/agent/status",
                                  "/api/agent/dead-letters",
                                  "/metrics"};
  for (const char* question :
       {"metrics/?limit=10000", "metrics/?last=3&limit=10000",
        "metrics/?aggregation=mean&window=1m&limit=10000", "metrics/?aggregation=p95&limit=10000",
        "metrics/?aggregation=p95&window=1h&period=30d", "metrics/?limit=10", "stats/", "stats/?period=30d",
        "history/", "dashboard/", "availability-report/"}) {
    all.push_back(std::string("/api/equipment/wide/") + question);
  }
  return all;
}

class QuestionsTest : public ::testing::TestWithParam<const char*> {};

TEST_P(QuestionsTest, LeaveNothingBehindAndHoldNoMoreThanTheyMay) {
  Daemon daemon(kSettings + GetParam() + "}\n");
  daemon.start();
  const pid_t pid = daemon.process().pid();
  record(daemon);
  const double begin = memory_kib(pid, "status", "VmRSS:");
  double warm = 0;
  int refused = 0;
  const int rounds = kRounds * fault_rounds();
  for (int round = 0; round < rounds; ++round) {
    for (const std::string& question : questions()) {
      const Reply reply = daemon.exchange("GET", question);
      if (reply.status == 200) continue;
      ++refused;
      ASSERT_EQ(reply.status, 400) << question << ": " << reply.body;
      EXPECT_THAT(reply.body, HasSubstr("ask for a shorter period"));
    }
    if (round == 1) warm = memory_kib(pid, "smaps_rollup", "Private_Dirty:");
  }
  const double end = memory_kib(pid, "smaps_rollup", "Private_Dirty:");
  const double peak = memory_kib(pid, "status", "VmHWM:");
  std::printf(
      "questions: %s, %d rounds, %d refused; %.0f KiB after two, %.0f KiB at the end; resident %.0f, peak "
      "%.0f\n",
      GetParam(), rounds, refused, warm, end, begin, peak);
  if (!kIsSanitized) {
    EXPECT_LE(end - warm, kGivenBackKiB);
    const double allowed = std::string(GetParam()) == "1MiB" ? 1024 : 8 * 1024;
    EXPECT_LE(peak - begin, allowed + kBesideKiB);
  }
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

INSTANTIATE_TEST_SUITE_P(Limits, QuestionsTest, ::testing::Values("1MiB", "8MiB"));

}  // namespace
}  // namespace vigile
