// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <string>

#include "store/log.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile {

// A log in a directory of its own, that can be closed and opened again.
class LogTest : public ::testing::Test {
 protected:
  LogTest() { options_.path = dir_ / "vigile.db"; }

  void open() {
    log_.reset();
    auto opened = Log::open(options_, clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = std::move(*opened);
  }
  // A segment of `points` lines that say their number.
  NewSegment segment(std::uint32_t points, std::uint64_t number = 0,
                     ClockState clock = ClockState::set) const {
    NewSegment made{.clock = clock};
    made.first_ns = clock == ClockState::set ? to_ns(clock_.wall()) : to_ns(clock_.boot());
    made.last_ns = made.first_ns + points - 1;
    made.points = points;
    for (std::uint32_t i = 0; i < points; ++i) {
      made.lines += "m,number=" + std::to_string(number) +
                    " value=" + std::to_string(number * 7919 % 1000 + i) + " " +
                    std::to_string(made.first_ns + i) + "\n";
    }
    return made;
  }
  std::uint64_t append(std::uint32_t points, std::uint64_t number = 0, ClockState clock = ClockState::set) {
    const auto seq = log_->append(segment(points, number, clock));
    EXPECT_TRUE(seq) << seq.error().message;
    return seq.value_or(0);
  }
  std::vector<StoredSegment> undelivered(const std::string& sink, std::uint64_t from = 0,
                                         ReadLimits limits = {}) {
    auto read = log_->read_undelivered(sink, from, limits);
    EXPECT_TRUE(read) << read.error().message;
    return std::move(*read);
  }
  std::uint64_t backlog(const std::string& sink) {
    for (const SinkBacklog& one : log_->status().sinks) {
      if (one.sink == sink) return one.points;
    }
    return 0;
  }
  // Runs SQL on the closed database.
  void sql(const std::string& text) {
    log_.reset();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(options_.path.c_str(), &db), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db, text.c_str(), nullptr, nullptr, &error), SQLITE_OK)
        << (error == nullptr ? "" : error);
    sqlite3_free(error);
    sqlite3_close(db);
  }

  TempDir dir_;
  FakeClock clock_;
  LogOptions options_;
  std::unique_ptr<Log> log_;
};

inline std::string lines_of(const StoredSegment& segment) {
  return inflate_payload(segment.view()).value_or("");
}

}  // namespace vigile
