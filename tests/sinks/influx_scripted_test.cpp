// SPDX-License-Identifier: Apache-2.0
// The InfluxDB sink, the delivery loop and a log against a server that answers as no real one can be made to.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <tuple>

#include "sinks/hostile_influx.h"
#include "sinks/influx_site.h"
#include "support/scripted_http_server.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using State = DeliveryStatus::State;
using Then = ScriptedAnswer::Then;

TEST(InfluxScriptedTest, RequestsAreWhatEachApiWants) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedAnswer{}; });
  struct Wanted {
    const char* api;
    const char* line;
    const char* authorization;
  };
  const Wanted cases[] = {
      {"v1", "POST /write?db=d&precision=ns HTTP/1.1", "Basic cHJlc3M6aHVudGVyMg=="},
      {"v2", "POST /api/v2/write?org=o&bucket=b&precision=ns HTTP/1.1", "Token s3cret-token"},
      {"v3", "POST /api/v3/write_lp?db=d&precision=nanosecond&accept_partial=true HTTP/1.1",
       "Bearer s3cret-token"},
  };
  for (const Wanted& wanted : cases) {
    for (const bool gzip : {true, false}) {
      InfluxSite site(
          with(wanted.api, server.url(),
               {{"gzip", gzip}, {"headers", std::map<std::string, std::string>{{"X-Site", "12"}}}}));
      site.append(numbered(0, 3));
      site.append(numbered(3, 5));
      ASSERT_TRUE(site.drain());
      const ScriptedRequest request = server.requests().back();
      EXPECT_EQ(request.line, wanted.line);
      EXPECT_EQ(request.header("authorization"), wanted.authorization);
      EXPECT_EQ(request.header("content-encoding"), gzip ? "gzip" : "");
      EXPECT_THAT(request.header("content-type"), HasSubstr("text/plain"));
      EXPECT_EQ(request.header("x-site"), "12");
      EXPECT_EQ(request.header("expect"), "");
      EXPECT_EQ(request.body, numbered(0, 5));
    }
  }
}

class BadLinesTest : public ::testing::TestWithParam<std::tuple<const char*, bool>> {};

TEST_P(BadLinesTest, AreDeadLettersAndTheRestArrives) {
  const auto& [api, all_or_nothing] = GetParam();
  Database database(api);
  ScriptedHttpServer server(
      [&, nothing = all_or_nothing](const ScriptedRequest& r) { return database.write(r.body, nothing); });
  InfluxSite site(with(api, server.url()));
  std::set<std::string> good;
  std::multiset<std::string> bad;
  for (int segment = 0; segment < 50; ++segment) {
    std::string lines = numbered(segment * 100, segment * 100 + 100);
    for (const std::string& line : lines_of(lines)) good.insert(line);
    if (segment % 17 == 3) {
      lines += "bad,s=" + std::to_string(segment) + " v=1 1\n";
      bad.insert("bad,s=" + std::to_string(segment) + " v=1 1");
    }
    site.append(lines);
  }
  ASSERT_TRUE(site.drain());
  EXPECT_EQ(database.stored, good);
  EXPECT_EQ(site.letter_lines(), bad);
  EXPECT_EQ(site.status().delivered_points, 5000u);
  EXPECT_EQ(site.status().dead_letters, 3u);
  // Named lines need no search; others halve 5,000 lines thirteen times each.
  const bool named = !all_or_nothing && std::string(api) != "v2";
  EXPECT_LE(server.requests().size(), named ? 5u : 3u * 2 * 13 + 3);
  for (const DeadLetter& letter : site.letters()) {
    EXPECT_THAT(letter.reason, ::testing::AnyOf(HasSubstr("missing fields"), HasSubstr("bad type"),
                                                HasSubstr("field type conflict")));
  }
}

INSTANTIATE_TEST_SUITE_P(Apis, BadLinesTest,
                         ::testing::Combine(::testing::Values("v1", "v2", "v3"), ::testing::Bool()));

TEST(InfluxScriptedTest, MoreThanAHundredBadLinesOfInfluxDb3) {
  Database database("v3");
  ScriptedHttpServer server([&](const ScriptedRequest& r) { return database.write(r.body); });
  InfluxSite site(v3(server.url()));
  site.append(numbered(0, 50) + numbered(0, 350, "bad") + numbered(50, 100));
  ASSERT_TRUE(site.drain());
  EXPECT_EQ(database.stored.size(), 100u);
  EXPECT_EQ(site.letter_lines().size(), 350u);
  EXPECT_LT(server.requests().size(), 20u);
}

// The body that names them is longer than what is read of it.
TEST(InfluxScriptedTest, MoreBadLinesThanAnAnswerIsReadOf) {
  Database database("v1");
  ScriptedHttpServer server([&](const ScriptedRequest& r) { return database.write(r.body); });
  InfluxSite site(v1(server.url()));
  std::string lines = numbered(0, 10);
  for (int i = 0; i < 2000; ++i)
    lines += "bad,k=" + std::string(200, 'x') + " v=" + std::to_string(i) + " 1\n";
  site.append(lines + numbered(10, 20));
  ASSERT_TRUE(site.drain());
  EXPECT_EQ(database.stored.size(), 20u);
  const auto letters = site.letter_lines();
  EXPECT_EQ(letters.size(), 2000u);
  EXPECT_EQ(std::set<std::string>(letters.begin(), letters.end()).size(), 2000u);
}

TEST(InfluxScriptedTest, WhatIsTooLargeIsHalvedAndOneLineTooLargeIsADeadLetter) {
  for (const bool hasty : {false, true}) {
    Database database("v2");
    ScriptedHttpServer server([&](const ScriptedRequest& r) {
      const bool large = std::stoul(r.header("content-length")) > 20000;
      if (large) return ScriptedAnswer{.status = 413, .body = "<html>413</html>", .then = Then::close};
      return hasty ? ScriptedAnswer{} : database.write(r.body);
    });
    server.hasty(hasty);
    InfluxSite site(v2(server.url(), {{"gzip", false}}));
    for (int i = 0; i < 100; ++i) site.append(numbered(i * 100, i * 100 + 100));
    if (!hasty) site.append("a v=1 1\nbig s=\"" + std::string(30000, 'x') + "\" 1\nb v=1 1\n");
    if (hasty) {
      // Refused before it was read, the connection ended under the sender.
      EXPECT_EQ(site.try_once().state, State::delivering);
      EXPECT_LT(site.status().batch_bytes, 256u << 10);
      continue;
    }
    ASSERT_TRUE(site.drain());
    EXPECT_EQ(database.stored.size(), 10002u);
    ASSERT_EQ(site.letters().size(), 1u);
    EXPECT_THAT(site.letters()[0].line, ::testing::StartsWith("big s="));
    EXPECT_THAT(site.letters()[0].reason, HasSubstr("413"));
    EXPECT_LE(site.status().batch_bytes, 20000u);
  }
}

TEST(InfluxScriptedTest, AServerThatAsksForAPauseGetsIt) {
  struct Told {
    int status;
    const char* header;
    std::chrono::nanoseconds least;
    std::chrono::nanoseconds most;
  };
  const Told cases[] = {
      // as told, and a random part of the flush interval, a second
      {429, "Retry-After: 17", 17s, 18s},
      {503, "retry-after:   86400", 3600s, 3600s},
      {503, "Retry-After: Sun, 01 Nov 2026 00:02:00 GMT", 100s, 121s},
      {429, "Retry-After: 0", 0s, 1s},
      {503, "Retry-After: nonsense", 0s, 1s},
      {503, "X-Else: 17", 0s, 1s},
  };
  for (const Told& told : cases) {
    ScriptedHttpServer server([&](const ScriptedRequest&) {
      return ScriptedAnswer{.status = told.status, .headers = {told.header}, .body = "busy"};
    });
    InfluxSite site(v2(server.url()));
    site.append(numbered(0, 3));
    const DeliveryStatus status = site.try_once();
    EXPECT_THAT(status.reason, HasSubstr("busy"));
    const auto wait = *status.next_try - site.clock().boot();
    EXPECT_GE(wait, told.least) << told.header;
    EXPECT_LE(wait, told.most) << told.header;
    EXPECT_EQ(site.backlog(), 3u);
    EXPECT_TRUE(site.letters().empty());
  }
}

// Nothing is lost, nothing is taken for a bad line, and what is said of it is short and fit to be shown.
TEST(InfluxScriptedTest, WhateverGoesWrongDataIsKept) {
  for (const Mishap& mishap : mishaps()) {
    SCOPED_TRACE(mishap.name);
    Database database("v2");
    std::atomic<bool> wrong = true;
    ScriptedHttpServer server([&](const ScriptedRequest& r) {
      const bool now = wrong.exchange(false);
      if (!now || mishap.stores) {
        const ScriptedAnswer stored = database.write(r.body);
        if (!now) return stored;
      }
      return mishap.answer;
    });
    const bool times_out = mishap.answer.then == Then::never;
    InfluxSite site(v2(server.url(), {{"timeout", ms(times_out ? 500 : 30'000)}}));
    site.append(numbered(0, 100));
    const DeliveryStatus status = site.try_once();
    EXPECT_EQ(status.state, mishap.state) << status.reason;
    EXPECT_EQ(status.failures, 1u);
    EXPECT_EQ(site.backlog(), 100u);
    EXPECT_FALSE(status.reason.empty());
    EXPECT_LE(status.reason.size(), 500u);
    EXPECT_THAT(status.reason, AllOf(Not(HasSubstr(kToken)), Not(HasSubstr("\x1b")), Not(HasSubstr("\x01"))));
    EXPECT_TRUE(site.drain(3));
    EXPECT_EQ(database.stored.size(), 100u);
    EXPECT_TRUE(site.letters().empty());
    EXPECT_EQ(site.status().reason, "");
  }
}

TEST(InfluxScriptedTest, A204ThatIsFollowedByAResetOrTricklesIsASuccess) {
  for (const ScriptedAnswer& answer :
       {ScriptedAnswer{.headers = {"Connection: close"}, .then = Then::close},
        ScriptedAnswer{.then = Then::trickle}, ScriptedAnswer{.content_length = 100}}) {
    ScriptedHttpServer server([&](const ScriptedRequest&) { return answer; });
    InfluxSite site(v2(server.url()));
    site.append(numbered(0, 10));
    EXPECT_TRUE(site.drain(3));
    EXPECT_EQ(server.requests().size(), 1u);
  }
  // RST may overtake the answer: then the lines are sent again, which changes nothing.
  std::atomic<int> count = 0;
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedAnswer{.then = count++ == 0 ? Then::reset : Then::go_on};
  });
  InfluxSite site(v2(server.url()));
  site.append(numbered(0, 10));
  EXPECT_TRUE(site.drain(3));
}

TEST(InfluxScriptedTest, RedirectsAreNotFollowedAndTheTokenStays) {
  ScriptedHttpServer elsewhere([](const ScriptedRequest&) { return ScriptedAnswer{}; });
  for (const int status : {301, 302, 303, 307, 308}) {
    ScriptedHttpServer server([&](const ScriptedRequest&) {
      return ScriptedAnswer{.status = status, .headers = {"Location: " + elsewhere.url() + "/api/v2/write"}};
    });
    InfluxSite site(v2(server.url()));
    site.append(numbered(0, 10));
    const DeliveryStatus said = site.try_once();
    EXPECT_EQ(said.state, State::paused);
    EXPECT_THAT(said.reason,
                AllOf(HasSubstr(std::to_string(status)), HasSubstr("redirect"), HasSubstr("url")));
    EXPECT_EQ(site.backlog(), 10u);
  }
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(InfluxScriptedTest, AStopEndsARequest) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedAnswer{.then = Then::never}; });
  InfluxSite site(v2(server.url()));
  site.append(numbered(0, 10));
  site.delivery().flush();
  std::stop_source stop;
  std::jthread stepping([&] { site.delivery().step(stop.get_token()); });
  while (server.requests().empty()) std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  stop.request_stop();
  stepping.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);  // then a sink is left behind
  EXPECT_EQ(site.status().failures, 0u);
  EXPECT_EQ(site.backlog(), 10u);
}

TEST(InfluxScriptedTest, AKeptConnectionThatTheServerHasEndedIsNoFailure) {
  ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedAnswer{.then = Then::close}; });
  InfluxSite site(v2(server.url()));
  for (int i = 0; i < 20; ++i) {
    site.append(numbered(i * 10, i * 10 + 10));
    EXPECT_EQ(site.try_once().failures, 0u);
  }
  EXPECT_EQ(site.backlog(), 0u);
  EXPECT_GE(server.connections(), 20);
}

// Then libcurl sends the body once more, from its beginning, on a new connection.
TEST(InfluxScriptedTest, AKeptConnectionThatEndsUnderARequestIsNoFailureEither) {
  std::atomic<int> count = 0;
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    return ScriptedAnswer{.then = count++ == 1 ? Then::close_before : Then::go_on};
  });
  InfluxSite site(v2(server.url()));
  for (int i = 0; i < 2; ++i) {
    for (int segment = 0; segment < 50; ++segment) site.append(numbered(0, 1 + segment));
    EXPECT_EQ(site.try_once().failures, 0u) << site.status().reason;
  }
  EXPECT_EQ(site.backlog(), 0u);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[2].body, requests[1].body);
}

}  // namespace
}  // namespace vigile
