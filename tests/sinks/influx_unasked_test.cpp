// SPDX-License-Identifier: Apache-2.0
// Answers that nothing was asked for, and answers to what was not sent whole: neither is taken as the answer
// to a batch, so nothing counts as delivered by them.
#include <gmock/gmock.h>

#include "sinks/hostile_influx.h"
#include "sinks/influx/client.h"
#include "sinks/influx_site.h"
#include "support/scripted_http_server.h"

namespace vigile {
namespace {

using ::testing::HasSubstr;
using State = DeliveryStatus::State;
using Then = ScriptedAnswer::Then;

constexpr const char* k204 = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr const char* k200 = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
constexpr const char* k413 = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";

// What is behind an answer, sent with it or later.
struct Unasked {
  const char* bytes;
  bool apart;
};

class UnaskedTest : public ::testing::TestWithParam<Unasked> {};

TEST_P(UnaskedTest, BytesBehindAnAnswerAreNoAnswerToTheNextBatch) {
  const auto [bytes, apart] = GetParam();
  std::atomic<int> count = 0;
  ScriptedHttpServer server([&, bytes = bytes, apart = apart](const ScriptedRequest&) {
    if (count++ > 0) return ScriptedAnswer{.status = 503};
    return ScriptedAnswer{.unasked = apart ? "" : bytes};
  });
  InfluxSite site(v2(server.url()));
  site.append(numbered(0, 10));
  EXPECT_EQ(site.try_once().failures, 0u);
  EXPECT_EQ(site.backlog(), 0u);
  if (apart) server.send_unasked(bytes);
  site.append(numbered(10, 20));
  EXPECT_EQ(site.try_once().state, State::retrying) << site.status().reason;
  EXPECT_THAT(site.status().reason, HasSubstr("HTTP 503"));
  EXPECT_EQ(site.backlog(), 10u);
  EXPECT_EQ(server.connections(), 2);
}

TEST_P(UnaskedTest, NorToTheNextQuestion) {
  const auto [bytes, apart] = GetParam();
  ScriptedHttpServer server([&, bytes = bytes, apart = apart](const ScriptedRequest&) {
    return ScriptedAnswer{.status = 503, .unasked = apart ? "" : bytes};
  });
  const auto settings =
      influx_sink::read_settings(options_with_defaults(kInfluxSink.options, v2(server.url())));
  ASSERT_TRUE(settings);
  influx_sink::InfluxClient client(*settings);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(client.write_data("m v=1 1\n", Precision::ns).message, HasSubstr("HTTP 503"));
    if (apart) server.send_unasked(bytes);
  }
  EXPECT_EQ(server.connections(), 3);
}

INSTANTIATE_TEST_SUITE_P(Kinds, UnaskedTest,
                         ::testing::Values(Unasked{k204, false}, Unasked{k204, true}, Unasked{k200, false},
                                           Unasked{k200, true}, Unasked{k413, false}, Unasked{k413, true},
                                           Unasked{"HTTP/1.1 2", true}, Unasked{"\r\n", true}));

// More than the buffers of both sides' sockets hold, so that part of it is not sent when the answer comes.
void fill_sockets(TestBatch& batch) {
  for (int i = 0; i < 8; ++i) batch.add_segment("m s=\"" + std::string(1'000'000, 'x') + "\" 1\n");
}

std::unique_ptr<Sink> sink_of(const std::string& url, const Clock& clock) {
  return std::move(*kInfluxSink.make(options_with_defaults(kInfluxSink.options, v2(url, {{"gzip", false}})),
                                     {clock, "s", "12", "d"}));
}

class EarlyTest : public ::testing::TestWithParam<int> {};

TEST_P(EarlyTest, ASuccessBeforeTheBatchIsWholeDeliversNothing) {
  ScriptedHttpServer server(
      [&](const ScriptedRequest&) { return ScriptedAnswer{.status = GetParam(), .then = Then::deaf}; });
  server.hasty(true);
  FakeClock clock;
  const auto sink = sink_of(server.url(), clock);
  TestBatch batch;
  fill_sockets(batch);
  for (int i = 1; i <= 2; ++i) {
    const Outcome outcome = sink->deliver(batch.batch(), {});
    EXPECT_EQ(outcome.kind, Outcome::Kind::retry_later);
    EXPECT_THAT(outcome.message, HasSubstr("before the whole request was sent"));
    EXPECT_EQ(server.connections(), i);
  }
}

INSTANTIATE_TEST_SUITE_P(Statuses, EarlyTest, ::testing::Values(200, 201, 204));

// On a new connection nobody else was answered; on a kept one it may be for the request before.
TEST(EarlyRefusalTest, CountsOnANewConnectionAlone) {
  std::atomic<int> count = 0;
  ScriptedHttpServer* started = nullptr;
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    switch (count++) {
      case 0:
        started->hasty(true);
        return ScriptedAnswer{};
      case 1:
        started->hasty(false);
        return ScriptedAnswer{.status = 413, .then = Then::deaf};
      default:
        return ScriptedAnswer{.status = 503};
    }
  });
  started = &server;
  FakeClock clock;
  const auto sink = sink_of(server.url(), clock);
  TestBatch small;
  small.add_segment(numbered(0, 10));
  EXPECT_EQ(sink->deliver(small.batch(), {}).kind, Outcome::Kind::accepted);
  TestBatch batch;
  fill_sockets(batch);
  EXPECT_THAT(sink->deliver(batch.batch(), {}).message, HasSubstr("HTTP 503"));
  EXPECT_EQ(server.connections(), 2);
  count = 1;
  server.hasty(true);
  sink->close({});
  EXPECT_EQ(sink->deliver(batch.batch(), {}).kind, Outcome::Kind::too_large);
}

}  // namespace
}  // namespace vigile
