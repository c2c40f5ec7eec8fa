// SPDX-License-Identifier: Apache-2.0
// Lines that a server refuses, few among many and many in a row: exactly those must end as dead letters, and
// finding them must not cost more requests than their number times the logarithm of a batch.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <set>
#include <tuple>

#include "faults/rounds.h"
#include "sinks/hostile_influx.h"
#include "sinks/influx_site.h"
#include "support/influx_server.h"

namespace vigile {
namespace {

constexpr std::int64_t kTime = 1'793'491'200'000'000'000;  // the fake clock's start

struct Poison {
  const char* name;
  int points;
  int first_bad;       // number of the first bad one
  int bad;             // how many
  int apart;           // from one to the next
  int segment = 1000;  // points of one
};

constexpr Poison kPoisons[] = {
    {"1 in 1,000", 20'000, 517, 20, 1000},
    {"1 in 100,000", 100'000, 71'234, 1, 1},
    {"1,000 in a row", 20'000, 9'300, 1000, 1},
    {"first and last", 5'000, 0, 2, 4999},
};

bool is_bad(const Poison& poison, int number) {
  const int offset = number - poison.first_bad;
  return offset >= 0 && offset % poison.apart == 0 && offset / poison.apart < poison.bad;
}

// What is allowed: each bad line costs a bisection of its batch, and every batch a request. Neighbours share.
double most_requests(const Poison& poison, double batches, double batch_points) {
  return batches + 2 + 2.0 * poison.bad * (std::log2(batch_points) + 2);
}

struct Tally {
  std::multiset<std::string> bad;
  std::set<std::string> good;
};

// Appends the points; `bad_line` makes the bad ones.
Tally fill(InfluxSite& site, const Poison& poison, const std::function<std::string(int)>& bad_line) {
  Tally tally;
  std::string lines;
  for (int number = 0; number < poison.points; ++number) {
    const bool bad = is_bad(poison, number);
    const std::string line = bad ? bad_line(number)
                                 : "m,n=" + std::to_string(number % 50) + " v=" + std::to_string(number) +
                                       " " + std::to_string(kTime + number);
    bad ? (void)tally.bad.insert(line) : (void)tally.good.insert(line);
    lines += line + "\n";
    if ((number + 1) % poison.segment == 0 || number + 1 == poison.points) {
      site.append(lines);
      lines.clear();
    }
  }
  return tally;
}

void report(const char* server, const Poison& poison, const DeliveryStatus& status, double allowed) {
  std::printf(
      "poison, %-14s %-15s %6d points, %4d bad: %4llu dead letters in %5llu requests (at most %.0f)\n",
      server, poison.name, poison.points, poison.bad, static_cast<unsigned long long>(status.dead_letters),
      static_cast<unsigned long long>(status.requests), allowed);
}

class ScriptedPoison : public testing::TestWithParam<std::tuple<const char*, bool>> {};

// `all_or_nothing`: the server stores nothing of a batch with a bad line, and does not name all of them.
TEST_P(ScriptedPoison, ExactlyTheBadLinesAreDeadLetters) {
  const auto& [api, all_or_nothing] = GetParam();
  for (const Poison& poison : kPoisons) {
    SCOPED_TRACE(poison.name);
    Database database(api);
    ScriptedHttpServer server(
        [&, nothing = all_or_nothing](const ScriptedRequest& r) { return database.write(r.body, nothing); });
    InfluxSite site(with(api, server.url()), {.isolation_requests = 1'000'000});
    const Tally tally = fill(site, poison, [](int n) { return "bad v=" + std::to_string(n) + " 1"; });
    ASSERT_TRUE(site.drain(200'000)) << site.status().reason;
    EXPECT_EQ(database.stored, tally.good);
    EXPECT_EQ(site.letter_lines(), tally.bad);
    const double batch_points = std::min(poison.points, 30'000);
    const double allowed = most_requests(poison, std::ceil(poison.points / 1000.0), batch_points);
    EXPECT_LE(static_cast<double>(site.status().requests), allowed);
    report((std::string(api) + (all_or_nothing ? " malformed" : " partial")).c_str(), poison, site.status(),
           allowed);
  }
}

INSTANTIATE_TEST_SUITE_P(Apis, ScriptedPoison,
                         testing::Combine(testing::Values("v1", "v2", "v3"), testing::Bool()));

// How a real InfluxDB 1 refuses lines, and what it then stores.
struct RealPoison {
  const char* name;
  std::function<std::string(int)> bad_line;
};

TEST(RealPoison, ExactlyTheBadLinesAreDeadLetters) {
  const RealPoison kinds[] = {
      {"not line protocol", [](int n) { return "bad v=" + std::to_string(n) + "x 1"; }},
      {"type conflict", [](int n) { return "typed v=\"text\" " + std::to_string(kTime + n); }},
      {"beyond retention",
       [](int n) { return "m,n=old v=" + std::to_string(n) + " " + std::to_string(1'000'000 + n); }},
  };
  InfluxServer influx;
  int number = 0;
  for (const RealPoison& kind : kinds) {
    for (const Poison& poison : kPoisons) {
      SCOPED_TRACE(std::string(kind.name) + ", " + poison.name);
      const std::string database = "p" + std::to_string(++number);
      influx.create_database(database);
      influx.query(database,
                   "CREATE RETENTION POLICY short ON " + database + " DURATION 520w REPLICATION 1 DEFAULT");
      InfluxSite site({{"api", "v1"}, {"url", influx.url()}, {"database", database}},
                      {.isolation_requests = 1'000'000});
      site.append("typed v=1 " + std::to_string(kTime) + "\n");
      const Tally tally = fill(site, poison, kind.bad_line);
      ASSERT_TRUE(site.drain(200'000)) << site.status().reason;
      std::uint64_t stored = 0;
      influx.for_each_row(database, "SELECT \"v\", \"n\" FROM m",
                          [&](const InfluxServer::Row&) { ++stored; });
      EXPECT_EQ(stored, tally.good.size());
      EXPECT_EQ(site.letter_lines(), tally.bad);
      const double allowed =
          most_requests(poison, std::ceil(poison.points / 1000.0) + 1, std::min(poison.points, 30'000));
      EXPECT_LE(static_cast<double>(site.status().requests), allowed);
      report(kind.name, poison, site.status(), allowed);
    }
  }
}

}  // namespace
}  // namespace vigile
