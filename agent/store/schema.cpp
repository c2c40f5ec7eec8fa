// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <array>
#include <charconv>

#include "point/payload.h"

namespace vigile {

namespace {

// segments.total_points, total_bytes and total_segments count all that was ever appended, up to and including
// the row: what is held, and the backlog of a sink, are differences of two rows, never a scan. payload_crc32
// is of the compressed bytes and of the row beside them (row_check()), cheap enough to be checked at each
// read; crc32 is of the lines, as gzip needs it.
constexpr std::array kMigrations = {
    Migration{1, R"(
CREATE TABLE segments(
  seq INTEGER PRIMARY KEY,
  boot_id TEXT NOT NULL,
  clock INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  points INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL,
  crc32 INTEGER NOT NULL,
  payload_crc32 INTEGER NOT NULL,
  total_points INTEGER NOT NULL,
  total_bytes INTEGER NOT NULL,
  total_segments INTEGER NOT NULL,
  payload BLOB NOT NULL) STRICT;
CREATE INDEX segments_unset ON segments(seq) WHERE clock = 1;
CREATE TABLE progress(
  sink TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  PRIMARY KEY(sink, first_seq)) STRICT, WITHOUT ROWID;
CREATE TABLE dead_letters(
  id INTEGER PRIMARY KEY,
  sink TEXT NOT NULL,
  refused_ns INTEGER NOT NULL,
  line TEXT NOT NULL,
  reason TEXT NOT NULL) STRICT;
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)"},
    // spans: between which times a run of folded segments lies, so that a question about one day reads that
    // day; written with the summaries, since an index of segments would cost pages at every commit. trimmed:
    // what was taken out of segments that some sink has not had, since total_points still counts it.
    Migration{2, R"(
CREATE TABLE status_changes(
  id INTEGER PRIMARY KEY,
  equipment_id TEXT NOT NULL,
  time_ns INTEGER NOT NULL,
  clock INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  old_status TEXT NOT NULL,
  new_status TEXT NOT NULL,
  reason TEXT NOT NULL,
  until_ns INTEGER) STRICT;
CREATE INDEX status_changes_by_equipment ON status_changes(equipment_id, time_ns);
CREATE INDEX status_changes_by_time ON status_changes(time_ns);
CREATE INDEX status_changes_unset ON status_changes(boot_id) WHERE clock = 1;
CREATE TABLE summaries(
  hour_ns INTEGER PRIMARY KEY,
  crc32 INTEGER NOT NULL,
  payload BLOB NOT NULL) STRICT;
CREATE TABLE gaps(
  from_ns INTEGER NOT NULL,
  to_ns INTEGER NOT NULL,
  PRIMARY KEY(from_ns, to_ns)) STRICT, WITHOUT ROWID;
CREATE TABLE spans(
  first_seq INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL) STRICT;
CREATE TABLE trimmed(seq INTEGER PRIMARY KEY, points INTEGER NOT NULL) STRICT;
)"},
    // thinned: 0 as read, 1 one line a minute and series, 2 one in ten minutes. A thinned segment has the
    // last number of those it stands for; what it lacks of their totals is in trimmed.
    Migration{3, R"(
ALTER TABLE segments ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX segments_thinned ON segments(thinned, seq) WHERE thinned > 0;
ALTER TABLE trimmed ADD COLUMN segments INTEGER NOT NULL DEFAULT 0;
)"},
    // By these rows it is counted what damage took.
    Migration{4, "ALTER TABLE meta ADD COLUMN crc32 INTEGER NOT NULL DEFAULT 0"},
    Migration{5, R"(
ALTER TABLE dead_letters ADD COLUMN resend INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dead_letters_resend ON dead_letters(sink, id) WHERE resend = 1;
)"},
    Migration{6, "ALTER TABLE status_changes ADD COLUMN decided_after_ns INTEGER NOT NULL DEFAULT 0"},
};

}  // namespace

std::span<const Migration> migrations() {
  return kMigrations;
}

bool is_newer_schema(std::int64_t version) {
  constexpr std::int64_t kMostVersions = 1000;
  return version > migrations().back().to && version <= kMostVersions;
}

Error newer_schema(const std::string& path, std::int64_t version) {
  return Error{ErrorKind::corrupt, path + ": its schema is version " + std::to_string(version) +
                                       ", this program knows up to " +
                                       std::to_string(migrations().back().to) +
                                       ": install the newer Vigile again, or name another store.path"};
}

std::uint64_t MetaRows::count(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? 0 : static_cast<std::uint64_t>(found->second);
}

std::map<std::uint64_t, std::uint64_t> damaged_segments(const MetaRows& meta) {
  const std::string_view prefix = meta::kDamagedSegment;
  std::map<std::uint64_t, std::uint64_t> segments;
  for (auto row = meta.values.lower_bound(prefix); row != meta.values.end() && row->first.starts_with(prefix);
       ++row) {
    std::uint64_t seq = 0;
    const std::string_view number = std::string_view(row->first).substr(prefix.size());
    std::from_chars(number.data(), number.data() + number.size(), seq);
    segments[seq] = static_cast<std::uint64_t>(row->second);
  }
  return segments;
}

std::uint32_t meta_check(std::string_view key, std::int64_t value) {
  return crc32_of(std::string(key) + '=' + std::to_string(value));
}

MetaRows read_meta(Db& db) {
  MetaRows meta;
  auto rows = db.prepare("SELECT key, value, crc32 FROM meta");
  if (!rows) rows = db.prepare("SELECT key, value, 0 FROM meta");  // an older schema
  if (!rows) return meta;
  meta.is_whole = true;
  for (auto row = rows->step();; row = rows->step()) {
    if (!row || !*row) {
      meta.is_whole = meta.is_whole && row.has_value();
      return meta;
    }
    const std::string key(rows->text(0));
    const std::int64_t value = rows->integer(1);
    if (rows->integer(2) == 0 || rows->integer(2) == meta_check(key, value)) {
      meta.values[key] = value;
    } else {
      meta.is_whole = false;
    }
  }
}

Result<void> migrate(Db& db, std::span<const Migration> steps) {
  const auto version = db.integer("PRAGMA user_version");
  if (!version) return version.error();
  if (*version > steps.back().to) return newer_schema(sqlite3_db_filename(db.handle(), "main"), *version);
  for (const Migration& step : steps) {
    if (step.to <= *version) continue;
    auto transaction = Transaction::begin(db);
    if (!transaction) return transaction.error();
    if (auto done = db.exec(step.sql); !done) return statement_error(db.handle());
    if (auto done = db.exec("PRAGMA user_version = " + std::to_string(step.to)); !done) return done.error();
    if (auto done = transaction->commit(); !done) return done.error();
  }
  return {};
}

}  // namespace vigile
