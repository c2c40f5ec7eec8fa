// SPDX-License-Identifier: Apache-2.0
// The log against a model in memory: thousands of random actions, the same answers.
#include <map>
#include <random>
#include <set>

#include "log_fixture.h"

namespace vigile {
namespace {

class Model {
 public:
  struct Segment {
    std::uint32_t points;
    std::string lines;
  };
  std::map<std::uint64_t, Segment> segments;
  std::map<std::string, std::set<std::uint64_t>> acknowledged;  // by sink; known ones
  std::uint64_t letters = 0;

  std::uint64_t backlog(const std::string& sink) const {
    std::uint64_t points = 0;
    for (const auto& [seq, segment] : segments) {
      if (!acknowledged.at(sink).count(seq)) points += segment.points;
    }
    return points;
  }
  std::uint64_t points() const {
    std::uint64_t all = 0;
    for (const auto& [seq, segment] : segments) all += segment.points;
    return all;
  }
};

class LogModel : public LogTest, public ::testing::WithParamInterface<int> {};

TEST_P(LogModel, AgreesAfterEachOfManyRandomActions) {
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()));
  const auto below = [&](std::uint64_t n) { return random() % n; };
  options_.keep = std::chrono::hours(1);
  open();
  std::set<std::string> known = {"a", "b"};
  const auto tell_sinks = [&] { ASSERT_TRUE(log_->set_sinks({known.begin(), known.end()})); };
  tell_sinks();
  Model model;
  model.acknowledged = {{"a", {}}, {"b", {}}};
  std::uint64_t last_seq = 0;

  for (int step = 0; step < 1500; ++step) {
    clock_.advance(std::chrono::seconds(below(30)));
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const NewSegment made = segment(static_cast<std::uint32_t>(1 + below(50)), last_seq + 1);
        ASSERT_EQ(*log_->append(made), ++last_seq);
        model.segments[last_seq] = {made.points, made.lines};
        break;
      }
      case 4:
      case 5:
      case 6: {  // deliver as a sink does
        const std::string sink = below(2) == 0 ? "a" : "b";
        if (!known.count(sink)) break;
        const auto read =
            undelivered(sink, below(3) == 0 ? below(last_seq + 1) : 0, {.points = 1 + below(200)});
        if (read.empty()) break;
        std::vector<DeadLetter> letters(below(8) == 0 ? 1 : 0, DeadLetter{.line = "x", .reason = "y"});
        ASSERT_TRUE(log_->acknowledge(sink, {read.front().seq, read.back().seq}, letters));
        model.letters += letters.size();
        for (const StoredSegment& one : read) {
          ASSERT_TRUE(model.acknowledged[sink].insert(one.seq).second) << "given twice";
          ASSERT_EQ(lines_of(one), model.segments.at(one.seq).lines);
        }
        break;
      }
      case 7: {
        const auto next = log_->maintain(clock_.boot());
        ASSERT_TRUE(next);
        // Retention removes whole segments that all known sinks have and that are old; the log says which.
        std::set<std::uint64_t> held;
        for (std::uint64_t from = 0;;) {
          const auto read = *log_->read_history(INT64_MIN, INT64_MAX, from, {});
          if (read.empty()) break;
          for (const auto& one : read) held.insert(one.seq);
          from = read.back().seq + 1;
        }
        for (auto at = model.segments.begin(); at != model.segments.end();) {
          if (held.count(at->first)) {
            ++at;
            continue;
          }
          for (const std::string& sink : known)
            ASSERT_TRUE(model.acknowledged[sink].count(at->first)) << at->first;
          at = model.segments.erase(at);
        }
        ASSERT_EQ(held.size(), model.segments.size());
        break;
      }
      case 8:
        if (below(3) == 0) {
          open();
          tell_sinks();
        }
        break;
      case 9:
        if (below(10) == 0) {
          known = known.size() == 2 ? std::set<std::string>{"a"} : std::set<std::string>{"a", "b"};
          tell_sinks();
        }
        break;
      case 10:
        ASSERT_TRUE(log_->flush());
        break;
      default:
        if (below(20) == 0) {
          ASSERT_EQ(*log_->clear_dead_letters(""), model.letters);
          model.letters = 0;
        }
    }
    const LogStatus status = log_->status();
    ASSERT_EQ(status.points, model.points()) << step;
    ASSERT_EQ(status.segments, model.segments.size()) << step;
    ASSERT_EQ(status.dead_letters, model.letters) << step;
    ASSERT_EQ(status.last_seq, last_seq);
    for (const std::string& sink : known)
      ASSERT_EQ(backlog(sink), model.backlog(sink)) << sink << " at " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogModel, ::testing::Range(1, 7));

}  // namespace
}  // namespace vigile
