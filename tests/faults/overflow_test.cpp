// SPDX-License-Identifier: Apache-2.0
// Weeks of outage on a log that is far too small for them: the files never grow past max_size, every point is
// accounted for, the summaries of each hour stay exact, and a long outage loses resolution before history.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "faults/rounds.h"
#include "integration/daemon.h"
#include "point/line_decode.h"
#include "point/payload.h"
#include "point/thinned_fields.h"
#include "store/history.h"
#include "store/log.h"
#include "support/fake_clock.h"
#include "support/scripted_http_server.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kHourNs = 3'600'000'000'000;
constexpr int kSeries = 5;

struct Sum {
  std::int64_t count = 0;
  std::int64_t total = 0;
  bool operator==(const Sum&) const = default;
};

// What lines say of readings `m,series=… value=…`: each thinned one as many as its count.
struct Held {
  std::uint64_t lines = 0;
  double readings = 0;
  double total = 0;
  std::uint64_t changes = 0;
  std::uint64_t minutes = 0;  // lines that stand for several
  std::set<std::string> times;

  void add(std::string_view text) {
    LineDecoder decoder(text, Precision::ns);
    for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
      ASSERT_EQ(step, LineDecoder::Step::line) << decoder.error().text;
      const LineView& view = decoder.view();
      ++lines;
      const std::string series(view.line.substr(0, view.line.find(' ')));
      EXPECT_TRUE(times.insert(series + std::to_string(*view.time_ns)).second) << view.line;
      if (view.measurement != "m") {
        ++changes;
        continue;
      }
      const auto number = [&](std::size_t i) {
        return std::strtod(std::string(view.fields[i].text).c_str(), nullptr);
      };
      double count = 1;
      if (is_thinned_group(view.fields, 0)) {
        count = number(3);
        EXPECT_GE(count, 2);
        EXPECT_LE(number(1), number(0));
        EXPECT_GE(number(2), number(0));
        ++minutes;
      }
      readings += count;
      total += count * number(0);
    }
  }
};

class Outage {
 public:
  explicit Outage(Overflow overflow, std::uint64_t max_size_bytes) {
    options.path = dir_ / "vigile.db";
    options.overflow = overflow;
    options.max_size_bytes = max_size_bytes;
  }
  void open() {
    log.reset();
    auto opened = Log::open(options, clock);
    ASSERT_TRUE(opened) << opened.error().message;
    log = std::move(*opened);
    ASSERT_TRUE(log->set_sinks({"dead", "living"}));
  }
  void check_size() {
    std::uint64_t bytes = std::filesystem::file_size(options.path);
    std::error_code absent;
    const auto wal = std::filesystem::file_size(options.path.string() + "-wal", absent);
    if (!absent) bytes += wal;
    largest = std::max(largest, bytes);
    ASSERT_LE(bytes, options.max_size_bytes);
  }
  // One commit of readings each 10 s, and now and then a change of status.
  void commit() {
    NewSegment segment;
    segment.first_ns = to_ns(clock.wall());
    for (int i = 0; i < kSeries; ++i) {
      const std::int64_t time_ns = segment.first_ns + i;
      const auto value = static_cast<std::int64_t>(random_() % 100'000);
      segment.lines += "m,padding=as_wide_as_the_tags_of_equipment_are,series=" + std::to_string(i) +
                       " value=" + std::to_string(value) + " " + std::to_string(time_ns) + "\n";
      Sum& sum = model[time_ns / kHourNs * kHourNs];
      ++sum.count;
      sum.total += value;
      all.total += value;
    }
    all.count += kSeries;
    segment.points = kSeries;
    if (random_() % 500 == 0) {
      segment.lines +=
          "equipment_status_changes,equipment_id=1 status_value=" + std::to_string(random_() % 2) + " " +
          std::to_string(segment.first_ns) + "\n";
      ++segment.points;
      ++changes;
    }
    segment.last_ns = segment.first_ns + kSeries - 1;
    const auto seq = log->append(segment);
    ASSERT_TRUE(seq) << seq.error().message;
    check_size();
    const auto kept = log->maintain(clock.boot());
    ASSERT_TRUE(kept) << kept.error().message;
    check_size();
    // The other sink takes all at once.
    if (*seq != 0) {
      ASSERT_TRUE(log->acknowledge("living", {*seq, *seq}));
    }
    clock.advance(10s);
  }
  // As agent/equipment/ does: hours that are over, with the segments they are made of.
  void fold() {
    std::map<std::int64_t, Sum> hours;
    SeqRanges folded;
    std::uint64_t from = 0;
    for (;;) {
      const auto segments = log->history().read_unsummarised(from, 1 << 20);
      ASSERT_TRUE(segments) << segments.error().message;
      if (segments->empty()) break;
      for (const StoredSegment& segment : *segments) {
        Held held;
        const std::string lines = inflate_payload(segment.view()).value_or("");
        add(lines, hours);
        folded.add({segment.seq, segment.seq});
      }
      from = segments->back().seq + 1;
    }
    std::vector<SummaryRow> rows;
    for (const auto& [hour, sum] : hours) {
      Sum& whole = stored_[hour];
      whole.count += sum.count;
      whole.total += sum.total;
      rows.push_back({hour, std::to_string(whole.count) + " " + std::to_string(whole.total)});
    }
    if (rows.empty()) return;
    const auto stored = log->history().store_summaries(rows, folded);
    ASSERT_TRUE(stored) << stored.error().message;
    check_size();
  }
  std::map<std::int64_t, Sum> summaries() {
    std::map<std::int64_t, Sum> hours;
    EXPECT_TRUE(log->history().read_summaries(INT64_MIN, INT64_MAX, [&](const SummaryRow& row) {
      Sum& sum = hours[row.hour_ns];
      const char* const end = row.payload.data() + row.payload.size();
      const auto parsed = std::from_chars(row.payload.data(), end, sum.count);
      std::from_chars(parsed.ptr + 1, end, sum.total);
      return true;
    }));
    return hours;
  }
  std::uint64_t backlog() const {
    for (const SinkBacklog& sink : log->status().sinks) {
      if (sink.sink == "dead") return sink.points;
    }
    return 0;
  }
  // The dead sink comes back: all that is left goes out.
  Held deliver() {
    Held held;
    for (;;) {
      const auto segments = log->read_undelivered("dead", 0, {});
      EXPECT_TRUE(segments);
      if (!segments || segments->empty()) return held;
      for (const StoredSegment& segment : *segments) {
        const auto lines = inflate_payload(segment.view());
        EXPECT_TRUE(lines) << lines.error().message;
        if (lines) held.add(*lines);
        EXPECT_GE(segment.first_ns, before_) << "out of order";
        before_ = segment.first_ns;
      }
      EXPECT_TRUE(log->acknowledge("dead", {segments->front().seq, segments->back().seq}));
    }
  }

  LogOptions options;
  FakeClock clock;
  std::unique_ptr<Log> log;
  std::map<std::int64_t, Sum> model;
  Sum all;
  std::uint64_t changes = 0;
  std::uint64_t largest = 0;

 private:
  static void add(std::string_view lines, std::map<std::int64_t, Sum>& hours) {
    LineDecoder decoder(lines, Precision::ns);
    while (decoder.next() == LineDecoder::Step::line) {
      const LineView& view = decoder.view();
      if (view.measurement != "m") continue;
      Sum& sum = hours[*view.time_ns / kHourNs * kHourNs];
      EXPECT_EQ(view.fields.size(), 1u) << "thinned before it was folded: " << view.line;
      std::int64_t value = 0;
      std::from_chars(view.fields[0].text.data(), view.fields[0].text.data() + view.fields[0].text.size(),
                      value);
      ++sum.count;
      sum.total += value;
    }
  }

  TempDir dir_;
  std::mt19937_64 random_{4};
  std::map<std::int64_t, Sum> stored_;
  std::int64_t before_ = 0;
};

void play(Overflow overflow, const char* name, std::chrono::hours time) {
  Outage outage(overflow, 1 << 20);
  ASSERT_NO_FATAL_FAILURE(outage.open());
  ASSERT_TRUE(outage.log->history().read_unsummarised(0, 1));
  const BootTime end = outage.clock.boot() + time;
  for (int commits = 1; outage.clock.boot() < end; ++commits) {
    ASSERT_NO_FATAL_FAILURE(outage.commit());
    if (commits % 360 == 0) {
      ASSERT_NO_FATAL_FAILURE(outage.fold());
    }
    if (commits % 777 == 0) {  // the dead sink tries, and fails
      const auto tried = outage.log->read_undelivered("dead", 0, {.raw_bytes = 1 << 14});
      ASSERT_TRUE(tried);
      if (commits % 7770 == 0) {
        ASSERT_NO_FATAL_FAILURE(outage.open());
      }  // and the agent restarts
    }
  }
  const LogStatus status = outage.log->status();
  EXPECT_EQ(outage.backlog(), status.points);
  const std::uint64_t appended = static_cast<std::uint64_t>(outage.all.count) + outage.changes;
  const Held held = outage.deliver();
  EXPECT_EQ(outage.backlog(), 0u);
  EXPECT_EQ(outage.log->status().sinks.size(), 2u);
  for (const SinkBacklog& sink : outage.log->status().sinks) EXPECT_EQ(sink.segments, 0u) << sink.sink;
  // What arrives is what the status says.
  EXPECT_EQ(held.lines,
            appended - status.dropped_points - status.thinned_points + status.thinned_made_points);
  EXPECT_GT(status.dropped_points + status.thinned_points, 0u);
  if (overflow == Overflow::thin && status.dropped_points == 0) {
    EXPECT_EQ(held.readings, double(outage.all.count));
    EXPECT_NEAR(held.total, double(outage.all.total), 1e-6 * double(outage.all.total));
    EXPECT_EQ(held.changes, outage.changes);
  }
  if (overflow != Overflow::thin) {
    EXPECT_EQ(held.minutes, 0u);
  }
  if (overflow != Overflow::drop_newest) {
    // Of every hour, unless there was no more room for all the summaries themselves.
    auto model = outage.model;
    while (!model.empty() && model.rbegin()->first >= to_ns(outage.clock.wall()) / kHourNs * kHourNs)
      model.erase(std::prev(model.end()));
    auto hours = outage.summaries();
    for (const auto& [hour, sum] : model) {
      if (hours.contains(hour)) {
        EXPECT_EQ(hours[hour].count, sum.count) << hour;
      }
      if (hours.contains(hour)) {
        EXPECT_EQ(hours[hour].total, sum.total) << hour;
      }
    }
    EXPECT_EQ(status.unsummarised_lost_points, 0u);
    EXPECT_GE(hours.size() + 2, model.size());
  }
  std::printf(
      "%s: %lld h of outage, %llu points appended, %llu dropped, %llu thinned to %llu, %llu lines "
      "standing for %.0f readings delivered; at most %llu of %llu bytes\n",
      name, static_cast<long long>(time.count()), static_cast<unsigned long long>(appended),
      static_cast<unsigned long long>(status.dropped_points),
      static_cast<unsigned long long>(status.thinned_points),
      static_cast<unsigned long long>(status.thinned_made_points),
      static_cast<unsigned long long>(held.lines), held.readings,
      static_cast<unsigned long long>(outage.largest),
      static_cast<unsigned long long>(outage.options.max_size_bytes));
}

TEST(Overflow, DropsTheOldest) {
  play(Overflow::drop_oldest, "drop_oldest", std::chrono::hours(24 * 2) * fault_rounds());
}

TEST(Overflow, DropsTheNewest) {
  play(Overflow::drop_newest, "drop_newest", std::chrono::hours(24 * 2) * fault_rounds());
}

TEST(Overflow, ThinsAndDropsNothingYet) {
  play(Overflow::thin, "thin, four days", std::chrono::hours(24 * 4));
}

TEST(Overflow, ThinsForWeeks) {
  play(Overflow::thin, "thin, three weeks", std::chrono::hours(24 * 21) * fault_rounds());
}

// The real daemon: thousands of readings a second, 1 MiB, a server that refuses until it does not.
TEST(Overflow, WhatArrivesIsWhatTheStatusSays) {
  std::atomic<bool> dead{true};
  ScriptedHttpServer server(
      [&](const ScriptedRequest&) { return ScriptedAnswer{.status = dead ? 503 : 204}; });
  Daemon daemon(R"(
site: {id: 1, name: test}
device: edge
equipment:
  - id: sim
    name: simulated
    type: server
    drivers:
      - simulate: {every: 100ms, rate: 20000, series: 3}
store: {path: @STORE@, max_size: 1MiB, overflow: thin}
api: {socket: @SOCKET@}
sinks:
  - influx: {api: v1, url: ")" +
                server.url() + R"(", database: d, every: 1s}
)");
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.number("/log/dropped_points") > 0; }, 60s))
      << daemon.get("/api/agent/status");
  EXPECT_LE(daemon.number("/log/size_bytes"), 1 << 20);
  dead = false;
  daemon.write_settings(R"(
site: {id: 1, name: test}
device: edge
equipment:
  - {id: sim, name: simulated, type: server}
store: {path: @STORE@, max_size: 1MiB, overflow: thin}
api: {socket: @SOCKET@}
sinks:
  - influx: {api: v1, url: ")" +
                        server.url() + R"(", database: d, every: 1s}
)");
  daemon.request("POST", "/api/agent/reload");
  daemon.request("POST", "/api/agent/flush");
  ASSERT_TRUE(eventually(
      [&] { return daemon.number("/waiting_points") == 0 && daemon.number("/sinks/0/lag_points") == 0; },
      60s))
      << daemon.get("/api/agent/status") << daemon.output();
  std::set<std::string> lines;
  // Answers of 503 stored nothing; the last ones did.
  std::uint64_t delivered = 0;
  const double expected = daemon.number("/log/appended_points") - daemon.number("/log/dropped_points") -
                          daemon.number("/log/thinned_points") + daemon.number("/log/thinned_made_points");
  delivered = static_cast<std::uint64_t>(daemon.number("/sinks/0/delivered_points"));
  EXPECT_EQ(double(delivered), expected) << daemon.get("/api/agent/status");
  std::printf("daemon: %.0f points appended, %.0f dropped, %.0f thinned to %.0f, %llu delivered\n",
              daemon.number("/log/appended_points"), daemon.number("/log/dropped_points"),
              daemon.number("/log/thinned_points"), daemon.number("/log/thinned_made_points"),
              static_cast<unsigned long long>(delivered));
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

}  // namespace
}  // namespace vigile
