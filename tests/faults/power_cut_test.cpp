// SPDX-License-Identifier: Apache-2.0
// The log on a disk that loses its power at every call, and on one that fails at every call (DESIGN §5, 1–5).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <unordered_set>

#include "core/logging.h"
#include "log_walk.h"
#include "rounds.h"
#include "store/schema.h"

namespace vigile {
namespace {

using Disk = PowerCutDisk;

struct Tally {
  std::uint64_t calls = 0;   // at which the power was cut
  std::uint64_t images = 0;  // different ones, opened and checked
  std::uint64_t faults = 0;
  std::uint64_t refused = 0;  // actions that said so
};

std::uint64_t rounds() {
  return static_cast<std::uint64_t>(fault_rounds());
}

class PowerCut : public ::testing::Test {
 protected:
  PowerCut() {
    log::set_level(static_cast<log::Level>(0));  // each cut is told of in the log
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, nullptr);
  }
  ~PowerCut() override { log::set_level(log::Level::info); }

  // Opens what a power cut left, and uses it.
  std::string check(const Disk::Image& image, const LogState& before, const LogState& after, LogWalk& walk) {
    after_.load(image);
    LogOptions options = walk.options();
    options.files = &after_;
    std::unique_ptr<Log> log;
    const auto open = [&]() -> std::string {
      log.reset();
      auto opened = Log::open(options, walk.clock());
      if (!opened) return opened.error().message;
      log = std::move(*opened);
      const auto told = log->set_sinks({"a", "b"});
      return told ? "" : told.error().message;
    };
    if (auto wrong = open(); !wrong.empty()) return "does not open: " + wrong;
    if (is_damaged_) touch(*log);
    LogState state;
    if (auto wrong = look(*log, after_, state); !wrong.empty()) return wrong;
    if (auto wrong = compare(before, after, state); !wrong.empty()) return wrong;
    if (is_damaged_ && state.status.damaged_points != after.status.damaged_points)
      return "lost to damage: " + std::to_string(state.status.damaged_points) + ", not " +
             std::to_string(after.status.damaged_points);
    // It goes on from there.
    const NewSegment more{.first_ns = 5, .last_ns = 5, .points = 1, .lines = "m value=5 5\n"};
    const auto seq = log->append(more);
    if (!seq) return "append: " + seq.error().message;
    if (*seq != 0) {
      for (const auto& [number, one] : state.segments) {
        if (number >= *seq) return "a number is given twice";
      }
      if (auto done = log->acknowledge("a", {*seq, *seq}); !done) return done.error().message;
    }
    if (auto wrong = open(); !wrong.empty()) return "does not open again: " + wrong;
    LogState again;
    if (auto wrong = look(*log, after_, again); !wrong.empty()) return "after an append: " + wrong;
    if (*seq != 0 && again.waiting["a"].contains(*seq)) return "what was acknowledged is given again";
    return "";
  }

  // Cuts the power at every call of the action, then lets it happen.
  void cut_in(LogWalk& walk, Disk& disk, const Action& action) {
    const LogState before = walk.state();
    std::vector<Disk::Image> images;
    const auto take = [&] {
      const std::uint64_t dice = random_() % 4;
      const auto keep = dice == 0 ? Disk::Keep::none : dice == 1 ? Disk::Keep::all : Disk::Keep::some;
      images.push_back(disk.cut(keep, random_));
      ++tally_.calls;
    };
    disk.on_call = [&](const Disk::Call& call) {
      if (call.op != Disk::Op::read && call.op != Disk::Op::open) take();
      return Disk::Fault::none;
    };
    const auto done = action.run();
    disk.on_call = nullptr;
    ASSERT_TRUE(done) << action.name << ": " << done.error().message;
    action.done();
    ASSERT_EQ(walk.settle(before, action), "") << action.name;
    take();
    check_all(images, before, walk, action.name);
  }
  void check_all(const std::vector<Disk::Image>& images, const LogState& before, LogWalk& walk,
                 const std::string& name) {
    std::unordered_set<std::string> seen;
    for (std::size_t i = 0; i < images.size(); ++i) {
      std::string all;
      for (const auto& [path, bytes] : images[i]) all += path + '\n' + bytes;
      if (!seen.insert(std::move(all)).second) continue;
      ++tally_.images;
      const std::string wrong = check(images[i], before, walk.state(), walk);
      ASSERT_EQ(wrong, "") << "power cut at call " << i + 1 << " of " << images.size() << " in " << name;
    }
  }

  // The process dies, or the device does, and starts again.
  void crash(LogWalk& walk, Disk& disk) {
    const auto image = disk.cut(random_() % 2 == 0 ? Disk::Keep::some : Disk::Keep::none, random_);
    walk.crash(image);
    if (random_() % 2 == 0) walk.reboot();
    // What waited in memory is not acknowledged any more, or is: by what the disk says.
    auto opened = walk.open();
    opened.done = [&walk, &disk] {
      LogState found;
      found.acknowledged = walk.state().written;
      (void)look(*walk.log(), disk, found);
      for (auto& [sink, acknowledged] : walk.state().acknowledged) {
        for (const std::uint64_t seq : found.waiting[sink]) {
          if (!walk.state().written[sink].contains(seq)) acknowledged.erase(seq);
        }
      }
    };
    cut_in(walk, disk, opened);
  }

  void fail_in(LogWalk& walk, Disk& disk, const Action& action) {
    const LogState before = walk.state();
    for (std::uint64_t failing = 1;; ++failing) {
      std::uint64_t call = 0;
      bool has_failed = false;
      const auto kind = static_cast<Disk::Fault>(1 + random_() % 3);
      const bool all = random_() % 2 == 0;
      disk.on_call = [&](const Disk::Call& made) {
        ++call;
        if (all ? call < failing : call != failing) return Disk::Fault::none;
        has_failed = true;
        return made.op == Disk::Op::write ? kind : Disk::Fault::io;
      };
      const auto done = action.run();
      disk.on_call = nullptr;
      if (has_failed) ++tally_.faults;
      if (done) {
        action.done();
        ASSERT_EQ(walk.settle(before, action), "") << action.name << " with call " << failing << " failing";
        return;
      }
      ++tally_.refused;
      ASSERT_TRUE(has_failed) << action.name << ": " << done.error().message;
      ASSERT_NE(done.error().kind, ErrorKind::corrupt) << done.error().message;
      if (walk.log() == nullptr || random_() % 4 != 0) continue;
      // Refused is not half done.
      LogState now;
      now.acknowledged = before.acknowledged;
      ASSERT_EQ(look(*walk.log(), disk, now), "") << action.name << " with call " << failing << " failing";
      now.written = before.written;
      for (auto& [sink, acknowledged] : now.acknowledged) {
        for (const auto& [seq, segment] : before.segments) {
          if (!now.segments.contains(seq)) acknowledged.insert(seq);
        }
      }
      ASSERT_EQ(compare(before, now, now), "") << action.name << " with call " << failing << " failing";
      ASSERT_EQ(now.status.appended_points, before.status.appended_points);
    }
  }

  void report(const char* name) {
    std::printf("%-34s %7llu calls cut, %7llu images opened, %6llu faults, %6llu refused; lost: 0\n", name,
                static_cast<unsigned long long>(tally_.calls), static_cast<unsigned long long>(tally_.images),
                static_cast<unsigned long long>(tally_.faults),
                static_cast<unsigned long long>(tally_.refused));
  }

  Disk after_;  // on which cut images are opened
  std::mt19937_64 random_{1};
  Tally tally_;
  bool is_damaged_ = false;
};

void walk_through(std::uint64_t seed, int actions, std::uint64_t max_size, Overflow overflow,
                  const std::function<void(LogWalk&, Disk&, const Action&)>& each,
                  const std::function<void(LogWalk&, Disk&)>& crash) {
  Disk disk;
  LogWalk walk(disk, seed, max_size, overflow);
  each(walk, disk, walk.open());
  for (int i = 0; i < actions && !::testing::Test::HasFatalFailure(); ++i) {
    if (crash && walk.random()() % 25 == 0) {
      crash(walk, disk);
    } else {
      each(walk, disk, walk.next());
    }
  }
}

TEST_F(PowerCut, AtEveryCallOfALongLife) {
  for (std::uint64_t seed = 1; seed <= 6 * rounds() && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    walk_through(
        seed, 120, std::uint64_t{8} << 20, Overflow::drop_oldest,
        [&](LogWalk& walk, Disk& disk, const Action& action) { cut_in(walk, disk, action); },
        [&](LogWalk& walk, Disk& disk) { crash(walk, disk); });
  }
  report("a long life");
}

// Small databases: retention, room for new readings, and limits that change, all the time.
TEST_F(PowerCut, AtEveryCallOfALogThatIsFull) {
  for (const auto overflow : {Overflow::drop_oldest, Overflow::drop_newest}) {
    for (std::uint64_t seed = 1; seed <= rounds() && !HasFatalFailure(); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      random_.seed(seed);
      Disk disk;
      LogWalk walk(disk, seed, std::uint64_t{300} << 10, overflow);
      ASSERT_TRUE(walk.open().run());
      ASSERT_EQ(walk.settle(walk.state(), walk.open()), "");
      const auto fill = [&](int segments) {
        for (int i = 0; i < segments && !HasFatalFailure(); ++i) {
          const LogState before = walk.state();
          const Action action = walk.large_append();
          ASSERT_TRUE(action.run());
          action.done();
          ASSERT_EQ(walk.settle(before, action), "") << i;
        }
      };
      fill(24);
      for (int i = 0; i < 20 && !HasFatalFailure(); ++i)
        cut_in(walk, disk, i % 2 == 0 ? walk.large_append() : walk.next());
      if (overflow == Overflow::drop_oldest) cut_in(walk, disk, walk.set_limits(std::uint64_t{200} << 10));
      for (int i = 0; i < 8 && !HasFatalFailure(); ++i) cut_in(walk, disk, walk.large_append());
    }
  }
  report("a full log");
}

TEST_F(PowerCut, AtEveryCallOfAMigration) {
  for (std::uint64_t seed = 1; seed <= 8 * rounds() && !HasFatalFailure(); ++seed) {
    random_.seed(seed);
    Disk disk;
    LogWalk walk(disk, seed, std::uint64_t{8} << 20, Overflow::drop_oldest);
    {
      auto db = Db::open(kStore, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, disk.vfs());
      ASSERT_TRUE(db);
      ASSERT_TRUE(db->exec("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL"));
      ASSERT_TRUE(migrate(*db, migrations().first(1)));
      PayloadEncoder encoder;
      std::string payload;
      for (std::int64_t i = 1; i <= 20; ++i) {
        const std::string line = "m value=" + std::to_string(i) + " " + std::to_string(i) + "\n";
        encoder.encode(line, payload);
        auto insert =
            db->prepare("INSERT INTO segments VALUES(?1,'boot-0',0,?1,?1,1,?2,?3,?4,?1,?5*?1,?1,?6)");
        ASSERT_TRUE(insert);
        // The sizes of payloads must be those counted: all lines here are compressed to about the same.
        insert->bind(1, i)
            .bind(2, static_cast<std::int64_t>(line.size()))
            .bind(3, std::int64_t{crc32_of(line)})
            .bind(4, std::int64_t{crc32_of(payload)})
            .bind(5, static_cast<std::int64_t>(payload.size()))
            .bind_blob(6, payload);
        ASSERT_TRUE(insert->step());
        walk.state().segments[static_cast<std::uint64_t>(i)] = {line, 0, 1};
      }
      ASSERT_TRUE(db->exec(
          "UPDATE segments SET total_bytes = (SELECT sum(length(payload)) FROM segments AS s WHERE s.seq <= "
          "segments.seq); INSERT INTO progress VALUES('a', 0, 4), ('b', 0, 7); "
          "INSERT INTO dead_letters VALUES(1, 'a', 5, 'line', 'reason')"));
      for (std::uint64_t i = 1; i <= 7; ++i) {
        if (i <= 4) walk.state().acknowledged["a"].insert(i);
        walk.state().acknowledged["b"].insert(i);
      }
      walk.state().written = walk.state().acknowledged;
      walk.state().letters = {"a line"};
      walk.state().unfolded = {};
      for (std::uint64_t i = 1; i <= 20; ++i) walk.state().unfolded.insert(i);
      walk.state().status.appended_points = 20;
    }
    if (seed % 2 == 0) disk.load(disk.cut(Disk::Keep::all, random_));
    cut_in(walk, disk, walk.open());
    for (int i = 0; i < 4 && !HasFatalFailure(); ++i) cut_in(walk, disk, walk.next());
  }
  report("a migration");
}

// The salvage of a damaged database: whatever call is the last, the next start finds as much.
TEST_F(PowerCut, AtEveryCallOfASalvage) {
  is_damaged_ = true;
  std::uint64_t salvages = 0;
  for (std::uint64_t seed = 1; salvages < 12 * rounds() && seed < 400 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    Disk disk;
    LogWalk walk(disk, seed, std::uint64_t{8} << 20, Overflow::drop_oldest);
    ASSERT_TRUE(walk.open().run());
    for (int i = 0; i < 40; ++i) {
      const Action action = walk.next();
      ASSERT_TRUE(action.run());
      action.done();
    }
    // Half of the time after a crash, with a WAL.
    if (seed % 2 == 0) {
      walk.crash(disk.cut(Disk::Keep::all, random_));
    } else {
      walk.close();
    }
    auto damaged = disk.cut(Disk::Keep::all, random_);
    // Of these, half of the time in the WAL.
    const bool is_wal = seed % 4 == 0;
    std::string& file = damaged[is_wal ? kStore + "-wal" : kStore];
    if (file.size() < 4096) continue;
    const std::size_t page = 1 + random_() % (file.size() / 1024 - 2);
    for (std::size_t i = 0; i < 1024; ++i) file[page * 1024 + i] = static_cast<char>(random_());
    disk.load(damaged);

    std::vector<Disk::Image> images;
    disk.on_call = [&](const Disk::Call& call) {
      if (call.op != Disk::Op::read && call.op != Disk::Op::open) {
        const std::uint64_t dice = random_() % 4;
        images.push_back(disk.cut(dice == 0   ? Disk::Keep::none
                                  : dice == 1 ? Disk::Keep::all
                                              : Disk::Keep::some,
                                  random_));
      }
      return Disk::Fault::none;
    };
    ASSERT_TRUE(walk.open().run());
    touch(*walk.log());
    disk.on_call = nullptr;
    if (walk.log()->status().set_aside.empty()) continue;  // nobody met the damage
    ++salvages;
    tally_.calls += images.size();
    LogState& state = walk.state();
    ASSERT_EQ(look(*walk.log(), disk, state), "");
    // Page 1, by number 2, is the root of the segments.
    ASSERT_TRUE((!is_wal && page == 1) || !state.segments.empty() || state.status.damaged_points < 20)
        << "page " << page;
    for (auto& [sink, acknowledged] : state.acknowledged) {
      acknowledged.clear();
      for (const auto& [seq, segment] : state.segments) {
        if (!state.waiting[sink].contains(seq)) acknowledged.insert(seq);
      }
      state.written[sink].clear();
    }
    check_all(images, state, walk, "salvage");
  }
  EXPECT_GE(salvages, 12u);
  report("a salvage");
}

// Each call of each action fails once, in turn, alone or with all that follow: the action says so, nothing
// that was acknowledged is lost, and the same log does it when the fault is gone. (A commit whose sync failed
// was refused, and may all the same be found after a power cut: nothing is held of that.)
TEST_F(PowerCut, EveryCallFails) {
  for (std::uint64_t seed = 1; seed <= 12 * rounds() && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    walk_through(
        seed, 60, seed % 4 == 0 ? std::uint64_t{300} << 10 : std::uint64_t{8} << 20, Overflow::drop_oldest,
        [&](LogWalk& walk, Disk& disk, const Action& action) { fail_in(walk, disk, action); }, nullptr);
  }
  report("a disk that fails");
}

}  // namespace
}  // namespace vigile
