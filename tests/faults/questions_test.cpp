// SPDX-License-Identifier: Apache-2.0
// Memory of questions: thousands of series, every question there is, again and again. No answer holds more
// than question_memory, and in the end the daemon has given back what the answers took. A soak of 20 minutes:
// VIGILE_FAULT_ROUNDS=200 questions_test --gtest_filter='*/1'
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

constexpr int kPointsEach = 3;
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

struct Questioned {
  const char* limit;
  double limit_kib;
  int series;
  int rounds;
};

void record(const Daemon& daemon, int series) {
  for (int round = 0; round < kPointsEach; ++round) {
    for (int from = 0; from < series; from += 2000) {
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

double private_kib(pid_t pid) {
  return memory_kib(pid, "smaps_rollup", "Private_Dirty:");
}

class QuestionsTest : public ::testing::TestWithParam<Questioned> {};

TEST_P(QuestionsTest, LeaveNothingBehindAndHoldNoMoreThanTheyMay) {
  const Questioned& asked = GetParam();
  Daemon daemon(kSettings + asked.limit + "}\n");
  daemon.start();
  const pid_t pid = daemon.process().pid();
  record(daemon, asked.series);
  const double begin = memory_kib(pid, "status", "VmRSS:");
  const double before = private_kib(pid);
  int refused = 0;
  const int rounds = asked.rounds * fault_rounds();
  for (int round = 0; round < rounds; ++round) {
    for (const std::string& question : questions()) {
      const Reply reply = daemon.exchange("GET", question);
      if (reply.status == 200) continue;
      ++refused;
      ASSERT_EQ(reply.status, 400) << question << ": " << reply.body;
      EXPECT_THAT(reply.body, HasSubstr("ask for a shorter period"));
    }
  }
  // What a question held is given back just after its answer.
  EXPECT_TRUE(kIsSanitized || eventually([&] { return private_kib(pid) <= before + kGivenBackKiB; }));
  const double end = private_kib(pid);
  const double peak = memory_kib(pid, "status", "VmHWM:");
  std::printf(
      "questions: %d series, %s, %d rounds, %d refused; %.0f KiB before, %.0f KiB after; resident "
      "%.0f, peak %.0f\n",
      asked.series, asked.limit, rounds, refused, before, end, begin, peak);
  if (!kIsSanitized) {
    EXPECT_LE(peak - begin, asked.limit_kib + kBesideKiB);
  }
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

INSTANTIATE_TEST_SUITE_P(Limits, QuestionsTest,
                         ::testing::Values(Questioned{"1MiB", 1024, 6000, 12},
                                           Questioned{"8MiB", 8 * 1024, 6000, 12},
                                           Questioned{"8MiB", 8 * 1024, 60'000, 3}));

}  // namespace
}  // namespace vigile
