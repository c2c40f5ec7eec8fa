// SPDX-License-Identifier: Apache-2.0
#include "store/damaged_rows.h"

#include <algorithm>
#include <string>

#include "store/schema.h"
#include "store/segment_row.h"
#include "store/seq_ranges.h"

namespace vigile {

namespace {

constexpr std::uint64_t kMostSkip = std::uint64_t{1} << 20;
// A larger number is damage, and the numbers that follow must not come near their end.
constexpr std::uint64_t kMostSalvagedSeq = kMostSeq / 2;

// The newest row, by its totals. Not trusted when they are not those of the row before it and its own points.
struct NewestRow {
  std::uint64_t seq = 0;  // 0: there is none
  std::uint64_t total_points = 0;
  std::uint64_t total_segments = 0;
  bool is_trusted = true;
};

Result<NewestRow> newest_row(Db& db) {
  const auto select = [&](const char* trimmed) {
    return db.prepare("SELECT seq, total_points, total_segments, points, " + std::string(trimmed) +
                      " FROM segments ORDER BY seq DESC LIMIT 2");
  };
  auto rows = select("coalesce((SELECT points FROM trimmed WHERE trimmed.seq = segments.seq), 0)");
  if (!rows) rows = select("0");  // an older schema
  if (!rows) return rows.error();
  const auto row = step_twice(*rows);
  if (!row) return row.error();
  NewestRow newest;
  if (!*row) return newest;
  newest.seq = as_count(rows->integer(0));
  newest.total_points = as_count(rows->integer(1));
  newest.total_segments = as_count(rows->integer(2));
  const std::uint64_t before = newest.total_points - as_count(rows->integer(3)) - as_count(rows->integer(4));
  const auto second = rows->step();
  newest.is_trusted = second.has_value();
  if (second && *second && as_count(rows->integer(0)) + 1 == newest.seq)
    newest.is_trusted = as_count(rows->integer(1)) == before;
  return newest;
}

}  // namespace

Result<bool> step_twice(Statement& statement) {
  auto row = statement.step();
  return row ? row : statement.step();
}

Held held_in(Db& db) {
  const MetaRows meta = read_meta(db);
  std::uint64_t last_seq = meta.count(meta::kLastSeq);
  std::uint64_t points = meta.count(meta::kTotalPoints);
  std::uint64_t segments = meta.count(meta::kTotalSegments);
  Held held{.gone_points = meta.count(meta::kGonePoints), .is_exact = meta.is_whole};
  // After a clean end the rows say nothing more.
  if (meta.count(meta::kCleanEnd) == 0) {
    const auto newest = newest_row(db);
    if (!newest) {
      held.is_exact = false;
      return held;
    }
    held.is_exact = held.is_exact && newest->is_trusted && newest->seq >= last_seq;
    if (newest->seq != 0 && newest->seq >= last_seq) {
      last_seq = newest->seq;
      points = newest->total_points;
      segments = newest->total_segments;
    }
  }
  if (last_seq > kMostSalvagedSeq) {  // not a number we gave
    held.is_exact = false;
    return held;
  }
  held.last_seq = last_seq;
  const std::uint64_t gone_segments = meta.count(meta::kGoneSegments);
  held.is_exact = held.is_exact && points >= held.gone_points && segments >= gone_segments;
  held.points = points - std::min(points, held.gone_points);
  held.segments = segments - std::min(segments, gone_segments);
  return held;
}

void LossCount::found(std::uint64_t seq, std::uint64_t points, std::uint64_t total_points) {
  // Totals that cannot be are damaged too.
  constexpr std::uint64_t kMostBetween = std::uint64_t{1} << 40;
  const std::uint64_t least = last_total_ + points;
  std::uint64_t own = points;
  if (seq != last_seq_ + 1 || total_points != least) {
    const auto trimmed = db_.integer("SELECT sum(points) FROM trimmed WHERE seq = " + std::to_string(seq));
    own += std::min(as_count(trimmed.value_or(0)), kMostBetween);
  }
  if (segments_ == 0) {
    first_total_ = total_points >= own && total_points < kMostBetween ? total_points - own : 0;
    last_total_ = first_total_ + own;
  } else if (seq == last_seq_ + 1) {
    last_total_ += own;
  } else if (total_points >= last_total_ + own && total_points - last_total_ < kMostBetween) {
    last_total_ = total_points;
  } else {
    last_total_ += own;
  }
  last_seq_ = seq;
  points_ += points;
  ++segments_;
}

Loss LossCount::end(bool is_stale) const {
  // More found than were said to be there: what said so is damaged.
  if (held_.is_exact && !is_stale && held_.last_seq >= last_seq_ && held_.points >= points_ &&
      held_.segments >= segments_) {
    return {held_.segments - segments_, held_.points - points_, false};
  }
  // Up to the last row that reads, at least, as far as its totals say.
  const std::uint64_t held = last_total_ - std::min(last_total_, std::max(first_total_, held_.gone_points));
  return {failed_, held - std::min(held, points_), true};
}

std::optional<SegmentWalk> SegmentWalk::over(Db& db, std::uint64_t last) {
  const auto select = [&](const char* thinned) {
    return db.prepare("SELECT " + std::string(kSegmentColumns) + ", " + thinned +
                      ", total_points FROM segments WHERE seq >= ? ORDER BY seq LIMIT 1");
  };
  auto row = select("thinned");
  if (!row) row = select("0");  // an older schema
  if (!row) return std::nullopt;
  return SegmentWalk(std::move(*row), std::min(last, kMostSalvagedSeq));
}

Statement* SegmentWalk::next() {
  while (seq_ <= last_) {
    row_.reset();
    row_.bind(1, as_int(seq_));
    const auto found = step_twice(row_);
    if (found && !*found) return nullptr;
    const std::uint64_t number = found ? as_count(row_.integer(0)) : 0;
    if (found && number >= seq_ && number <= last_) {
      skip_ = 1;
      seq_ = number + 1;
      return &row_;
    }
    // Behind the damage there may be more: look further and further ahead.
    met_damage_ = true;
    if (skip_ > kMostSkip) return nullptr;
    seq_ += skip_;
    skip_ *= 2;
  }
  return nullptr;
}

}  // namespace vigile
