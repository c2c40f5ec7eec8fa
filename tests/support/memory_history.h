// SPDX-License-Identifier: Apache-2.0
// A History in memory that keeps to its contract, for tests of what reads it. What was stored survives the
// objects that stored it, so a crash of a keeper is to drop it and to make another. Any thread.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/mutex.h"
#include "point/payload.h"
#include "store/history.h"

namespace vigile {

class MemoryHistory final : public History {
 public:
  // Lines as the log holds them; the number of the segment.
  std::uint64_t add(std::string_view lines, std::int64_t first_ns, std::int64_t last_ns,
                    ClockState clock = ClockState::set) {
    const MutexLock lock(mutex_);
    StoredSegment segment;
    segment.seq = ++last_seq_;
    segment.clock = clock;
    segment.first_ns = first_ns;
    segment.last_ns = last_ns;
    segment.points = static_cast<std::uint32_t>(std::count(lines.begin(), lines.end(), '\n'));
    segment.raw_bytes = static_cast<std::uint32_t>(lines.size());
    segment.crc32 = crc32_of(lines);
    encoder_.encode(lines, segment.payload);
    segments_.push_back({std::move(segment), false});
    return last_seq_;
  }
  void add_change(const StatusChange& change) {
    const MutexLock lock(mutex_);
    changes_.push_back(change);
  }
  // As the clock's repair does it: another text, other times.
  void repair(std::uint64_t seq, std::string_view lines, std::int64_t first_ns, std::int64_t last_ns) {
    const MutexLock lock(mutex_);
    for (auto& held : segments_) {
      if (held.segment.seq != seq) continue;
      held.segment.clock = ClockState::set;
      held.segment.first_ns = first_ns;
      held.segment.last_ns = last_ns;
      held.segment.raw_bytes = static_cast<std::uint32_t>(lines.size());
      held.segment.crc32 = crc32_of(lines);
      encoder_.encode(lines, held.segment.payload);
    }
  }
  // As retention does it: whole segments that ended before, once they are summarised.
  void expire(std::int64_t before_ns) {
    const MutexLock lock(mutex_);
    expire_locked(before_ns);
  }
  void damage_payload(std::uint64_t seq) {
    const MutexLock lock(mutex_);
    for (auto& held : segments_) {
      if (held.segment.seq == seq) held.segment.payload[held.segment.payload.size() / 2] ^= 0x55;
    }
  }
  // The next store_summaries fails.
  void fail_next_store() {
    const MutexLock lock(mutex_);
    fail_store_ = true;
  }
  // Runs in the middle of a read, between summaries and segments.
  void set_interruption(std::function<void()> interruption) { interruption_ = std::move(interruption); }

  std::uint64_t stores() const {
    const MutexLock lock(mutex_);
    return stores_;
  }
  std::size_t summary_rows() const {
    const MutexLock lock(mutex_);
    return rows_.size();
  }
  std::uint64_t segments_read() const { return segments_read_; }
  std::vector<SummaryRow> rows() const {
    const MutexLock lock(mutex_);
    std::vector<SummaryRow> rows;
    for (const auto& [hour_ns, payload] : rows_) rows.push_back({hour_ns, payload});
    return rows;
  }
  void put_row(const SummaryRow& row) {
    const MutexLock lock(mutex_);
    rows_[row.hour_ns] = row.payload;
  }

  Result<void> read_segments(TimeSpan span, bool unsummarised_only,
                             const std::function<bool(const StoredSegment&)>& use) override {
    if (interruption_ && unsummarised_only) std::exchange(interruption_, nullptr)();
    std::vector<StoredSegment> wanted;
    {
      const MutexLock lock(mutex_);
      for (const auto& held : segments_) {
        const StoredSegment& segment = held.segment;
        if (segment.clock == ClockState::unset || (unsummarised_only && held.summarised)) continue;
        if (segment.last_ns >= span.from_ns && segment.first_ns < span.to_ns) wanted.push_back(segment);
      }
    }
    for (const StoredSegment& segment : wanted) {
      ++segments_read_;
      if (!use(segment)) break;
    }
    return {};
  }
  std::optional<std::int64_t> oldest_segment_ns() override {
    const MutexLock lock(mutex_);
    std::optional<std::int64_t> oldest;
    for (const auto& held : segments_) {
      if (held.segment.clock == ClockState::unset) continue;
      oldest = std::min(oldest.value_or(held.segment.first_ns), held.segment.first_ns);
    }
    return oldest;
  }
  std::optional<std::int64_t> removed_until_ns() override {
    const MutexLock lock(mutex_);
    return gone_ns_;
  }
  Result<std::vector<StoredSegment>> read_unsummarised(std::uint64_t from_seq,
                                                       std::uint64_t raw_bytes) override {
    const MutexLock lock(mutex_);
    std::vector<StoredSegment> found;
    std::uint64_t bytes = 0;
    for (const auto& held : segments_) {
      const StoredSegment& segment = held.segment;
      if (held.summarised || segment.seq < from_seq || segment.clock == ClockState::unset) continue;
      bytes += segment.raw_bytes;
      if (!found.empty() && bytes > raw_bytes) break;
      found.push_back(segment);
    }
    return found;
  }
  Result<void> store_summaries(const std::vector<SummaryRow>& rows, const SeqRanges& folded) override {
    const MutexLock lock(mutex_);
    if (std::exchange(fail_store_, false)) return Error{ErrorKind::full, "no room"};
    for (const SummaryRow& row : rows) rows_[row.hour_ns] = row.payload;
    for (auto& held : segments_) held.summarised = held.summarised || folded.contains(held.segment.seq);
    ++stores_;
    ++version_;
    return {};
  }
  std::uint64_t summaries_version() override {
    const MutexLock lock(mutex_);
    return version_;
  }
  Result<void> read_summaries(std::int64_t from_ns, std::int64_t to_ns,
                              const std::function<bool(const SummaryRow&)>& use) override {
    std::vector<SummaryRow> wanted;
    {
      const MutexLock lock(mutex_);
      for (auto row = rows_.lower_bound(from_ns); row != rows_.end() && row->first < to_ns; ++row) {
        wanted.push_back({row->first, row->second});
      }
    }
    for (const SummaryRow& row : wanted) {
      if (!use(row)) break;
    }
    return {};
  }
  Result<std::vector<StatusChange>> status_changes(std::string_view equipment_id, TimeSpan span,
                                                   std::size_t limit) override {
    const MutexLock lock(mutex_);
    std::vector<StatusChange> found;
    for (const StatusChange& change : changes_) {
      if (!equipment_id.empty() && change.equipment_id != equipment_id) continue;
      if (change.time_ns >= span.from_ns && change.time_ns < span.to_ns) found.push_back(change);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; });
    if (found.size() > limit) found.resize(limit);
    return found;
  }
  Result<std::vector<StatusChange>> last_status_changes(std::string_view equipment_id,
                                                        std::int64_t before_ns) override {
    const MutexLock lock(mutex_);
    std::map<std::string, StatusChange> last;
    for (const StatusChange& change : changes_) {
      if (!equipment_id.empty() && change.equipment_id != equipment_id) continue;
      if (change.time_ns >= before_ns) continue;
      const auto found = last.find(change.equipment_id);
      if (found == last.end() || found->second.time_ns <= change.time_ns) last[change.equipment_id] = change;
    }
    std::vector<StatusChange> changes;
    for (auto& [id, change] : last) changes.push_back(change);
    return changes;
  }
  Result<void> add_gap(TimeSpan gap) override {
    const MutexLock lock(mutex_);
    gaps_.push_back(gap);
    return {};
  }
  Result<std::vector<TimeSpan>> gaps(TimeSpan span) override {
    const MutexLock lock(mutex_);
    std::vector<TimeSpan> found;
    for (const TimeSpan gap : gaps_) {
      if (gap.from_ns < span.to_ns && gap.to_ns > span.from_ns) found.push_back(gap);
    }
    return found;
  }
  std::optional<std::int64_t> last_alive_ns() override { return last_alive_ns_; }
  Result<void> set_last_alive(std::int64_t now_ns) override {
    last_alive_ns_ = now_ns;
    return {};
  }
  // By time alone; with an equipment's id only its series leave the summaries.
  Result<RemovalReport> remove(
      std::int64_t before_ns, std::string_view equipment_id, bool, bool dry_run,
      const std::function<Result<std::string>(std::string_view, std::string_view)>& strip) override {
    const MutexLock lock(mutex_);
    RemovalReport report;
    for (auto row = rows_.begin(); row != rows_.end() && row->first < before_ns;) {
      ++report.summaries;
      std::string kept;
      if (!equipment_id.empty()) {
        auto stripped = strip(row->second, equipment_id);
        if (!stripped) return stripped.error();
        kept = std::move(*stripped);
      }
      if (dry_run) {
        ++row;
      } else if (kept.empty()) {
        row = rows_.erase(row);
      } else {
        (row++)->second = kept;
      }
    }
    if (equipment_id.empty() && !dry_run) report.segments = expire_locked(before_ns);
    ++version_;
    return report;
  }

 private:
  struct Held {
    StoredSegment segment;
    bool summarised = false;
  };

  std::uint64_t expire_locked(std::int64_t before_ns) {
    const auto old = std::stable_partition(segments_.begin(), segments_.end(), [&](const Held& held) {
      return !held.summarised || held.segment.clock == ClockState::unset || held.segment.last_ns >= before_ns;
    });
    const auto count = static_cast<std::uint64_t>(segments_.end() - old);
    for (auto held = old; held != segments_.end(); ++held) {
      gone_ns_ = std::max(gone_ns_.value_or(held->segment.last_ns), held->segment.last_ns);
    }
    segments_.erase(old, segments_.end());
    return count;
  }

  mutable Mutex mutex_;
  PayloadEncoder encoder_{1};
  std::uint64_t last_seq_ = 0;
  std::vector<Held> segments_;  // by seq
  std::map<std::int64_t, std::string> rows_;
  std::vector<StatusChange> changes_;
  std::vector<TimeSpan> gaps_;
  std::optional<std::int64_t> gone_ns_;
  std::optional<std::int64_t> last_alive_ns_;
  bool fail_store_ = false;
  std::uint64_t stores_ = 0;
  std::uint64_t segments_read_ = 0;
  std::uint64_t version_ = 0;
  std::function<void()> interruption_;
};

}  // namespace vigile
