// SPDX-License-Identifier: Apache-2.0
// The real sink and the real delivery loop over a real log, against servers that answer anything in any
// order, and against answers that are far too large. Each mishap alone is in tests/sinks.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <random>

#include "faults/rounds.h"
#include "sinks/hostile_influx.h"
#include "sinks/influx_site.h"

namespace vigile {
namespace {

using Then = ScriptedAnswer::Then;

constexpr int kSeeds = 25;  // of each API

struct Tally {
  unsigned long long points = 0;
  unsigned long long bad = 0;
  unsigned long long requests = 0;
};

double resident_mib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  double kib = 0;
  while (status >> word) {
    if (word == "VmRSS:") status >> kib;
  }
  return kib / 1024;
}

class WalkTest : public ::testing::TestWithParam<const char*> {};

// Any answers in any order. At the end every good line is stored, every bad one is a dead letter once, and
// nothing else is.
TEST_P(WalkTest, EndsWithEverythingInItsPlace) {
  const std::string api = GetParam();
  const auto seeds = static_cast<std::uint64_t>(kSeeds * fault_rounds());
  Tally tally;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(api + ", seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Database database(api);
    std::atomic<bool> hostile = true;
    const std::vector<Mishap> all = mishaps();
    ScriptedHttpServer server([&](const ScriptedRequest& r) {
      if (hostile && random() % 3 == 0) {
        if (random() % 4 == 0 && r.body.size() > 300) return ScriptedAnswer{.status = 413};
        if (random() % 4 == 0) return ScriptedAnswer{.status = 429, .headers = {"Retry-After: 2"}};
        const Mishap& mishap = all[random() % all.size()];
        if (mishap.answer.then != Then::never && mishap.answer.body.size() < 100000) {
          if (random() % 2 == 0) (void)database.write(r.body);
          return mishap.answer;
        }
      }
      ScriptedAnswer answer = database.write(r.body, random() % 3 == 0);
      // The verdict on lines may break off, too.
      if (hostile && !answer.body.empty() && random() % 4 == 0) answer.then = Then::cut;
      return answer;
    });
    InfluxSite site(with(api, server.url(), {{"gzip", seed % 2 == 0}}),
                    {.live_first = seed % 3 == 0, .batch_bytes = 4000, .seed = seed});
    std::set<std::string> good;
    std::multiset<std::string> bad;
    std::mt19937_64 lines_random(seed);
    for (int segment = 0, number = 0; segment < 40; ++segment) {
      std::string lines;
      for (std::uint64_t n = 1 + lines_random() % 25; n > 0; --n, ++number) {
        const bool is_bad = lines_random() % 30 == 0;
        const std::string line = (is_bad ? "bad v=" : "m v=") + std::to_string(number) + " 1";
        is_bad ? (void)bad.insert(line) : (void)good.insert(line);
        lines += line + "\n";
      }
      site.append(lines);
      for (int step = 0; step < 5; ++step) site.clock().advance_to(site.delivery().step({}));
    }
    hostile = false;
    ASSERT_TRUE(site.drain()) << site.status().reason;
    EXPECT_EQ(database.stored, good);
    EXPECT_EQ(site.letter_lines(), bad);
    tally.points += good.size() + bad.size();
    tally.bad += bad.size();
    tally.requests += server.requests().size();
  }
  std::printf("hostile HTTP, %s: %llu walks, %llu points in %llu requests, %llu bad; lost 0, doubled 0\n",
              api.c_str(), static_cast<unsigned long long>(seeds), tally.points, tally.requests, tally.bad);
}

INSTANTIATE_TEST_SUITE_P(Apis, WalkTest, ::testing::Values("v1", "v2", "v3"));

// The body and the header come for as long as somebody reads.
TEST(HostileHttp, AnAnswerWithoutEndIsNotReadToItsEnd) {
  for (const bool in_header : {false, true}) {
    std::atomic<bool> hostile = true;
    Database database("v2");
    ScriptedHttpServer server([&](const ScriptedRequest& r) {
      if (!hostile.exchange(false)) return database.write(r.body);
      ScriptedAnswer flood{.then = Then::flood};
      flood.raw = in_header ? "HTTP/1.1 500 Scripted\r\nX-Flood: "
                            : "HTTP/1.1 500 Scripted\r\nContent-Length: 1073741824\r\n\r\n";
      return flood;
    });
    InfluxSite site(v2(server.url(), {{"timeout", ms(10'000)}}));
    site.append(numbered(0, 100));
    const double before = resident_mib();
    EXPECT_EQ(site.try_once().state, DeliveryStatus::State::retrying);
    EXPECT_LT(resident_mib() - before, 8);
    EXPECT_LT(server.flooded(), 64u << 20) << "it went on reading";
    EXPECT_TRUE(site.drain(3));
    EXPECT_EQ(database.stored.size(), 100u);
    std::printf("hostile HTTP: an answer of 1 GiB (%s) was given up after %.1f MiB\n",
                in_header ? "header" : "body", static_cast<double>(server.flooded()) / (1 << 20));
  }
}

// Redirects: to itself, to another host. The token stays here, the lines wait.
TEST(HostileHttp, RedirectsInCirclesGoNowhere) {
  ScriptedHttpServer elsewhere([](const ScriptedRequest&) { return ScriptedAnswer{}; });
  std::string target;
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedAnswer{.status = 307, .headers = {"Location: " + target}};
  });
  InfluxSite site(v2(server.url()));
  site.append(numbered(0, 100));
  for (const std::string& to :
       {server.url() + "/api/v2/write", elsewhere.url() + "/api/v2/write", std::string("/")}) {
    target = to;
    EXPECT_EQ(site.try_once().state, DeliveryStatus::State::paused);
  }
  EXPECT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(elsewhere.connections(), 0);
  EXPECT_EQ(site.backlog(), 100u);
}

}  // namespace
}  // namespace vigile
