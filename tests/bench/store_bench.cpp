// SPDX-License-Identifier: Apache-2.0
// What a commit of the log writes: bytes by the kernel's count (write_bytes of /proc/self/io, checkpoints
// included, the making of the database not), a commit and a reading. First through the Log itself; then its
// schema and statements at other page sizes and checkpoint budgets. Workload: equipment-layout lines of about
// 200 B, seeded; segments of 2, 20 and 1,000 lines; 1,000 commits each (200 of the large ones). "full": a log
// of 2 MiB in which each commit takes the room of older segments, from the first that does on. Give a
// directory on a real disk to work in (default: the current one).
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "core/clock.h"
#include "store/log.h"
#include "store/schema.h"
#include "store/sqlite_db.h"

namespace vigile {
namespace {

constexpr std::uint64_t kFrameOverhead = 24;
constexpr std::uint64_t kBudget = std::uint64_t{2} << 20;  // as the log's, for its default max_size

std::uint64_t bytes_written() {
  std::ifstream io("/proc/self/io");
  std::string key;
  std::uint64_t value = 0;
  while (io >> key >> value) {
    if (key == "write_bytes:") return value;
  }
  return 0;
}

NewSegment segment(std::mt19937& random, std::uint32_t lines, std::int64_t at_ns) {
  NewSegment made{.first_ns = at_ns, .last_ns = at_ns + lines - 1, .points = lines};
  for (std::uint32_t i = 0; i < lines; ++i) {
    const std::string equipment = std::to_string(i % 20 + 1);
    made.lines +=
        "equipment_metrics,equipment_id=" + equipment + ",equipment_name=Equipement\\ " + equipment +
        ",equipment_type=server,ip_address=192.168.12." + equipment +
        ",metric_name=cpu_usage,site_id=12,site_name=Lyon-Nord value=" + std::to_string(random() % 100) +
        "." + std::to_string(random() % 1000) + " " + std::to_string(at_ns + i) + "\n";
  }
  return made;
}

void print(const char* what, std::uint32_t lines, int commits, std::uint64_t bytes) {
  std::printf("%-34s %5u lines a segment %9.0f B a commit %7.0f B a reading\n", what, lines,
              static_cast<double>(bytes) / commits, static_cast<double>(bytes) / commits / lines);
  std::fflush(stdout);
}

void remove_database(const std::filesystem::path& path) {
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(path.string() + suffix);
}

bool through_the_log(const std::filesystem::path& path, std::uint32_t lines, int commits, bool is_full) {
  remove_database(path);
  std::mt19937 random(1);
  std::uint64_t before = 0;
  {
    const SystemClock clock;
    LogOptions options{.path = path};
    if (is_full) options.max_size_bytes = std::uint64_t{2} << 20;
    auto log = Log::open(options, clock);
    if (!log) return false;
    std::int64_t at_ns = 1'764'000'000'000'000'000;
    const auto append = [&] {
      return (*log)->append(segment(random, lines, at_ns += 1'000'000'000)).has_value();
    };
    while (is_full && (*log)->status().first_seq < 2) {
      if (!append()) return false;
    }
    before = bytes_written();
    for (int i = 0; i < commits; ++i) {
      if (!append()) return false;
    }
  }
  print(is_full ? "the log, full" : "the log", lines, commits, bytes_written() - before);
  return true;
}

bool by_page_size(const std::filesystem::path& path, std::uint64_t page_bytes, std::uint64_t budget,
                  std::uint32_t lines, int commits) {
  remove_database(path);
  std::mt19937 random(1);
  std::uint64_t before = 0;
  {
    auto db = Db::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (!db) return false;
    for (const std::string& pragma :
         {"page_size = " + std::to_string(page_bytes), std::string("journal_mode = WAL"),
          std::string("synchronous = FULL"), std::string("wal_autocheckpoint = 0")}) {
      if (!db->exec("PRAGMA " + pragma)) return false;
    }
    if (!migrate(*db, migrations())) return false;
    auto insert = db->prepare(
        "INSERT INTO segments(seq, boot_id, clock, first_ns, last_ns, points, raw_bytes, crc32, "
        "payload_crc32, total_points, total_bytes, total_segments, payload) "
        "VALUES(?,'b5b3a1f0-0000-4000-8000-000000000000',0,?,?,?,?,4000000000,4000000000,?,?,?,?)");
    if (!insert) return false;
    int in_wal = 0;
    sqlite3_wal_hook(
        db->handle(),
        [](void* pages, sqlite3*, const char*, int frames) {
          *static_cast<int*>(pages) = frames;
          return SQLITE_OK;
        },
        &in_wal);
    before = bytes_written();
    PayloadEncoder encoder;
    std::string payload;
    for (int i = 0; i < commits; ++i) {
      const NewSegment made = segment(random, lines, 1'764'000'000'000'000'000 + i * 1'000'000'000LL);
      encoder.encode(made.lines, payload);
      const std::uint64_t coming = payload.size() + 4 * page_bytes;
      if (static_cast<std::uint64_t>(in_wal) * (page_bytes + kFrameOverhead) + coming > budget) {
        if (sqlite3_wal_checkpoint_v2(db->handle(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr) !=
            SQLITE_OK) {
          return false;
        }
        in_wal = 0;
      }
      Run run(*insert);
      run->bind(1, std::int64_t{i} + 1).bind(2, made.first_ns).bind(3, made.last_ns);
      run->bind(4, std::int64_t{lines}).bind(5, static_cast<std::int64_t>(made.lines.size()));
      run->bind(6, std::int64_t{i} * lines).bind(7, std::int64_t{i} * 4000).bind(8, std::int64_t{i} + 1);
      run->bind_blob(9, payload);
      if (!run->step()) return false;
    }
  }
  const std::string what =
      "page " + std::to_string(page_bytes) + " B, checkpoint at " + std::to_string(budget >> 10) + " KiB";
  print(what.c_str(), lines, commits, bytes_written() - before);
  return true;
}

bool run(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "store_bench.db";
  bool worked = true;
  for (const auto& [lines, commits] : {std::pair{2U, 1000}, std::pair{20U, 1000}, std::pair{1000U, 200}}) {
    worked =
        worked && through_the_log(path, lines, commits, false) && through_the_log(path, lines, commits, true);
    for (const std::uint64_t page : {512, 1024, 2048, 4096, 8192}) {
      worked = worked && by_page_size(path, page, kBudget, lines, commits);
    }
    for (const std::uint64_t budget : {kBudget / 32, kBudget / 8, 4 * kBudget}) {
      worked = worked && by_page_size(path, 1024, budget, lines, commits);
    }
  }
  remove_database(path);
  return worked;
}

}  // namespace
}  // namespace vigile

int main(int argc, char** argv) {
  const bool worked = vigile::run(argc > 1 ? argv[1] : ".");
  if (!worked) std::fputs("store_bench: the database cannot be written there\n", stderr);
  return worked ? EXIT_SUCCESS : EXIT_FAILURE;
}
