// SPDX-License-Identifier: Apache-2.0
// A damaged database: the input is a list of edits to the files of a small log, which are made once. Whatever
// was done to them, the log opens, is read to its end, takes a segment, and still has it when opened again.
#include <sqlite3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "core/file.h"
#include "input.h"
#include "store/history.h"
#include "store/log.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"
#include "targets.h"

namespace vigile {
namespace {

constexpr int kMostSteps = 2000;  // of any loop over a log of a dozen segments

struct Image {
  std::string database;
  std::string wal;
};

NewSegment segment_at(std::int64_t ns, std::uint32_t points, ClockState clock = ClockState::set) {
  NewSegment made{.clock = clock, .first_ns = ns, .last_ns = ns + points - 1, .points = points};
  for (std::uint32_t i = 0; i < points; ++i) {
    made.lines += "m,equipment_id=" + std::to_string(i % 2 + 1) + " v=" + std::to_string(i) + " " +
                  std::to_string(ns + i) + "\n";
  }
  made.changes = {{"1", ns, "online", "offline", "because", std::nullopt}};
  return made;
}

// Of everything something, half of it in the WAL.
Image make_image() {
  const TempDir dir;
  FakeClock clock;
  LogOptions options{.path = dir / "v.db"};
  Image image;
  const auto fill = [&](int segments) {
    auto log = Log::open(options, clock);
    if (!log) return;
    static_cast<void>((*log)->set_sinks({"a", "b"}));
    for (int i = 0; i < segments; ++i) {
      static_cast<void>((*log)->append(segment_at(to_ns(clock.wall()), 4)));
      clock.advance(std::chrono::minutes(10));
    }
    static_cast<void>((*log)->append(segment_at(to_ns(clock.boot()), 2, ClockState::unset)));
    static_cast<void>((*log)->acknowledge("a", {1, 2}));
    static_cast<void>((*log)->acknowledge("b", {2, 3}, {{0, "b", 1, "m v=x 1", "unable to parse"}}));
    History& history = (*log)->history();
    static_cast<void>(history.read_unsummarised(0, 1 << 20));
    SeqRanges folded;
    folded.add({1, 2});
    static_cast<void>(history.store_summaries(
        {{to_ns(clock.wall()) / 3600'000000000 * 3600'000000000, "summary"}}, folded));
    static_cast<void>(history.add_gap({1, 2}));
    static_cast<void>((*log)->flush());
    image.database = read_file(options.path).value_or("");
    image.wal = read_file(options.path.string() + "-wal").value_or("");
  };
  fill(4);
  fill(4);
  return image;
}

constexpr const char* kStatements[] = {
    "UPDATE segments SET clock = ?1 WHERE seq = ?2",
    "UPDATE segments SET first_ns = ?1 WHERE seq = ?2",
    "UPDATE segments SET last_ns = ?1 WHERE seq = ?2",
    "UPDATE segments SET points = ?1 WHERE seq = ?2",
    "UPDATE segments SET raw_bytes = ?1 WHERE seq = ?2",
    "UPDATE segments SET crc32 = ?1 WHERE seq = ?2",
    "UPDATE segments SET payload_crc32 = ?1 WHERE seq = ?2",
    "UPDATE segments SET total_points = ?1 WHERE seq = ?2",
    "UPDATE segments SET total_bytes = ?1 WHERE seq = ?2",
    "UPDATE segments SET total_segments = ?1 WHERE seq = ?2",
    "UPDATE OR REPLACE segments SET seq = ?1 WHERE seq = ?2",
    "UPDATE segments SET payload = zeroblob(abs(?1 % 5000)) WHERE seq = ?2",
    "UPDATE segments SET boot_id = '' WHERE seq = ?2",
    "DELETE FROM segments WHERE seq = ?2",
    ("UPDATE OR REPLACE progress SET first_seq = ?1 "
     "WHERE sink = (SELECT sink FROM progress LIMIT 1 OFFSET ?2)"),
    "UPDATE OR REPLACE progress SET last_seq = ?1 WHERE sink = (SELECT sink FROM progress LIMIT 1 OFFSET ?2)",
    "INSERT OR REPLACE INTO progress VALUES('a', ?1, ?2)",
    "INSERT OR REPLACE INTO progress VALUES('b', ?2, ?1)",
    "UPDATE meta SET value = ?1 WHERE key = (SELECT key FROM meta LIMIT 1 OFFSET ?2)",
    "DELETE FROM meta WHERE key = (SELECT key FROM meta LIMIT 1 OFFSET ?2)",
    "UPDATE status_changes SET time_ns = ?1 WHERE id = ?2",
    "UPDATE status_changes SET clock = ?1 WHERE id = ?2",
    "UPDATE status_changes SET until_ns = ?1 WHERE id = ?2",
    "UPDATE OR REPLACE status_changes SET id = ?1 WHERE id = ?2",
    "UPDATE OR REPLACE summaries SET hour_ns = ?1",
    "UPDATE summaries SET crc32 = ?1",
    "UPDATE OR REPLACE gaps SET to_ns = ?1",
    "INSERT OR REPLACE INTO gaps VALUES(?1, ?2)",
    "INSERT OR REPLACE INTO spans VALUES(?2, ?1, ?2, ?1)",
    "INSERT OR REPLACE INTO spans VALUES(?1, ?2, ?1, ?2)",
    "INSERT OR REPLACE INTO trimmed VALUES(?2, ?1, ?1)",
    "UPDATE OR REPLACE dead_letters SET id = ?1 WHERE id = ?2",
    "DROP TABLE summaries",
    "DROP TABLE segments",
    "DROP TABLE progress",
    "PRAGMA user_version = 1",
    "PRAGMA user_version = 7",
};

// Numbers as damage makes them, most of them small.
std::int64_t wild_number(Input& in) {
  switch (const std::uint8_t how = in.byte(); how % 6) {
    case 0:
      return how;
    case 1:
      return -std::int64_t{how};
    case 2:
      return INT64_MAX - how / 6;
    case 3:
      return INT64_MIN + how / 6;
    case 4:
      return static_cast<std::int64_t>(in.number(4));
    default:
      return static_cast<std::int64_t>(in.number(8));
  }
}

void run_statement(const std::string& path, Input& in) {
  const char* const sql = kStatements[in.byte() % std::size(kStatements)];
  const std::int64_t value = wild_number(in);
  const std::int64_t row = in.byte() % 16;
  sqlite3* db = nullptr;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
    sqlite3_exec(db, "PRAGMA wal_autocheckpoint = 0", nullptr, nullptr, nullptr);
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK && statement != nullptr) {
      sqlite3_bind_int64(statement, 1, value);
      sqlite3_bind_int64(statement, 2, row);
      sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
  }
  sqlite3_close(db);
}

void patch(std::string& file, Input& in) {
  const std::size_t at = in.number(3);
  const std::string_view bytes = in.bytes(in.byte() % 32);
  if (file.empty()) return;
  for (std::size_t i = 0; i < bytes.size(); ++i) file[(at + i) % file.size()] = bytes[i];
}

void write_file(const std::string& path, std::string_view content) {
  if (std::FILE* file = std::fopen(path.c_str(), "w"); file != nullptr) {
    std::fwrite(content.data(), 1, content.size(), file);
    std::fclose(file);
  }
}

void write_damaged(const std::string& path, Input& in) {
  static const Image kImage = make_image();
  Image image = kImage;
  int edits = 0;
  bool without_wal = false;
  std::vector<Input> statements;
  while (!in.empty() && ++edits <= 16) {
    switch (in.byte() % 6) {
      case 0:
        patch(image.database, in);
        break;
      case 1:
        patch(image.wal, in);
        break;
      case 2:
        image.database.resize(std::min<std::size_t>(in.number(3), image.database.size()));
        break;
      case 3:
        image.wal.resize(std::min<std::size_t>(in.number(3), image.wal.size()));
        break;
      case 4:
        without_wal = true;
        break;
      default:
        statements.push_back(in);
        in.bytes(4);
    }
  }
  write_file(path, image.database);
  if (!without_wal) write_file(path + "-wal", image.wal);
  for (Input& statement : statements) run_statement(path, statement);
}

Fault read_all_fault(Log& log, std::string_view sink) {
  std::uint64_t from = 0;
  for (int steps = 0;; ++steps) {
    if (steps > kMostSteps) return "reading for a sink does not end";
    const auto read = log.read_undelivered(sink, from, {});
    if (!read || read->empty()) return std::nullopt;  // a page may turn out damaged only now
    for (const StoredSegment& segment : *read) {
      if (segment.clock == ClockState::unset) return "a segment without a clock is sent";
      static_cast<void>(inflate_payload(segment.view()));
    }
    if (read->back().seq < from || read->front().seq > read->back().seq) return "segments out of order";
    if (!log.acknowledge(sink, {read->front().seq, read->back().seq})) return std::nullopt;
    if (read->back().seq >= INT64_MAX) return std::nullopt;
    from = read->back().seq + 1;
  }
}

Fault use_fault(Log& log, FakeClock& clock, std::uint64_t& appended) {
  static_cast<void>(log.status());
  static_cast<void>(log.set_sinks({"a", "b"}));
  for (const char* sink : {"a", "b"}) {
    if (Fault fault = read_all_fault(log, sink)) return fault;
  }
  static_cast<void>(log.repair_clock(1793490000'000000000));
  History& history = log.history();
  const TimeSpan always{INT64_MIN, INT64_MAX};
  int seen = 0;
  const auto count = [&](const auto&) { return ++seen < kMostSteps; };
  static_cast<void>(history.read_segments(always, false, count));
  static_cast<void>(history.read_segments(always, true, count));
  static_cast<void>(history.read_summaries(INT64_MIN, INT64_MAX, count));
  if (seen >= kMostSteps) return "reading history does not end";
  static_cast<void>(history.read_unsummarised(0, 1 << 20));
  static_cast<void>(history.oldest_segment_ns());
  static_cast<void>(history.removed_until_ns());
  static_cast<void>(history.last_alive_ns());
  static_cast<void>(history.status_changes("1", always, 1000));
  static_cast<void>(history.last_status_changes("", INT64_MAX));
  static_cast<void>(history.gaps(always));
  static_cast<void>(log.dead_letters("", 0, 100));
  static_cast<void>(log.maintain(clock.boot()));
  // The first try may be the one that meets the damage.
  auto stored = log.append(segment_at(to_ns(clock.wall()), 3));
  if (!stored) stored = log.append(segment_at(to_ns(clock.wall()), 3));
  if (!stored) return "nothing can be appended any more: " + stored.error().message;
  appended = *stored;
  clock.advance(std::chrono::hours(24 * 8));
  static_cast<void>(log.maintain(clock.boot()));
  static_cast<void>(history.remove(1793491200'000000000, "1", false, false,
                                   [](std::string_view payload, std::string_view) -> Result<std::string> {
                                     return std::string(payload);
                                   }));
  static_cast<void>(log.status());
  return std::nullopt;
}

}  // namespace

Fault log_file_fault(std::string_view input) {
  static const TempDir dir;
  const std::filesystem::path folder = dir / "log";
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  std::filesystem::create_directories(folder, ignored);
  const LogOptions options{.path = folder / "v.db"};
  Input in(input);
  write_damaged(options.path.string(), in);
  FakeClock clock;
  std::uint64_t appended = 0;
  {
    auto log = Log::open(options, clock);
    if (!log) {
      if (log.error().message.find("its schema is version") != std::string::npos) return std::nullopt;
      return "it does not open: " + log.error().message;
    }
    if (Fault fault = use_fault(**log, clock, appended)) return fault;
  }
  auto log = Log::open(options, clock);
  if (!log) return "it does not open a second time: " + log.error().message;
  static_cast<void>((*log)->set_sinks({"a", "b"}));
  bool found = false;
  static_cast<void>(
      (*log)->history().read_segments({INT64_MIN, INT64_MAX}, false, [&](const StoredSegment& one) {
        found = found || one.seq == appended;
        return true;
      }));
  if (!found) return "the segment that was appended is gone";
  return std::nullopt;
}

}  // namespace vigile
