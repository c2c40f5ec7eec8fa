// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "store/sqlite_db.h"

namespace vigile {

// One step of the schema: brings a database from version `to - 1` to `to`. Steps are never changed once
// released; a new one is added.
struct Migration {
  int to;
  const char* sql;
};
std::span<const Migration> migrations();

// Made by a newer program, rather than damaged: no program will have that many steps.
bool is_newer_schema(std::int64_t version);

// What is to be said of one.
Error newer_schema(const std::string& path, std::int64_t version);

// Brings the database to the newest version, one transaction a step. Errors: corrupt when it is newer than
// the last step (made by a newer program): nothing is touched.
Result<void> migrate(Db& db, std::span<const Migration> steps);

// Name of the summaries' reader in `progress`: no sink can have it, names in settings hold no control
// character.
inline constexpr std::string_view kSummariesReader = "\tsummaries";

// The rows of `meta` that are as they were written.
struct MetaRows {
  std::map<std::string, std::int64_t, std::less<>> values;
  bool is_whole = false;                            // and that is all of them
  std::uint64_t count(std::string_view key) const;  // 0 when absent
};
MetaRows read_meta(Db& db);
// The segments under kDamagedSegment, with their points.
std::map<std::uint64_t, std::uint64_t> damaged_segments(const MetaRows& meta);
// The check in a row of it; 0 in rows written before there was one.
std::uint32_t meta_check(std::string_view key, std::int64_t value);

// Names of the rows of `meta`.
namespace meta {
inline constexpr const char* kLastSeq = "last_seq";          // at the last removal, like the next six
inline constexpr const char* kTotalPoints = "total_points";  // ever appended
inline constexpr const char* kTotalBytes = "total_payload_bytes";
inline constexpr const char* kTotalSegments = "total_segments";
inline constexpr const char* kGonePoints = "gone_points";  // of them no longer held
inline constexpr const char* kGoneBytes = "gone_payload_bytes";
inline constexpr const char* kGoneSegments = "gone_segments";
inline constexpr const char* kDroppedPoints = "dropped_points";
inline constexpr const char* kDroppedFrom = "dropped_from_ns";
inline constexpr const char* kDroppedTo = "dropped_to_ns";
inline constexpr const char* kThinnedPoints = "thinned_points";
inline constexpr const char* kThinnedMade = "thinned_made_points";
inline constexpr const char* kThinnedFrom = "thinned_from_ns";
inline constexpr const char* kThinnedTo = "thinned_to_ns";
inline constexpr const char* kDamaged = "damaged_segments";
inline constexpr const char* kDamagedPoints = "damaged_points";
inline constexpr const char* kDamagedAtLeast = "damaged_at_least";  // 1: the number is not known exactly
inline constexpr const char* kUnsummarisedLost = "unsummarised_lost_points";
inline constexpr const char* kGoneTo = "gone_to_ns";        // largest known time among removed segments
inline constexpr const char* kLastAlive = "last_alive_ns";  // clean end of the last agent
// Of a segment held, whose number follows: points that are counted as damaged.
inline constexpr const char* kDamagedSegment = "damaged_segment:";
// Of a boot, whose id follows, with times that are being repaired: when its time 0 was.
inline constexpr const char* kBootEpoch = "boot_epoch_ns:";
inline constexpr const char* kBootEstimate = "boot_estimate_ns:";  // the same, of one that never knew
inline constexpr const char* kCleanEnd = "clean_end";  // 1: nothing was appended since the first seven
}  // namespace meta

}  // namespace vigile
