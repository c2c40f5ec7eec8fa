// SPDX-License-Identifier: Apache-2.0
#include "equipment/summary_keeper.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "equipment/summary_codec.h"

namespace vigile {

namespace {

constexpr auto kAfterTrouble = std::chrono::minutes(1);
constexpr auto kClockPoll = std::chrono::minutes(1);  // while the wall clock is unset
// Readings of an hour are committed a little after it.
constexpr std::int64_t kGraceNs = 30'000'000'000;
// A clock that was wrong may have left segments of the future: these are not waited for.
constexpr std::int64_t kOpenHours = 2;
constexpr TimeSpan kEver{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};

}  // namespace

SummaryKeeper::SummaryKeeper(History& history, const Clock& clock, MetricNamer namer, SiteIdSource site_id)
    : history_(history), clock_(clock), namer_(std::move(namer)), site_id_(std::move(site_id)) {}

BootTime SummaryKeeper::step(BootTime now) {
  const MutexLock lock(mutex_);
  if (now < due_ && !hurry_) return due_;
  if (!passing_) {
    passing_ = true;
    with_open_hour_ = hurry_.exchange(false);
    const bool is_set = clock_.wall_is_set();  // before it is read: it may be set in between
    const std::int64_t open_ns = floor_to(to_ns(clock_.wall()), kHourNs);
    open_hours_ = is_set ? TimeSpan{open_ns, open_ns + kOpenHours * kHourNs} : TimeSpan{};
    position_ = 0;  // clocks may have been repaired anywhere
    lines_.emplace(namer_, "", std::vector<std::string>(), site_id_ ? site_id_() : "");
    inflate_.emplace();
  }
  const Result<bool> more = fold_slice();
  if (!more) {
    trouble_.failed(more.error().message);
    due_ = now + kAfterTrouble;
  } else {
    trouble_.succeeded();
    due_ = *more || hurry_ ? now : next_close(now);
    if (!*more) {
      passing_ = false;
      lines_.reset();
      inflate_.reset();
    }
  }
  return due_;
}

// False when the pass is at its end, and all of it stored.
Result<bool> SummaryKeeper::fold_slice() {
  if (memory_bytes() >= kMostBytes) {
    if (const auto done = store(); !done) return done.error();
  }
  const auto segments = history_.read_unsummarised(position_, kStepBytes);
  if (!segments) return segments.error();
  if (segments->empty()) {
    if (const auto done = store(); !done) return done.error();
    return false;
  }
  for (const StoredSegment& segment : *segments) {
    position_ = segment.seq + 1;
    const bool open = segment.first_ns >= open_hours_.from_ns && segment.first_ns < open_hours_.to_ns;
    if (open && !with_open_hour_) continue;
    fold(segment);
  }
  return true;
}

void SummaryKeeper::fold(const StoredSegment& segment) {
  folded_.add({segment.seq, segment.seq});
  const auto lines = inflate_->decode(segment.view(), PayloadDecoder::Check::deflate);
  if (!lines) {
    log::warning("summaries: segment " + std::to_string(segment.seq) +
                 " is left out: " + lines.error().message);
    return;
  }
  auto* const hours = &hours_;  // the lambda runs here, with the mutex held
  std::int64_t hour_ns = 0;
  SeriesSummaries* hour = nullptr;
  lines_->read(*lines, kEver, [&](const Reading& reading) {
    if (hour == nullptr || floor_to(reading.time_ns, kHourNs) != hour_ns) {
      hour_ns = floor_to(reading.time_ns, kHourNs);
      hour = &(*hours)[hour_ns];
    }
    summary_of(*hour, {reading.equipment_id, reading.metric, reading.tags})
        .add(reading.time_ns, reading.value);
    return true;
  });
}

// Each hour's row is read, merged with what was folded, and written, all hours in one commit.
Result<void> SummaryKeeper::store() {
  if (folded_.ranges().empty()) return {};
  std::vector<SummaryRow> rows;
  rows.reserve(hours_.size());
  SummaryEncoder encoder;
  SummaryDecoder decoder;
  for (const auto& folded : hours_) {
    const std::int64_t hour_ns = folded.first;
    SeriesSummaries merged = folded.second;  // the folded ones stay as they are, should the commit fail
    const auto done = history_.read_summaries(hour_ns, hour_ns + 1, [&](const SummaryRow& row) {
      const auto read =
          decoder.decode(hour_ns, row.payload, {}, [&](const SeriesName& name, const SeriesSummary& stored) {
            summary_of(merged, name).merge(stored);
          });
      if (!read) log::warning(read.error().message + "; they are made anew");
      return true;
    });
    if (!done) return done;
    rows.push_back({hour_ns, encoder.encode(hour_ns, merged)});
  }
  if (const auto done = history_.store_summaries(rows, folded_); !done) return done;
  hours_.clear();
  folded_ = {};
  return {};
}

Result<void> SummaryKeeper::flush() {
  const MutexLock lock(mutex_);
  return store();
}

Result<RemovalReport> SummaryKeeper::remove(const std::function<Result<RemovalReport>()>& removal) {
  const MutexLock lock(mutex_);
  if (const auto done = store(); !done) return done.error();
  return removal();
}

std::size_t SummaryKeeper::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [hour_ns, summaries] : hours_) {
    for (const auto& [key, summary] : summaries) bytes += sizeof(key) + summary.memory_bytes() + 64;
  }
  return bytes;
}

BootTime SummaryKeeper::next_close(BootTime now) const {
  if (!clock_.wall_is_set()) return now + kClockPoll;
  const std::int64_t wall_ns = to_ns(clock_.wall());
  const std::int64_t close_ns = floor_to(wall_ns - kGraceNs, kHourNs) + kHourNs + kGraceNs;
  return now + std::chrono::nanoseconds(close_ns - wall_ns);
}

}  // namespace vigile
