// SPDX-License-Identifier: Apache-2.0
#include "store/inspection.h"

#include <algorithm>
#include <utility>

#include "store/damaged_rows.h"
#include "store/looking.h"
#include "store/schema.h"
#include "store/segment_row.h"
#include "store/store_files.h"
#include "store/wal_check.h"

namespace vigile {

namespace {

// Adds what does not hold of one segment.
void inspect_segment(const Statement& row, StoreInspection& found) {
  const StoredSegment segment = segment_of(row);
  const auto lines = is_intact(row) ? inflate_payload(segment.view())
                                    : Error{ErrorKind::corrupt, "does not match its checksum"};
  if (!lines) {
    ++found.damaged_segments;
    found.lost_points += segment.points;
    found.add_problem("segment " + std::to_string(segment.seq) + " of " + std::to_string(segment.points) +
                      " points: " + lines.error().message);
    return;
  }
  const auto points = static_cast<std::uint64_t>(std::count(lines->begin(), lines->end(), '\n'));
  if (points != segment.points) {
    found.add_problem("segment " + std::to_string(segment.seq) + ": says " + std::to_string(segment.points) +
                      " points and holds " + std::to_string(points));
  }
  ++found.segments;
  found.points += points;
  found.payload_bytes += segment.payload.size();
}

// Whether there is a table of segments at all.
bool inspect_segments(Db& db, std::uint64_t last, StoreInspection& found) {
  auto walk = SegmentWalk::over(db, last);
  if (!walk) {
    found.add_problem("there is no table of segments");
    return false;
  }
  while (const Statement* const row = walk->next()) inspect_segment(*row, found);
  if (walk->met_damage()) found.add_problem("some pages with segments do not read");
  return true;
}

// What SQLite itself finds.
void inspect_pages(Db& db, StoreInspection& found) {
  auto check = db.prepare("PRAGMA quick_check(20)");
  if (!check) return found.add_problem(check.error().message);
  auto row = check->step();
  for (; row && *row; row = check->step()) {
    if (check->text(0) != "ok") found.add_problem("SQLite: " + std::string(check->text(0)));
  }
  if (!row) found.add_problem(row.error().message);
}

void inspect_progress(Db& db, std::uint64_t last, StoreInspection& found) {
  auto progress = db.prepare("SELECT sink, first_seq, last_seq FROM progress");
  if (!progress) return found.add_problem("there is no table of progress");
  auto row = progress->step();
  for (; row && *row; row = progress->step()) {
    const auto first_seq = as_count(progress->integer(1));
    const auto last_seq = as_count(progress->integer(2));
    if (first_seq <= last_seq && last_seq <= last) continue;
    std::string sink(progress->text(0));
    if (sink == kSummariesReader) sink = "the summaries";
    found.add_problem("progress of " + sink + ": segments " + std::to_string(first_seq) + " to " +
                      std::to_string(last_seq) + " are not there to be delivered");
  }
  if (!row) found.add_problem("progress: " + row.error().message);
}

}  // namespace

void StoreInspection::add_problem(std::string problem) {
  if (problems.size() < kMostProblems) {
    problems.push_back(std::move(problem));
  } else {
    ++more_problems;
  }
}

Result<StoreInspection> inspect_store(const std::filesystem::path& database, StoreFiles& files) {
  if (files.kind(database) == StoreFiles::Kind::absent) {
    return Error{ErrorKind::not_found, database.string() + ": there is no such file"};
  }
  const auto lock = files.lock(database);
  if (!lock) return lock.error();
  StoreInspection found;
  if (files.kind(database) == StoreFiles::Kind::other) {
    found.add_problem(database.string() + ": is no file");
    found.lost_at_least = true;
    return found;
  }
  const auto wal = check_wal(files, database.string() + "-wal");
  if (!wal) return wal.error();
  if (*wal) found.add_problem(database.string() + "-wal: " + **wal);
  auto db = open_to_look(database, files);
  if (!db) return db.error();
  const auto schema = db->integer("PRAGMA user_version");
  if (!schema && schema.error().kind != ErrorKind::corrupt) return schema.error();
  found.schema = schema.value_or(0);
  if (schema && is_newer_schema(*schema)) {
    found.add_problem("made by a newer program: its schema is " + std::to_string(*schema) +
                      ", the newest known here " + std::to_string(migrations().back().to));
    return found;
  }
  inspect_pages(*db, found);
  const Held held = held_in(*db);
  inspect_segments(*db, held.last_seq, found);
  inspect_progress(*db, held.last_seq, found);
  const std::uint64_t missing = held.points > found.points ? held.points - found.points : 0;
  found.lost_points = std::max(missing, found.lost_points);
  found.lost_at_least = !held.is_exact || held.points < found.points;
  if (held.is_exact && held.points != found.points && found.is_sound()) {
    found.add_problem("its counters say " + std::to_string(held.points) + " points, and there are " +
                      std::to_string(found.points));
  }
  if (!held.is_exact) found.add_problem("what says how much it held does not read");
  return found;
}

Result<StoreInspection> inspect_store(const std::filesystem::path& database) {
  return inspect_store(database, system_files());
}

Result<StoreInspection> inspect_open_store(const std::filesystem::path& database, StoreFiles& files) {
  StoreInspection found;
  auto db = Db::open(database, SQLITE_OPEN_READONLY, files.vfs());
  if (!db) return db.error();
  const auto schema = db->integer("PRAGMA user_version");
  if (!schema) return schema.error();
  found.schema = *schema;
  inspect_segments(*db, kUnknownSeq, found);
  found.lost_at_least =
      std::any_of(found.problems.begin(), found.problems.end(),
                  [](const std::string& problem) { return problem.starts_with("some pages"); });
  return found;
}

}  // namespace vigile
