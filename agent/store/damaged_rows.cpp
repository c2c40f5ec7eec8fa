// SPDX-License-Identifier: Apache-2.0
#include "store/damaged_rows.h"

#include <algorithm>
#include <map>
#include <string>

#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

constexpr std::uint64_t kMostSkip = std::uint64_t{1} << 20;

}  // namespace

Result<bool> step_twice(Statement& statement) {
  auto row = statement.step();
  return row ? row : statement.step();
}

Held held_in(Db& db) {
  Held held;
  std::map<std::string, std::int64_t> meta;
  bool is_whole = false;
  if (auto rows = db.prepare("SELECT key, value FROM meta")) {
    auto row = step_twice(*rows);
    for (; row && *row; row = rows->step()) meta[std::string(rows->text(0))] = rows->integer(1);
    is_whole = row.has_value();
  }
  const std::uint64_t gone = as_count(meta[meta::kGonePoints]);
  std::uint64_t total = as_count(meta[meta::kTotalPoints]);
  auto last = db.prepare("SELECT seq, total_points FROM segments ORDER BY seq DESC LIMIT 1");
  if (!last) return held;
  const auto row = step_twice(*last);
  if (!row) return held;
  const std::uint64_t meta_last = as_count(meta[meta::kLastSeq]);
  const std::uint64_t row_last = *row ? as_count(last->integer(0)) : 0;
  if (*row && row_last >= meta_last) total = as_count(last->integer(1));
  if (std::max(row_last, meta_last) > kUnknownSeq / 2) return held;  // not a number we gave
  held.last_seq = std::max(row_last, meta_last);
  // Without the newest row that there was, nobody knows how many more there were.
  held.is_exact = is_whole && total >= gone && *row && row_last >= meta_last;
  held.points = total >= gone ? total - gone : 0;
  held.gone_points = gone;
  return held;
}

void LossCount::add(std::uint64_t from_total, std::uint64_t to_total) {
  // Totals that cannot be are damaged too.
  constexpr std::uint64_t kMostLost = std::uint64_t{1} << 40;
  if (to_total < from_total || to_total - from_total > kMostLost) {
    is_exact_ = false;
  } else {
    points_ += to_total - from_total;
  }
}

void LossCount::found(std::uint64_t seq, std::uint64_t points, std::uint64_t total_points) {
  if (seq != last_seq_ + 1) {
    const auto trimmed = db_.integer("SELECT sum(points) FROM trimmed WHERE seq = " + std::to_string(seq));
    const std::uint64_t own = points + as_count(trimmed.value_or(0));
    add(last_total_.value_or(held_.gone_points), total_points >= own ? total_points - own : 0);
  }
  last_seq_ = seq;
  last_total_ = total_points;
}

void LossCount::end() {
  if (held_.last_seq == kUnknownSeq) {
    is_exact_ = false;
  } else if (last_seq_ < held_.last_seq) {
    is_exact_ = is_exact_ && held_.is_exact;
    const std::uint64_t total = held_.points + held_.gone_points;
    add(last_total_.value_or(held_.gone_points), total);
  }
}

std::optional<SegmentWalk> SegmentWalk::over(Db& db, std::uint64_t last) {
  const auto select = [&](const char* thinned) {
    return db.prepare("SELECT " + std::string(kSegmentColumns) + ", " + thinned +
                      ", total_points FROM segments WHERE seq >= ? ORDER BY seq LIMIT 1");
  };
  auto row = select("thinned");
  if (!row) row = select("0");  // an older schema
  if (!row) return std::nullopt;
  return SegmentWalk(std::move(*row), last);
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
