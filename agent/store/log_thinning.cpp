// SPDX-License-Identifier: Apache-2.0
// overflow: thin. Runs of undelivered segments become one segment each, with one line a series and minute,
// later ten: a long outage loses resolution before it loses history. What is thinned is in the summaries
// already (they stay exact), no sink has it under way, and for every sink all of the run is settled or none.
//
// One transaction a run. The segment has the number of the last it stands for; the others' numbers have no
// row any more, and who acknowledges it acknowledges them.
#include <algorithm>

#include "core/units.h"
#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

constexpr std::array<std::int64_t, 3> kWindowNs = {0, 60'000'000'000, 600'000'000'000};
constexpr std::int64_t kWindowsARun = 10;
// Of one run: bounds what is written at once, and how long it takes.
constexpr std::uint64_t kMostRawBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kMostPayloadBytes = std::uint64_t{512} << 10;
constexpr std::uint64_t kReadBytes = std::uint64_t{256} << 10;
// A sink that has not read yet after a start may have had its first batch under way before it.
constexpr auto kPatience = std::chrono::minutes(5);

}  // namespace

// Numbers from `from` on that may be made one, as long as their rows allow it.
std::optional<SeqRange> DatabaseLog::next_thinnable(std::uint64_t from, std::uint64_t last) const {
  const MutexLock lock(state_mutex_);
  SeqRanges fixed = state_.unset;
  for (const auto& [name, sink] : state_.sinks) {
    if (sink.known && sink.handed) fixed.add(*sink.handed);
  }
  while (from <= last) {
    auto run = fixed.first_gap(from, last);
    if (run && state_.folded) {
      const auto folded = state_.folded->acknowledged.first_run(run->first, run->last);
      if (!folded) {
        from = run->last + 1;
        continue;
      }
      run = folded;
    }
    if (!run) return std::nullopt;
    bool is_wanted = false;
    for (const auto& [name, sink] : state_.sinks) {
      const auto next = sink.acknowledged.first_gap(run->first, run->last);
      if (!next || next->first > run->first) {
        if (next) run->last = next->first - 1;
        continue;
      }
      run->last = next->last;
      is_wanted = is_wanted || sink.known;
    }
    if (is_wanted) return run;
    from = run->last + 1;
  }
  return std::nullopt;
}

// The rows of one run. It ends where no series has a window on both sides, when the rows say so; not at the
// newest row, whose window goes on.
Result<std::optional<DatabaseLog::ThinPlan>> DatabaseLog::choose_rows(SeqRange within, int level) {
  auto rows = writer_.db.prepare(
      "SELECT seq, first_ns, last_ns, points, raw_bytes, length(payload), clock, boot_id, payload_crc32, "
      "thinned FROM segments WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?");
  if (!rows) return rows.error();
  rows->bind(1, as_int(within.first)).bind(2, as_int(within.last)).bind(3, kMostRemoved);
  const std::int64_t window_ns = kWindowNs[static_cast<std::size_t>(level)];
  const std::uint64_t most_payload = std::min(kMostPayloadBytes, wal_budget() / 2);
  ThinPlan plan{.level = level};
  std::optional<ThinPlan> whole;  // as far as the last good end
  std::uint64_t raw_bytes = 0;
  bool is_cut = false;
  for (;;) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) break;
    if (rows->integer(9) >= level) {
      if (plan.count == 0) continue;
      is_cut = true;
      break;
    }
    const std::int64_t first_ns = rows->integer(1);
    const std::int64_t last_ns = rows->integer(2);
    if (plan.count > 0 && first_ns / window_ns > plan.last_ns / window_ns) {
      whole = plan;
      is_cut = first_ns / window_ns >= plan.first_ns / window_ns + kWindowsARun;
    }
    raw_bytes += as_count(rows->integer(4));
    const std::uint64_t payload_bytes = plan.payload_bytes + as_count(rows->integer(5));
    if (plan.count > 0) {
      is_cut = is_cut || raw_bytes > kMostRawBytes || payload_bytes > most_payload ||
               rows->integer(6) != static_cast<std::int64_t>(plan.clock) || rows->text(7) != plan.boot_id;
      if (is_cut) break;
      plan.first_ns = std::min(plan.first_ns, first_ns);
      plan.last_ns = std::max(plan.last_ns, last_ns);
    } else {
      plan.rows.first = as_count(rows->integer(0));
      plan.first_ns = first_ns;
      plan.last_ns = last_ns;
      plan.clock = static_cast<ClockState>(rows->integer(6));
      plan.boot_id = rows->text(7);
    }
    plan.rows.last = as_count(rows->integer(0));
    plan.points += as_count(rows->integer(3));
    plan.payload_bytes = payload_bytes;
    plan.checksum += rows->integer(8);
    ++plan.count;
  }
  if (whole) return whole;
  const bool is_full = is_cut || plan.count == static_cast<std::uint64_t>(kMostRemoved);
  if (plan.count == 0 || !is_full) return std::optional<ThinPlan>();
  return std::optional(plan);
}

Result<std::optional<DatabaseLog::ThinPlan>> DatabaseLog::plan_thinning(int level) {
  std::uint64_t from = 0;
  std::uint64_t last = 0;
  {
    const MutexLock lock(state_mutex_);
    from = std::max(thin_from_[static_cast<std::size_t>(level)], state_.first_seq);
    last = level == 1 ? state_.last_seq : std::min(thin_from_[1] - 1, state_.last_seq);
  }
  while (const auto run = next_thinnable(from, last)) {
    auto plan = choose_rows(*run, level);
    if (!plan || *plan) return plan;
    from = run->last + 1;
  }
  return std::optional<ThinPlan>();
}

// Readings as they were keep half of the room, then those of a minute are thinned once more, the oldest
// first; when there are none left, a quarter.
Result<std::optional<DatabaseLog::ThinPlan>> DatabaseLog::plan_thinning() {
  std::uint64_t held = 0;
  {
    const MutexLock lock(state_mutex_);
    held = state_.payload_bytes;
  }
  const auto before = writer_.db.integer("SELECT coalesce((SELECT total_bytes FROM segments WHERE seq < " +
                                         std::to_string(thin_from_[1]) + " ORDER BY seq DESC LIMIT 1), 0)");
  if (!before) return before.error();
  const std::uint64_t raw = *before == 0 ? held : std::min(held, total_bytes_ - as_count(*before));
  std::optional<ThinPlan> none;
  for (const auto& [level, share] : {std::pair{1, 2U}, std::pair{2, 0U}, std::pair{1, 4U}}) {
    if (share != 0 && raw < held / share) continue;
    auto plan = plan_thinning(level);
    if (!plan || *plan) return plan;
  }
  return none;
}

Result<std::optional<ThinnedLines>> DatabaseLog::make_thinned(const ThinPlan& plan) {
  LineThinner thinner{std::chrono::nanoseconds(kWindowNs[static_cast<std::size_t>(plan.level)])};
  PayloadDecoder decoder;
  for (std::uint64_t at = plan.rows.first; at <= plan.rows.last;) {
    std::vector<StoredSegment> segments;
    {
      const MutexLock read(read_mutex_);
      auto page = read_run({at, plan.rows.last}, ReadLimits{.raw_bytes = kReadBytes});
      if (!page) return page.error();
      if (page->damaged) return std::optional<ThinnedLines>();  // counted when it is to be sent
      segments = std::move(page->segments);
    }
    if (segments.empty()) break;
    for (const StoredSegment& segment : segments) {
      const auto lines = decoder.decode(segment.view(), PayloadDecoder::Check::deflate);
      if (!lines) return std::optional<ThinnedLines>();
      thinner.add(*lines);
    }
    at = segments.back().seq + 1;
  }
  return std::optional(thinner.finish());
}

Result<bool> DatabaseLog::is_unchanged(const ThinPlan& plan) {
  const auto run = next_thinnable(plan.rows.first, plan.rows.last);
  if (!run || *run != plan.rows) return false;
  auto rows =
      writer_.db.prepare("SELECT count(*), sum(payload_crc32) FROM segments WHERE seq >= ? AND seq <= ?");
  if (!rows) return rows.error();
  rows->bind(1, as_int(plan.rows.first)).bind(2, as_int(plan.rows.last));
  const auto row = rows->step();
  if (!row) return row.error();
  return *row && as_count(rows->integer(0)) == plan.count && rows->integer(1) == plan.checksum;
}

Result<bool> DatabaseLog::replace(const ThinPlan& plan, const ThinnedLines& thinned) {
  encoder_->encode(thinned.lines, payload_);
  if (thinned.taken == 0 || payload_.size() >= plan.payload_bytes) return false;
  if (auto done = checkpoint(2 * payload_.size() + kSmallWrite); !done) return done.error();
  const MutexLock read(read_mutex_);  // no sink reads it meanwhile
  const auto unchanged = is_unchanged(plan);
  if (!unchanged) return unchanged.error();
  if (!*unchanged) return false;

  const std::string between =
      " WHERE seq BETWEEN " + std::to_string(plan.rows.first) + " AND " + std::to_string(plan.rows.last);
  auto totals =
      writer_.db.prepare("SELECT total_points, total_bytes, total_segments FROM segments WHERE seq = " +
                         std::to_string(plan.rows.last));
  auto trimmed = writer_.db.prepare("SELECT sum(points), sum(segments) FROM trimmed" + between);
  if (!totals) return totals.error();
  if (!trimmed) return trimmed.error();
  for (Statement* const statement : {&*totals, &*trimmed}) {
    const auto row = statement->step();
    if (!row) return row.error();
  }
  const RowTotals total{as_count(totals->integer(0)), as_count(totals->integer(1)),
                        as_count(totals->integer(2))};
  const std::uint64_t trimmed_points = as_count(trimmed->integer(0)) + plan.points - thinned.points;
  const std::uint64_t trimmed_segments = as_count(trimmed->integer(1)) + plan.count - 1;
  totals->reset();
  trimmed->reset();

  State next;
  {
    const MutexLock lock(state_mutex_);
    next.points = state_.points - (plan.points - thinned.points);
    next.payload_bytes = state_.payload_bytes - (plan.payload_bytes - payload_.size());
    next.segments = state_.segments - (plan.count - 1);
    next.thinned_points = state_.thinned_points + thinned.taken;
    next.thinned_made = state_.thinned_made + thinned.made;
    next.thinned_from_ns = std::min(plan.first_ns, state_.thinned_from_ns.value_or(plan.first_ns));
    next.thinned_to_ns = std::max(plan.last_ns, state_.thinned_to_ns.value_or(plan.last_ns));
    // The hours are answered from summaries, which know every reading.
    next.gone_to_ns = std::max(plan.last_ns, state_.gone_to_ns.value_or(plan.last_ns));
  }
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  if (auto erased = writer_.db.exec("DELETE FROM segments" + between); !erased) return erased.error();
  if (auto erased = writer_.db.exec("DELETE FROM trimmed" + between); !erased) return erased.error();
  const StoredSegment head{.seq = plan.rows.last,
                           .clock = plan.clock,
                           .boot_id = plan.boot_id,
                           .first_ns = thinned.first_ns,
                           .last_ns = thinned.last_ns,
                           .points = static_cast<std::uint32_t>(thinned.points),
                           .raw_bytes = static_cast<std::uint32_t>(thinned.lines.size()),
                           .crc32 = crc32_of(thinned.lines)};
  if (auto put = insert_row(writer_, head, payload_, total, plan.level); !put) return put.error();
  {
    Run run(writer_.insert_trimmed);
    run->bind(1, as_int(plan.rows.last)).bind(2, as_int(trimmed_points)).bind(3, as_int(trimmed_segments));
    if (const auto done = run->step(); !done) return done.error();
  }
  if (auto put = put_held(next.points, next.payload_bytes, next.segments); !put) return put.error();
  for (const auto& [key, value] :
       {std::pair{meta::kThinnedPoints, as_int(next.thinned_points)},
        std::pair{meta::kThinnedMade, as_int(next.thinned_made)},
        std::pair{meta::kThinnedFrom, *next.thinned_from_ns},
        std::pair{meta::kThinnedTo, *next.thinned_to_ns}, std::pair{meta::kGoneTo, *next.gone_to_ns}}) {
    if (auto put = put_meta(key, as_count(value)); !put) return put.error();
  }
  // What a sink has had of the run, it has had for good.
  if (auto written = write_progress(); !written) return written.error();
  if (auto committed = transaction->commit(); !committed) return committed.error();
  progress_written();

  const MutexLock lock(state_mutex_);
  state_.absent.add({plan.rows.first, plan.rows.last - 1});
  state_.points = next.points;
  state_.payload_bytes = next.payload_bytes;
  state_.segments = next.segments;
  state_.thinned_points = next.thinned_points;
  state_.thinned_made = next.thinned_made;
  state_.thinned_from_ns = next.thinned_from_ns;
  state_.thinned_to_ns = next.thinned_to_ns;
  state_.gone_to_ns = next.gone_to_ns;
  return true;
}

// False when nothing can be thinned; a run that gains nothing is passed over.
Result<bool> DatabaseLog::thin() {
  for (;;) {
    const auto plan = plan_thinning();
    if (!plan) return plan.error();
    if (!*plan) return false;
    const auto thinned = make_thinned(**plan);
    if (!thinned) return thinned.error();
    thin_from_[static_cast<std::size_t>((*plan)->level)] = (*plan)->rows.last + 1;
    if (!*thinned) continue;
    const auto replaced = replace(**plan, **thinned);
    if (!replaced) return replaced.error();
    if (!*replaced) continue;
    dropped_since_upkeep_ = true;
    dropping_.failed("max_size of " + format_size(options_.max_size_bytes) +
                     " is near: the oldest undelivered readings are thinned");
    return true;
  }
}

Result<bool> DatabaseLog::is_nearly_full() {
  const auto used = used_bytes();
  if (!used) return used.error();
  return *used > (options_.max_size_bytes - wal_budget()) / 10 * 9;
}

Result<bool> DatabaseLog::thin_ahead() {
  std::optional<ThinPlan> plan;
  {
    const MutexLock write(write_mutex_);
    if (options_.overflow != Overflow::thin) return false;
    const auto full = is_nearly_full();
    if (!full || !*full) return full;
    if (!opened_) opened_ = clock_.boot();
    {
      const MutexLock lock(state_mutex_);
      const bool all_read = std::all_of(state_.sinks.begin(), state_.sinks.end(), [](const auto& sink) {
        return !sink.second.known || sink.second.has_read;
      });
      if (!all_read && clock_.boot() - *opened_ < kPatience) return false;
    }
    // What is delivered makes room first.
    const SeqRanges delivered = delivered_to_all();
    for (const SeqRange& run : delivered.ranges()) {
      const auto removable = plan_removal(run, 1, std::nullopt);
      if (!removable) return removable.error();
      if (*removable) return false;
    }
    auto planned = plan_thinning();
    if (!planned) return planned.error();
    if (!*planned) return false;
    plan = std::move(**planned);
  }
  const auto thinned = make_thinned(*plan);
  if (!thinned) return thinned.error();
  const MutexLock write(write_mutex_);
  thin_from_[static_cast<std::size_t>(plan->level)] =
      std::max(thin_from_[static_cast<std::size_t>(plan->level)], plan->rows.last + 1);
  if (!*thinned) return true;
  const auto replaced = replace(*plan, **thinned);
  if (!replaced) return replaced.error();
  if (*replaced) {
    dropped_since_upkeep_ = true;
    dropping_.failed("max_size of " + format_size(options_.max_size_bytes) +
                     " is near: the oldest undelivered readings are thinned");
  }
  return true;
}

}  // namespace vigile
