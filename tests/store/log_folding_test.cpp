// SPDX-License-Identifier: Apache-2.0
// Summaries are made as agent/equipment/ makes them, through thousands of random actions: whatever happens
// between, each reading is in exactly one row or in a segment not folded yet.
#include <charconv>
#include <map>
#include <random>
#include <set>

#include "log_fixture.h"
#include "store/history.h"

namespace vigile {
namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000;

struct Sum {
  std::int64_t count = 0;
  std::int64_t total = 0;  // of the readings' values
  bool operator==(const Sum&) const = default;
};
using Hours = std::map<std::int64_t, Sum>;

void add_lines(std::string_view lines, Hours& hours) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    std::int64_t time = 0;
    std::int64_t value = 0;
    const std::size_t at = line.rfind(' ');
    const std::size_t equals = line.find("value=") + 6;
    std::from_chars(line.data() + at + 1, line.data() + line.size(), time);
    std::from_chars(line.data() + equals, line.data() + at, value);
    Sum& sum = hours[time / kHourNs * kHourNs];
    ++sum.count;
    sum.total += value;
    lines.remove_prefix(line.size() + 1);
  }
}

class LogFolding : public LogTest, public ::testing::WithParamInterface<int> {
 protected:
  Hours stored() {
    Hours hours;
    EXPECT_TRUE(log_->history().read_summaries(INT64_MIN, INT64_MAX, [&](const SummaryRow& row) {
      Sum sum;
      const char* const end = row.payload.data() + row.payload.size();
      const auto parsed = std::from_chars(row.payload.data(), end, sum.count);
      std::from_chars(parsed.ptr + 1, end, sum.total);
      hours[row.hour_ns] = sum;
      return true;
    }));
    return hours;
  }
  void add_segments(bool unsummarised_only, Hours& hours) {
    EXPECT_TRUE(log_->history().read_segments({INT64_MIN, INT64_MAX}, unsummarised_only,
                                              [&](const StoredSegment& one) {
                                                add_lines(lines_of(one), hours);
                                                return true;
                                              }));
  }
  void flush() {
    const Hours before = stored();
    std::vector<SummaryRow> rows;
    for (const auto& [hour_ns, sum] : folding_) {
      const auto old = before.find(hour_ns);
      const Sum was = old == before.end() ? Sum{} : old->second;
      rows.push_back(
          {hour_ns, std::to_string(was.count + sum.count) + " " + std::to_string(was.total + sum.total)});
    }
    ASSERT_TRUE(log_->history().store_summaries(rows, folded_));
    forget();
  }
  void forget() {  // what a crash does to the keeper
    folding_.clear();
    folded_ = {};
    next_ = 0;
  }
  void fold(std::uint64_t bytes) {
    const auto read = log_->history().read_unsummarised(next_, bytes);
    ASSERT_TRUE(read);
    for (const StoredSegment& one : *read) {
      ASSERT_NE(one.clock, ClockState::unset);
      ASSERT_FALSE(folded_.contains(one.seq));
      add_lines(lines_of(one), folding_);
      folded_.add({one.seq, one.seq});
      next_ = one.seq + 1;
    }
  }

  Hours folding_;
  SeqRanges folded_;
  std::uint64_t next_ = 0;
};

TEST_P(LogFolding, CountsEachReadingOnceWhateverHappens) {
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()));
  const auto below = [&](std::uint64_t n) { return random() % n; };
  open();
  Hours all;          // of what is in the log with a known time
  std::string unset;  // lines of this boot that wait for the clock
  std::int64_t boot_epoch_ns = to_ns(clock_.wall()) - to_ns(clock_.boot());
  bool is_set = true;
  for (int step = 0; step < 400; ++step) {
    clock_.advance(std::chrono::seconds(below(900)));
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        NewSegment made = segment(static_cast<std::uint32_t>(1 + below(20)), static_cast<std::uint64_t>(step),
                                  is_set ? ClockState::set : ClockState::unset);
        if (is_set && below(6) == 0) {  // a reading that comes late
          made.first_ns -= static_cast<std::int64_t>(below(50)) * kHourNs;
          made.lines += "m value=77 " + std::to_string(made.first_ns) + "\n";
          ++made.points;
        }
        ASSERT_TRUE(log_->append(made));
        if (is_set) {
          add_lines(made.lines, all);
        } else {
          unset += made.lines;
        }
        break;
      }
      case 4:
      case 5:
      case 6:
        fold(1 + below(5000));
        break;
      case 7:
        flush();
        break;
      case 8:
        if (below(3) == 0) {
          forget();
          open();
        }
        break;
      case 9:
        if (below(4) == 0) {
          forget();
          sql("PRAGMA writable_schema = ON; "
              "UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'segments_unset'");
          open();
          ASSERT_FALSE(log_->status().set_aside.empty());
        }
        break;
      case 10:
        is_set = !is_set;
        if (!is_set) break;
        ASSERT_TRUE(log_->repair_clock(boot_epoch_ns));
        while (!unset.empty()) {
          const std::size_t end = unset.find('\n');
          const std::size_t at = unset.rfind(' ', end);
          const std::int64_t time = std::stoll(unset.substr(at + 1, end - at - 1)) + boot_epoch_ns;
          add_lines(unset.substr(0, at + 1) + std::to_string(time) + "\n", all);
          unset.erase(0, end + 1);
        }
        break;
      default: {  // any span reads what it should, whatever the spans of folded segments are
        std::int64_t from = to_ns(clock_.wall()) - static_cast<std::int64_t>(below(60)) * kHourNs;
        const TimeSpan span{from,
                            from + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(3 * kHourNs)))};
        std::set<std::uint64_t> expected;
        const auto all_read = log_->read_history(span.from_ns, span.to_ns, 0, {.raw_bytes = UINT64_MAX});
        ASSERT_TRUE(all_read);
        for (const StoredSegment& one : *all_read) {
          expected.insert(one.seq);
        }
        std::set<std::uint64_t> read;
        ASSERT_TRUE(log_->history().read_segments(span, false, [&](const StoredSegment& one) {
          EXPECT_TRUE(read.insert(one.seq).second);
          return true;
        }));
        ASSERT_EQ(read, expected) << step;
      }
    }
    Hours told = stored();
    add_segments(true, told);
    ASSERT_EQ(told, all) << step;
  }
  EXPECT_GT(stored().size(), 10u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogFolding, ::testing::Range(1, 6));

}  // namespace
}  // namespace vigile
