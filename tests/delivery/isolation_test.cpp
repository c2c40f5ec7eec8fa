// SPDX-License-Identifier: Apache-2.0
#include "delivery/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace vigile {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> lines_in(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string numbered(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "line" + std::to_string(i) + "\n";
  return text;
}

std::vector<std::string> bad_lines(const Isolation& isolation) {
  std::vector<std::string> lines;
  for (const auto& bad : isolation.bad()) lines.push_back(bad.line);
  return lines;
}

// A server that knows which lines are bad.
struct Server {
  std::set<std::string> bad;
  bool stores_the_rest = true;  // partial, or malformed
  bool counts = false;          // says dropped=N
  int requests = 0;
  std::multiset<std::string> stored;

  Outcome post(std::string_view text) {
    ++requests;
    Outcome outcome{.kind = Outcome::Kind::accepted};
    std::uint64_t refused = 0;
    const auto lines = lines_in(text);
    for (const auto& line : lines) refused += bad.count(line);
    if (refused > 0) {
      outcome.kind = stores_the_rest ? Outcome::Kind::partial : Outcome::Kind::malformed;
      outcome.message = "bad line";
      if (counts) outcome.rejected_count = refused;
      if (!stores_the_rest) return outcome;
    }
    for (const auto& line : lines) {
      if (!bad.count(line)) stored.insert(line);
    }
    return outcome;
  }
};

TEST(Isolation, TakesTheServersWordForNamedLines) {
  Isolation by_number("a\nb\nc\n",
                      {.kind = Outcome::Kind::partial,
                       .message = "m",
                       .rejected = {{.number = 2, .reason = "type"}},
                       .rejected_count = 1},
                      100);
  EXPECT_TRUE(by_number.done());
  EXPECT_THAT(bad_lines(by_number), ElementsAre("b"));
  EXPECT_EQ(by_number.bad()[0].reason, "type");
  Isolation by_text(
      "a\nb\nc\n",
      {.kind = Outcome::Kind::partial, .message = "m", .rejected = {{.text = "c"}}, .rejected_count = 1},
      100);
  EXPECT_TRUE(by_text.done());
  EXPECT_THAT(bad_lines(by_text), ElementsAre("c"));
  EXPECT_EQ(by_text.bad()[0].reason, "m");
}

TEST(Isolation, NamesBeyondTheBatchAreNotBelieved) {
  Server server{.bad = {"b"}};
  Isolation isolation("a\nb\nc\n",
                      {.kind = Outcome::Kind::partial,
                       .message = "m",
                       .rejected = {{.number = 77}, {.text = "zzz"}},
                       .rejected_count = 2},
                      100);
  while (!isolation.done()) isolation.take(server.post(isolation.next()));
  EXPECT_THAT(bad_lines(isolation), ElementsAre("b"));
}

TEST(Isolation, WhenAllAreRefusedNoSearchIsNeeded) {
  Isolation isolation(
      numbered(50),
      {.kind = Outcome::Kind::partial, .message = "beyond retention dropped=50", .rejected_count = 50}, 100);
  EXPECT_TRUE(isolation.done());
  EXPECT_EQ(isolation.bad().size(), 50u);
}

TEST(Isolation, ARetryChangesNothing) {
  Server server{.bad = {"line3"}};
  const std::string text = numbered(8);
  Isolation isolation(text, server.post(text), 100);
  const std::string before(isolation.next());
  EXPECT_FALSE(isolation.take({.kind = Outcome::Kind::retry_later}));
  EXPECT_FALSE(isolation.take({.kind = Outcome::Kind::paused}));
  EXPECT_EQ(isolation.next(), before);
}

TEST(Isolation, ALineTooLargeAloneIsADeadLetter) {
  Isolation isolation("a\n" + std::string(100, 'x') + "\nc\n",
                      {.kind = Outcome::Kind::too_large, .message = "413"}, 100);
  std::multiset<std::string> stored;
  while (!isolation.done()) {
    const bool too_large = isolation.next().size() > 50;
    if (!too_large) {
      for (const auto& line : lines_in(isolation.next())) stored.insert(line);
    }
    isolation.take(
        {.kind = too_large ? Outcome::Kind::too_large : Outcome::Kind::accepted, .message = "413"});
  }
  EXPECT_EQ(stored, (std::multiset<std::string>{"a", "c"}));
  EXPECT_THAT(bad_lines(isolation), ElementsAre(std::string(100, 'x')));
}

// All kinds of servers, any number of bad lines anywhere: exactly they are found, all others are stored, in
// O(bad · log lines) requests.
TEST(Isolation, FindsExactlyTheBadLines) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    const int count = 1 + static_cast<int>(random() % 400);
    Server server{.stores_the_rest = random() % 2 == 0, .counts = random() % 2 == 0};
    const int bad = static_cast<int>(random() % 6);
    for (int i = 0; i < bad; ++i) server.bad.insert("line" + std::to_string(random() % count));
    const std::string text = numbered(count);
    const Outcome first = server.post(text);
    if (first.kind == Outcome::Kind::accepted) continue;
    Isolation isolation(text, first, 10000);
    while (!isolation.done()) isolation.take(server.post(isolation.next()));
    const auto found = bad_lines(isolation);
    EXPECT_EQ(std::multiset<std::string>(found.begin(), found.end()),
              std::multiset<std::string>(server.bad.begin(), server.bad.end()));
    for (int i = 0; i < count; ++i) {
      const std::string line = "line" + std::to_string(i);
      EXPECT_EQ(server.stored.count(line) > 0, server.bad.count(line) == 0) << line;
    }
    EXPECT_LE(server.requests, 1 + static_cast<int>(server.bad.size()) * 2 * 10);
  }
}

TEST(Isolation, PastTheBoundAPartialWriteIsGivenUpAsOneEntryAndAMalformedOneNever) {
  for (const bool stores_the_rest : {true, false}) {
    Server server{.stores_the_rest = stores_the_rest, .counts = true};
    for (int i = 0; i < 256; i += 2) server.bad.insert("line" + std::to_string(i));
    const std::string text = numbered(256);
    Isolation isolation(text, server.post(text), 20);
    while (!isolation.done()) isolation.take(server.post(isolation.next()));
    for (int i = 1; i < 256; i += 2) EXPECT_EQ(server.stored.count("line" + std::to_string(i)) > 0, true);
    if (stores_the_rest) {
      EXPECT_LT(server.requests, 60);
      EXPECT_NE(isolation.bad().back().reason.find("refused and not found"), std::string::npos);
    } else {
      EXPECT_EQ(isolation.bad().size(), 128u);
    }
  }
}

}  // namespace
}  // namespace vigile
