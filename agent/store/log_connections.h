// SPDX-License-Identifier: Apache-2.0
// The connections of a log to its database, with their statements. Private to the store.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/result.h"
#include "store/segment.h"
#include "store/sqlite_db.h"

namespace vigile {

// Chosen by measuring (README.md): a small commit writes few bytes, and a large one loses little.
inline constexpr std::uint64_t kPageBytes = 1024;
inline constexpr std::uint64_t kFrameBytes = kPageBytes + 24;   // a page in the WAL
inline constexpr std::uint64_t kSmallWrite = 64 * kFrameBytes;  // more than a removal or a few rows write
inline constexpr std::int64_t kMostRemoved = 500;               // rows a transaction: bounds its frames
inline constexpr std::uint64_t kRowBytes = 200;                 // of a row, beside its payload

// The connection that writes, with its statements.
struct WriteConnection {
  Db db;
  Statement insert;
  Statement erase;
  Statement delete_progress;
  Statement insert_progress;
  Statement insert_dead_letter;
  Statement insert_change;
  Statement set_meta;
  Statement insert_trimmed;
  Statement page_count;
  Statement free_pages;
  int wal_pages = 0;  // frames in the WAL, from SQLite's hook
};

// Of all that was ever appended, with the row.
struct RowTotals {
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;
};
Result<void> insert_row(WriteConnection& writer, const StoredSegment& head, std::string_view payload,
                        const RowTotals& totals, int thinned);

struct ReadConnection {
  Db db;
  Statement by_seq;            // rows of a run of numbers
  Statement by_time;           // rows that overlap a span of time
  Statement points_through;    // total_points of the last row up to a number
  Statement points_before;     // total_points before the first row from a number on
  Statement first_ns_at;       // first_ns of that row
  Statement trimmed;           // points and segments taken out of a run of numbers
  Statement segments_through;  // as for points
  Statement segments_before;
  Statement number_before;  // of the last row before a number
};

// Opened by the first question to the history. Each of its reads is short: no snapshot is held between pages.
struct HistoryConnection {
  Db db;
  Statement by_seq;
};

}  // namespace vigile
