// SPDX-License-Identifier: Apache-2.0
#include "store/inspection.h"

#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "store/damaged_rows.h"
#include "store/database_image.h"
#include "store/schema.h"
#include "store/segment_row.h"
#include "store/store_files.h"
#include "store/store_lock.h"

namespace vigile {

namespace {

// Adds what does not hold of one segment.
void inspect_segment(const Statement& row, bool is_intact, StoreInspection& found, LossCount* losses) {
  const StoredSegment segment = segment_of(row);
  const auto lines =
      is_intact ? inflate_payload(segment.view()) : Error{ErrorKind::corrupt, "does not match its checksum"};
  if (!lines) {
    ++found.damaged_segments;
    if (losses != nullptr) losses->failed();
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
  if (losses != nullptr) losses->found(segment.seq, points, as_count(row.integer(11)));
  ++found.segments;
  found.points += points;
  found.payload_bytes += segment.payload.size();
}

// Whether all of them were met.
bool inspect_segments(std::optional<SegmentWalk> walk, StoreInspection& found, LossCount* losses) {
  if (!walk) {
    found.add_problem("there is no table of segments");
    return false;
  }
  while (const Statement* const row = walk->next()) inspect_segment(*row, walk->is_intact(), found, losses);
  if (walk->met_damage()) found.add_problem("some pages with segments do not read");
  return !walk->met_damage();
}

// What SQLite itself finds; of one table, or of all.
void inspect_pages(Db& db, const std::string& table, StoreInspection& found) {
  auto check = db.prepare("PRAGMA integrity_check" + (table.empty() ? "" : "(" + table + ")"));
  if (!check) return found.add_problem(check.error().message);
  auto row = check->step();
  for (; row && *row; row = check->step()) {
    if (check->text(0) != "ok") found.add_problem("SQLite: " + std::string(check->text(0)));
  }
  if (!row) found.add_problem(row.error().message);
}

void inspect_summaries(Db& db, StoreInspection& found) {
  auto rows =
      db.prepare("SELECT hour_ns, crc32, payload FROM summaries WHERE hour_ns >= ? ORDER BY hour_ns LIMIT 1");
  if (!rows) return found.add_problem("there is no table of summaries");
  for (std::int64_t from = INT64_MIN;;) {
    Run run(*rows);
    run->bind(1, from);
    const auto row = run->step();
    if (!row) return found.add_problem("summaries: " + row.error().message);
    if (!*row) return;
    const std::int64_t hour_ns = run->integer(0);
    if (crc32_of(run->blob(2)) != static_cast<std::uint32_t>(run->integer(1)))
      found.add_problem("summaries of " + to_iso8601(wall_from_ns(hour_ns)) +
                        ": do not match their checksum");
    if (hour_ns == INT64_MAX) return;
    from = hour_ns + 1;
  }
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

Result<StoreInspection> inspect_store(const std::filesystem::path& database) {
  StoreFiles& files = system_files();
  const StoreFiles::Kind kind = files.kind(database);
  if (kind == StoreFiles::Kind::absent || kind == StoreFiles::Kind::dangling) {
    return Error{ErrorKind::not_found, database.string() + ": there is no such file"};
  }
  const auto lock = lock_to_look(database);
  if (!lock) return lock.error();
  StoreInspection found;
  if (kind == StoreFiles::Kind::other) {
    found.add_problem(database.string() + ": is no file");
    found.lost_at_least = true;
    return found;
  }
  const auto image = DatabaseImage::open(files, database);
  if (!image) return image.error();
  if ((*image)->damage()) found.add_problem(*(*image)->damage());
  if ((*image)->size_bytes() == 0) {
    if (found.is_sound()) found.add_problem(database.string() + ": is empty");
    found.lost_at_least = true;
    return found;
  }
  auto db = (*image)->connect();
  if (!db) return db.error();
  if ((*image)->mended()) found.add_problem(*(*image)->mended());
  const auto schema = db->integer("PRAGMA user_version");
  if (!schema && schema.error().kind != ErrorKind::corrupt) return schema.error();
  found.schema = schema.value_or(0);
  if (schema && is_newer_schema(*schema)) {
    found.add_problem("made by a newer program: its schema is " + std::to_string(*schema) +
                      ", the newest known here " + std::to_string(migrations().back().to));
    return found;
  }
  inspect_pages(*db, "", found);
  // With this SQLite reads a file that is shorter than its header says.
  (void)db->exec("PRAGMA writable_schema = ON");
  const Held held = held_in(*db);
  LossCount losses(*db, held);
  inspect_segments(SegmentWalk::over(**image, *db, held), found, &losses);
  inspect_progress(*db, held.last_seq, found);
  inspect_summaries(*db, found);
  if (const auto unreadable = (*image)->unreadable(); unreadable && unreadable != (*image)->damage())
    found.add_problem(*unreadable);
  const Loss lost = losses.end((*image)->is_stale());
  found.lost_points = lost.points;
  found.lost_at_least = lost.is_at_least;
  if (!held.is_exact) {
    found.add_problem("what says how much it held does not read");
  } else if (found.is_sound() && (lost.points != 0 || lost.is_at_least)) {
    found.add_problem("its counters say " + std::to_string(held.points) + " points, and there are " +
                      std::to_string(found.points));
  }
  return found;
}

Result<StoreInspection> inspect_open_store(const std::filesystem::path& database, StoreFiles& files,
                                           std::uint64_t last_seq) {
  StoreInspection found;
  auto db = Db::open(database, SQLITE_OPEN_READONLY, files.vfs());
  if (!db) return db.error();
  const auto schema = db->integer("PRAGMA user_version");
  if (!schema) return schema.error();
  found.schema = *schema;
  // Row by row, and tables that are small: a checkpoint waits for none of them for long.
  found.lost_at_least = !inspect_segments(SegmentWalk::over(*db, last_seq), found, nullptr);
  for (const char* table : {"meta", "progress", "dead_letters", "status_changes", "gaps", "spans", "trimmed"})
    inspect_pages(*db, table, found);
  inspect_summaries(*db, found);
  return found;
}

}  // namespace vigile
