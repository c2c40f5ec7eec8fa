// SPDX-License-Identifier: Apache-2.0
#include "store/history.h"

#include <algorithm>
#include <map>
#include <random>
#include <stop_token>
#include <thread>

#include "history_fixture.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

TEST_F(LogHistory, ChangesComeWithTheirSegmentOrNotAtAll) {
  open();
  append_changes({change("a", now(), "offline"), change("b", now(), "warning", now() + 5)});
  clock_.advance(1s);
  append_changes({change("a", now(), "online")});
  open();
  EXPECT_EQ(changes("a").size(), 2u);
  EXPECT_EQ(changes("b"), (std::vector{change("b", now() - 1'000'000'000, "warning", now() - 999'999'995)}));
  EXPECT_EQ(changes("").size(), 3u);
  EXPECT_EQ(log_->status().segments, 2u);

  sql("CREATE TRIGGER refuse BEFORE INSERT ON status_changes BEGIN SELECT RAISE(ABORT, 'no'); END");
  open();
  NewSegment made = segment(5);
  made.changes = {change("a", now(), "offline")};
  EXPECT_FALSE(log_->append(made));
  open();
  EXPECT_EQ(log_->status().segments, 2u);
}

TEST_F(LogHistory, ASegmentWithoutLinesStoresItsChangesAlone) {
  open();
  append(1);
  EXPECT_EQ(*log_->append(NewSegment{.changes = {change("a", now(), "offline")}}), 1u);
  EXPECT_EQ(log_->status().segments, 1u);
  EXPECT_EQ(changes("a").size(), 1u);
}

TEST_F(LogHistory, ChangesAreReadByTimeInOrderAndBounded) {
  open();
  for (std::int64_t at = 0; at < 1200;) {
    std::vector<StatusChange> some;
    for (const std::int64_t end = at + 100; at < end; ++at)
      some.push_back(change(at % 2 == 0 ? "a" : "b", 5000 - at / 4, std::to_string(at)));
    append_changes(some);
  }
  const auto all = changes("");
  ASSERT_EQ(all.size(), 1200u);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair(a.time_ns, std::stoi(a.new_status)) < std::pair(b.time_ns, std::stoi(b.new_status));
  }));
  EXPECT_EQ(changes("a").size(), 600u);
  EXPECT_EQ(changes("a", {4900, 4910}).size(), 20u);  // from included, to not
  EXPECT_EQ(changes("a", {4900, 4910}).front().time_ns, 4900);
  EXPECT_EQ(changes("a", {4900, 4910}).back().time_ns, 4909);
  EXPECT_EQ(changes("", kAlways, 700).size(), 700u);

  auto last = *history().last_status_changes("", 4900);
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0].equipment_id, "a");
  EXPECT_EQ(last[0].time_ns, 4899);
  EXPECT_EQ(last[0].new_status, "406");  // of two at one time the one recorded later
  EXPECT_EQ(last[1].equipment_id, "b");
  EXPECT_EQ(history().last_status_changes("b", 4900)->size(), 1u);
  EXPECT_TRUE(history().last_status_changes("", 100)->empty());
  EXPECT_TRUE(history().last_status_changes("c", 10000)->empty());
}

TEST_F(LogHistory, ChangesGetTheTimeOfTheSegmentsOfTheirBoot) {
  open();
  append(1);
  const std::int64_t known = now();
  clock_.reboot("boot-b");
  open();
  NewSegment made{
      .clock = ClockState::unset, .first_ns = 1000, .last_ns = 1000, .points = 1, .lines = "m v=1 1000\n"};
  made.changes = {change("a", 1200, "offline", 9000)};
  ASSERT_TRUE(log_->append(made));
  clock_.reboot("boot-c");
  open();
  made.changes = {change("a", 1300, "online", 9000)};
  ASSERT_TRUE(log_->append(made));
  EXPECT_TRUE(changes("").empty());
  EXPECT_EQ(history().last_status_changes("a", INT64_MAX)->front().new_status, "online");
  EXPECT_TRUE(history().last_status_changes("a", INT64_MAX - 1)->empty());

  const std::int64_t epoch = known + kHourNs;
  EXPECT_EQ(*log_->repair_clock(epoch), 2u);
  const auto read = changes("a");
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0], change("a", known + 1 + 200, "offline", 9000));
  EXPECT_EQ(read[1], change("a", epoch + 1300, "online", 9000));
  EXPECT_EQ(history().last_status_changes("a", INT64_MAX)->front().new_status, "online");
}

TEST_F(LogHistory, ChangesAreRepairedInTheCommitOfTheirSegment) {
  open();
  append_changes({change("a", 1000, "offline")}, ClockState::unset);
  sql("CREATE TRIGGER refuse BEFORE UPDATE ON status_changes BEGIN SELECT RAISE(ABORT, 'no'); END");
  open();
  EXPECT_FALSE(log_->repair_clock(5));
  EXPECT_TRUE(numbers(kAlways).empty());
  sql("DROP TRIGGER refuse");
  open();
  EXPECT_EQ(*log_->repair_clock(5), 1u);
  EXPECT_EQ(numbers(kAlways).size(), 1u);
  EXPECT_EQ(changes("a").front().time_ns, 1005);
}

TEST_F(LogHistory, ChangesWithoutASegmentAreRepairedToo) {
  open();
  append_changes({change("a", 5000, "warning")});
  clock_.reboot("boot-b");
  open();
  ASSERT_TRUE(log_->append(NewSegment{.clock = ClockState::unset,
                                      .changes = {change("a", 100, "offline"), change("a", 150, "online")}}));
  clock_.reboot("boot-c");
  open();
  ASSERT_TRUE(log_->append(NewSegment{.clock = ClockState::unset, .changes = {change("a", 100, "offline")}}));
  EXPECT_EQ(*log_->repair_clock(1'000'000), 0u);
  const auto read = changes("a");
  ASSERT_EQ(read.size(), 4u);
  EXPECT_EQ(read[1].time_ns, 5001);
  EXPECT_EQ(read[2].time_ns, 5051);
  EXPECT_EQ(read[3].time_ns, 1'000'100);
}

TEST_F(LogHistory, SummariesAreReplacedByHourAndADamagedOneIsPassedOver) {
  open();
  ASSERT_TRUE(history().store_summaries({{0, "first"}, {kHourNs, "second"}, {2 * kHourNs, "third"}}, {}));
  ASSERT_TRUE(history().store_summaries({{kHourNs, std::string(5000, 'x')}}, {}));
  open();
  EXPECT_EQ(summaries(), (std::map<std::int64_t, std::string>{
                             {0, "first"}, {kHourNs, std::string(5000, 'x')}, {2 * kHourNs, "third"}}));
  std::vector<std::string> some;
  ASSERT_TRUE(history().read_summaries(0, 2 * kHourNs, [&](const SummaryRow& row) {
    some.push_back(row.payload);
    return false;
  }));
  EXPECT_EQ(some, (std::vector<std::string>{"first"}));
  sql("UPDATE summaries SET payload = zeroblob(length(payload)) WHERE hour_ns = 0");
  open();
  EXPECT_EQ(summaries().size(), 2u);
}

TEST_F(LogHistory, FoldedSegmentsAndTheirRowsAreOneCommitAndOutliveARestart) {
  open();
  for (int i = 0; i < 5; ++i) append(10, i);
  ASSERT_EQ(history().read_unsummarised(0, 1 << 20)->size(), 5u);
  EXPECT_EQ(history().read_unsummarised(0, 1)->size(), 1u);
  EXPECT_EQ(history().read_unsummarised(4, 1 << 20)->front().seq, 4u);
  ASSERT_TRUE(history().store_summaries({{0, "x"}}, run(1, 3)));
  EXPECT_EQ(history().read_unsummarised(0, 1 << 20)->front().seq, 4u);
  EXPECT_EQ(numbers(kAlways, true), (std::vector<std::uint64_t>{4, 5}));
  EXPECT_EQ(numbers(kAlways).size(), 5u);
  EXPECT_TRUE(log_->status().sinks.empty());
  EXPECT_EQ(log_->set_sinks({"\tsummaries"}).error().kind, ErrorKind::config);
  open();
  EXPECT_EQ(numbers(kAlways, true), (std::vector<std::uint64_t>{4, 5}));
  EXPECT_EQ(summaries().size(), 1u);
  append(1, 0, ClockState::unset);
  EXPECT_TRUE(history().read_unsummarised(6, 1 << 20)->empty());

  sql("CREATE TRIGGER refuse BEFORE INSERT ON progress BEGIN SELECT RAISE(ABORT, 'no'); END");
  open();
  EXPECT_FALSE(history().store_summaries({{0, "y"}}, run(4, 5)));
  EXPECT_EQ(summaries().at(0), "x");
  EXPECT_EQ(numbers(kAlways, true), (std::vector<std::uint64_t>{4, 5}));
}

TEST_F(LogHistory, AgeSparesWhatIsNotFoldedOnceSomethingFolds) {
  options_.keep = 1h;
  open();
  append(1);
  clock_.advance(2h);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(log_->status().segments, 0u);  // nothing makes summaries: deleted as ever

  EXPECT_TRUE(history().read_unsummarised(0, 1)->empty());
  for (int i = 0; i < 4; ++i) append(1, i);
  clock_.advance(2h);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(log_->status().segments, 4u);
  ASSERT_TRUE(history().store_summaries({}, run(2, 3)));
  open();  // also before the keeper's first call
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(numbers(kAlways), (std::vector<std::uint64_t>{4, 5}));
  EXPECT_EQ(log_->status().unsummarised_lost_points, 0u);
}

TEST_F(LogHistory, WhatMaxSizeTakesBeforeItIsFoldedIsCounted) {
  options_.max_size_bytes = 1 << 20;
  open();
  std::mt19937_64 random(5);
  ASSERT_TRUE(history().read_unsummarised(0, 1));
  std::uint64_t folded = 0;
  for (std::uint64_t i = 1; i <= 150; ++i) {
    ASSERT_EQ(*log_->append(noise(random, 20000)), i);
    if (i <= 40 && i % 4 == 0) {
      ASSERT_TRUE(history().store_summaries({}, run(i - 3, i)));
      folded = i;
    }
    ASSERT_LE(file_bytes(), options_.max_size_bytes);
  }
  const LogStatus status = log_->status();
  EXPECT_GT(status.unsummarised_lost_points, 0u);
  EXPECT_EQ(status.unsummarised_lost_points, 150 - folded - status.segments);
  EXPECT_EQ(status.dropped_points, 0u);
  EXPECT_EQ(history().read_unsummarised(0, 1)->front().seq, status.first_seq);
  open();
  EXPECT_EQ(log_->status().unsummarised_lost_points, status.unsummarised_lost_points);
}

TEST_F(LogHistory, SummariesAndChangesAreKeptForTheirTimeAndTheLastChangeForEver) {
  options_.keep_summaries = 10h;
  open();
  const std::int64_t start = now();
  for (int hour = 0; hour < 4; ++hour) {
    ASSERT_TRUE(history().store_summaries({{now(), "x"}}, {}));
    append_changes({change("a", now(), std::to_string(hour))});
    ASSERT_TRUE(history().add_gap({now(), now() + 5}));
    clock_.advance(1h);
  }
  append_changes({change("b", start, "offline")});
  clock_.advance(9h - 30min);  // hours 0 and 1 and 2 are older than ten
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_EQ(summaries().size(), 1u);
  EXPECT_EQ(history().gaps(kAlways)->size(), 1u);
  // The last one before the time still told of says how it began.
  ASSERT_EQ(changes("a").size(), 2u);
  EXPECT_EQ(changes("a")[0].new_status, "2");
  EXPECT_EQ(changes("b").size(), 1u);
  clock_.advance(1000h);
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  EXPECT_TRUE(summaries().empty());
  ASSERT_EQ(changes("a").size(), 1u);
  EXPECT_EQ(changes("a")[0].new_status, "3");
}

TEST_F(LogHistory, SummariesStayWithinHalfOfMaxSizeAndGiveWayToALowerOne) {
  options_.max_size_bytes = 2 << 20;
  for (const Overflow overflow : {Overflow::drop_oldest, Overflow::drop_newest}) {
    options_.path = dir_ / ("half" + std::to_string(static_cast<int>(overflow)));
    options_.overflow = overflow;
    open();
    std::mt19937_64 random(3);
    for (std::int64_t hour = 0; hour < 150; ++hour) {
      std::vector<SummaryRow> rows;
      for (std::int64_t i = 0; i < (hour % 50 == 0 ? 14 : 1); ++i)
        rows.push_back({(hour * 100 + i) * kHourNs, noise(random, 9000).lines});
      ASSERT_TRUE(history().store_summaries(rows, {})) << hour;
      ASSERT_LE(file_bytes(), options_.max_size_bytes) << hour;
      ASSERT_TRUE(log_->append(noise(random, 40000)));
      ASSERT_LE(file_bytes(), options_.max_size_bytes) << hour;
    }
    EXPECT_GT(log_->status().unsummarised_lost_points + log_->status().dropped_points, 10u);
    std::uint64_t bytes = 0;
    for (const auto& [hour_ns, payload] : summaries()) bytes += payload.size();
    EXPECT_GT(bytes, options_.max_size_bytes / 2 - 20000);
    EXPECT_LE(bytes, options_.max_size_bytes / 2);
    EXPECT_EQ(summaries().rbegin()->first, 149 * 100 * kHourNs);
    const std::vector<SummaryRow> many(40, SummaryRow{0, noise(random, 9000).lines});
    EXPECT_EQ(history().store_summaries(many, {}).error().kind, ErrorKind::full);
    LogOptions smaller = options_;
    smaller.max_size_bytes = 1 << 20;
    ASSERT_TRUE(log_->set_limits(smaller));
    EXPECT_LE(file_bytes(), smaller.max_size_bytes);
    EXPECT_GT(summaries().size(), 10u);
  }
}

TEST_F(LogHistory, AChangeIsKeptWhenItsLinesFindNoRoom) {
  options_.max_size_bytes = 1 << 20;
  options_.overflow = Overflow::drop_newest;
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  std::mt19937_64 random(3);
  std::size_t made = 0;
  for (int i = 0; i < 120; ++i) {
    NewSegment one = noise(random, 20000);
    one.changes = {change("a", now() + i, "offline")};
    ASSERT_TRUE(log_->append(one));
    ++made;
    ASSERT_LE(file_bytes(), options_.max_size_bytes);
  }
  EXPECT_GT(log_->status().dropped_points, 15u);
  EXPECT_EQ(changes("a").size(), made);
}

TEST_F(LogHistory, GapsAndTheLastSignOfLifeAreRemembered) {
  open();
  EXPECT_FALSE(history().last_alive_ns());
  append(3);
  const std::int64_t last = now() + 2;
  EXPECT_FALSE(history().last_alive_ns());  // of the agent before this one
  append(1, 0, ClockState::unset);
  open();
  EXPECT_EQ(history().last_alive_ns(), last);
  ASSERT_TRUE(history().set_last_alive(last + 50));
  EXPECT_EQ(history().last_alive_ns(), last);
  open();
  EXPECT_EQ(history().last_alive_ns(), last + 50);
  clock_.advance(1h);
  append(1);
  open();
  EXPECT_EQ(history().last_alive_ns(), now());
  NewSegment late = segment(1);
  late.first_ns = late.last_ns = 12;
  ASSERT_TRUE(log_->append(late));
  open();
  EXPECT_EQ(history().last_alive_ns(), now());
  remove(now() + 1);  // nor is it forgotten with the readings
  open();
  EXPECT_EQ(history().last_alive_ns(), now());

  ASSERT_TRUE(history().add_gap({100, 200}));
  ASSERT_TRUE(history().add_gap({100, 200}));
  ASSERT_TRUE(history().add_gap({300, 300}));
  ASSERT_TRUE(history().add_gap({300, 400}));
  open();
  EXPECT_EQ(*history().gaps(kAlways), (std::vector<TimeSpan>{{100, 200}, {300, 400}}));
  EXPECT_EQ(*history().gaps({199, 300}), (std::vector<TimeSpan>{{100, 200}}));
  EXPECT_TRUE(history().gaps({200, 300})->empty());
}

// While a question is answered the callback appends until well past the cap: commits go on, the files stay
// within max_size, and what was there is read or gone, never waited for.
TEST_F(LogHistory, ALongReadHoldsUpNoCommitAndNoCheckpoint) {
  options_.max_size_bytes = 1 << 20;
  open();
  std::mt19937_64 random(9);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(log_->append(noise(random, 20000)));
  std::vector<SummaryRow> rows;
  for (std::int64_t i = 0; i < 5; ++i) rows.push_back({i * kHourNs, std::string(2000, 'x')});
  ASSERT_TRUE(history().store_summaries(rows, {}));
  int read = 0;
  const auto append_many = [&] {
    ++read;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(log_->append(noise(random, 60000)));
      ASSERT_LE(file_bytes(), options_.max_size_bytes);
    }
  };
  ASSERT_TRUE(history().read_segments(kAlways, false, [&](const StoredSegment&) {
    append_many();
    return true;
  }));
  EXPECT_GT(read, 20);
  ASSERT_TRUE(history().read_summaries(INT64_MIN, INT64_MAX, [&](const SummaryRow&) {
    append_many();
    return true;
  }));
}

TEST_F(LogHistory, QuestionsOfAnotherThreadLeaveTheFilesWithinTheirCap) {
  options_.max_size_bytes = 1 << 20;
  open();
  std::mt19937_64 random(9);
  std::jthread reader([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto read = history().read_segments(kAlways, false, [](const StoredSegment&) { return true; });
      EXPECT_TRUE(read) << read.error().message;
      EXPECT_TRUE(history().status_changes("a", kAlways, 10));
    }
  });
  for (int i = 0; i < 100; ++i) {
    NewSegment made = noise(random, 40000);
    made.changes = {change("a", i, "offline")};
    ASSERT_TRUE(log_->append(made));
    ASSERT_LE(file_bytes(), options_.max_size_bytes);
    if (i % 10 == 0) {
      ASSERT_TRUE(history().store_summaries({{i * kHourNs, "x"}}, run(1, log_->last_seq())));
    }
  }
}

TEST_F(LogHistory, RawReadingsAreCompleteFromTheirOldestOn) {
  options_.keep = 1h;
  open();
  EXPECT_FALSE(history().oldest_segment_ns());
  append(5);
  const std::int64_t first = now();
  EXPECT_EQ(history().oldest_segment_ns(), first);
  clock_.advance(2h);
  NewSegment late = segment(1);
  late.first_ns = late.last_ns = 12;
  ASSERT_TRUE(log_->append(late));
  append(1);
  ASSERT_TRUE(log_->set_sinks({"a"}));
  ASSERT_TRUE(log_->acknowledge("a", {1, 1}));
  ASSERT_TRUE(log_->maintain(clock_.boot()));
  ASSERT_EQ(log_->status().segments, 2u);
  EXPECT_EQ(history().oldest_segment_ns(), first + 5);  // not 12: what lay between is gone
}

TEST_F(LogHistory, TheLastChangesOfADamagedDatabaseAreCarriedOver) {
  open();
  ASSERT_TRUE(log_->set_sinks({"s"}));
  for (int i = 0; i < 100; ++i) append_changes({change("a", now() + i, std::to_string(i))});
  ASSERT_TRUE(history().store_summaries({{0, "x"}, {kHourNs, "y"}}, run(1, 90)));
  ASSERT_TRUE(history().add_gap({5, 10}));
  ASSERT_TRUE(history().set_last_alive(now() + 77));
  sql("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'segments_unset'");
  open();
  EXPECT_EQ(log_->status().salvaged_segments, 100u);
  EXPECT_EQ(changes("a").size(), 100u);
  EXPECT_EQ(summaries().size(), 2u);
  EXPECT_EQ(history().gaps(kAlways)->size(), 1u);
  EXPECT_EQ(history().last_alive_ns(), now() + 77);
  EXPECT_EQ(numbers(kAlways, true).size(), 10u);
  EXPECT_EQ(numbers({now(), now() + 1}).size(), 100u);

  // Without the progress of the summaries nothing is counted twice.
  sql("DELETE FROM progress; PRAGMA writable_schema = ON; "
      "UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'segments_unset'");
  open();
  EXPECT_EQ(log_->status().salvaged_segments, 100u);
  EXPECT_TRUE(numbers(kAlways, true).empty());
}

}  // namespace
}  // namespace vigile
