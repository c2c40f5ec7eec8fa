// SPDX-License-Identifier: Apache-2.0
#include "store/damaged_rows.h"

#include <algorithm>
#include <string>
#include <utility>

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

Result<Statement> rows_of_segments(Db& db) {
  const auto select = [&](const char* thinned) {
    return db.prepare("SELECT " + std::string(kSegmentColumns) + ", " + thinned +
                      ", total_points FROM segments WHERE seq >= ? ORDER BY seq");
  };
  auto rows = select("thinned");
  return rows ? std::move(rows) : select("0");  // an older schema
}

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

std::optional<std::int64_t> first_that_reads(std::int64_t at, std::int64_t step,
                                             const std::function<bool(std::int64_t)>& reads) {
  if (reads(at)) return at;
  std::int64_t most = 0;
  if (__builtin_mul_overflow(as_int(kMostSkip), step, &most) || at > INT64_MAX - most) return std::nullopt;
  std::int64_t failing = 0;
  for (std::int64_t strides = 1; strides <= as_int(kMostSkip); failing = strides, strides *= 2) {
    if (!reads(at + strides * step)) continue;
    while (strides - failing > 1) {
      const std::int64_t between = failing + (strides - failing) / 2;
      (reads(at + between * step) ? strides : failing) = between;
    }
    return at + strides * step;
  }
  return std::nullopt;
}

Held held_in(Db& db) {
  const MetaRows meta = read_meta(db);
  std::uint64_t last_seq = meta.count(meta::kLastSeq);
  std::uint64_t points = meta.count(meta::kTotalPoints);
  std::uint64_t segments = meta.count(meta::kTotalSegments);
  Held held{.gone_points = meta.count(meta::kGonePoints), .is_exact = meta.is_whole};
  // After a clean end, as long as these numbers are there, the rows say nothing more.
  const bool is_ended = meta.count(meta::kCleanEnd) != 0;
  const bool has_numbers = meta.values.contains(meta::kLastSeq) && meta.values.contains(meta::kTotalPoints) &&
                           meta.values.contains(meta::kTotalSegments);
  if (is_ended && !has_numbers) held.is_exact = false;
  if (!is_ended || !has_numbers) {
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
  ++segments_;
  points_ += points;
  if (seq <= last_seq_) return;  // among those that the totals of a later one count
  // Totals that cannot be are damaged too.
  constexpr std::uint64_t kMostBetween = std::uint64_t{1} << 40;
  const std::uint64_t least = last_total_ + points;
  std::uint64_t own = points;
  if (seq != last_seq_ + 1 || total_points != least) {
    const auto trimmed = db_.integer("SELECT sum(points) FROM trimmed WHERE seq = " + std::to_string(seq));
    own += std::min(as_count(trimmed.value_or(0)), kMostBetween);
  }
  if (segments_ == 1) {
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
}

Loss LossCount::end(bool is_stale) const {
  // More found than were said to be there: what said so is damaged.
  if (held_.is_exact && (!is_stale || held_.is_current) && held_.last_seq >= last_seq_ &&
      held_.points >= points_ && held_.segments >= segments_) {
    return {held_.segments - segments_, held_.points - points_, false};
  }
  // Up to the last row that reads, at least, as far as its totals say.
  const std::uint64_t held = last_total_ - std::min(last_total_, std::max(first_total_, held_.gone_points));
  return {failed_, held - std::min(held, points_), true};
}

SegmentWalk::SegmentWalk(Db& db, Statement row, std::uint64_t last)
    : db_(&db), row_(std::move(row)), last_(std::min(last, kMostSalvagedSeq)) {}

std::optional<SegmentWalk> SegmentWalk::over(DatabaseImage& image, Db& db, const Held& held) {
  auto rows = rows_of_segments(db);
  if (!rows) return std::nullopt;
  // Older pages in place of newer ones lead to fewer segments, and to no damage.
  const bool is_older = image.is_stale() && !held.is_current;
  SegmentWalk walk(db, std::move(*rows), is_older ? kUnknownSeq : held.last_seq);
  walk.image_ = &image;
  walk.wanted_ = is_older ? UINT64_MAX : held.is_exact ? held.segments : 0;
  return walk;
}

std::optional<SegmentWalk> SegmentWalk::over(Db& db, std::uint64_t last) {
  auto rows = rows_of_segments(db);
  if (!rows) return std::nullopt;
  SegmentWalk walk(db, std::move(*rows), last);
  walk.is_one_by_one_ = true;
  return walk;
}

Result<bool> SegmentWalk::read_from(std::int64_t seq) {
  row_.reset();
  row_.bind(1, seq);
  return step_twice(row_);
}

// Whether there is more behind it.
bool SegmentWalk::pass_damage() {
  met_damage_ = true;
  is_reading_ = false;
  had_again_ = 0;
  at_ = std::max(at_, std::int64_t{1});
  if (at_ != passed_at_) {
    stride_ = 1;
  } else if (stride_ <= as_int(kMostSkip)) {  // from there it read, and led to nothing
    at_ += stride_;
    stride_ *= 2;
  } else {
    return false;
  }
  const auto good = first_that_reads(at_, 1, [&](std::int64_t seq) { return read_from(seq).has_value(); });
  if (!good || as_count(*good) > last_) return false;
  at_ = passed_at_ = *good;
  return true;
}

Statement* SegmentWalk::next() {
  // Of a page that is reached twice; of more that lead to each other there is no end.
  constexpr std::uint64_t kMostAgain = 10'000;
  for (;;) {
    const auto found = is_reading_ ? row_.step() : read_from(at_);
    if (!found || !*found) {
      const bool has_more = !found && pass_damage();
      if (!has_more && !go_to_leaves()) return nullptr;
      continue;
    }
    is_reading_ = true;
    const std::uint64_t number = as_count(row_.integer(0));
    if (number == 0 || number > last_) {
      met_damage_ = true;
      continue;
    }
    is_intact_ = vigile::is_intact(row_);
    if (!is_intact_) {
      if (is_in_leaves_) continue;  // came before
      return &row_;
    }
    if (!had_.contains(number)) {
      had_again_ = 0;
      had_.add({number, number});
      ++found_;
      at_ = std::max(at_, as_int(number) + 1);
      if (is_one_by_one_) is_reading_ = false;
      return &row_;
    }
    if (is_in_leaves_) continue;
    met_damage_ = true;
    if (++had_again_ > kMostAgain && !pass_damage() && !go_to_leaves()) return nullptr;
  }
}

// Whether there are any, and it makes sense.
bool SegmentWalk::go_to_leaves() {
  if (image_ == nullptr || (!met_damage_ && found_ >= wanted_)) return false;
  auto leaves = std::exchange(image_, nullptr)->connect_to_leaves(*db_);
  if (!leaves) return false;
  leaves_ = std::move(*leaves);
  auto rows = rows_of_segments(leaves_);
  if (!rows) return false;
  is_in_leaves_ = true;
  row_ = std::move(*rows);
  at_ = passed_at_ = INT64_MIN;
  is_reading_ = false;
  return true;
}

}  // namespace vigile
