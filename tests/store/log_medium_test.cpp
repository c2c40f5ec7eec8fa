// SPDX-License-Identifier: Apache-2.0
// A medium that does not give back all that was stored: bad sectors, a stumble, one that is away for a while.
#include <random>

#include "log_fixture.h"
#include "store/history.h"
#include "support/power_cut_vfs.h"

namespace vigile {
namespace {

constexpr std::uint64_t kBlock = 4096;  // what the kernel reads at once
constexpr std::uint64_t kSegments = 200;
constexpr std::uint32_t kPoints = 150;  // some 1,500 bytes: a leaf, and a page it goes on in

class LogMedium : public LogTest {
 protected:
  LogMedium() {
    options_.path = "/log/vigile.db";
    options_.files = &disk_;
  }
  ~LogMedium() override { log_.reset(); }

  std::string database() const { return options_.path.string(); }
  std::string wal() const { return database() + "-wal"; }

  void fill() {
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    for (std::uint64_t i = 1; i <= kSegments; ++i) append(kPoints, i);
  }
  PowerCutDisk::Image all_files() {
    std::mt19937_64 random(1);
    return disk_.cut(PowerCutDisk::Keep::all, random);
  }
  // One block of a file does not read from now on, whoever asks; it goes where the file is moved.
  void break_block(const std::string& file, std::uint64_t block) {
    disk_.on_call = [=, bad = true](const PowerCutDisk::Call& call) mutable {
      if (call.path != file || !bad) return PowerCutDisk::Fault::none;
      if (call.op == PowerCutDisk::Op::rename) bad = false;
      const bool touches = call.offset < (block + 1) * kBlock && call.offset + call.bytes > block * kBlock;
      return call.op == PowerCutDisk::Op::read && touches ? PowerCutDisk::Fault::io
                                                          : PowerCutDisk::Fault::none;
    };
  }
  // Nothing reads, or once.
  void stop_reading(int reads = INT32_MAX) {
    disk_.on_call = [reads](const PowerCutDisk::Call& call) mutable {
      return call.op == PowerCutDisk::Op::read && reads-- > 0 ? PowerCutDisk::Fault::io
                                                              : PowerCutDisk::Fault::none;
    };
  }
  std::uint64_t deliver_all() {
    std::uint64_t points = 0;
    for (;;) {
      const auto read = undelivered("a");
      if (read.empty()) return points;
      for (const auto& one : read) points += one.points;
      EXPECT_TRUE(log_->acknowledge("a", {read.front().seq, read.back().seq}));
    }
  }
  // What is lost, on these files with one block bad, wherever it is.
  void try_blocks(const PowerCutDisk::Image& image, const std::string& file) {
    int salvaged = 0;
    const std::uint64_t blocks = (image.at(file).size() + kBlock - 1) / kBlock;
    for (std::uint64_t block = 0; block < blocks; ++block) {
      SCOPED_TRACE(file + ", block " + std::to_string(block));
      log_.reset();
      disk_.on_call = nullptr;
      disk_.load(image);
      break_block(file, block);
      open();
      ASSERT_TRUE(log_->set_sinks({"a"}));
      append(kPoints, 999);
      const std::uint64_t delivered = deliver_all();
      if (HasFailure()) return;
      const LogStatus status = log_->status();
      if (status.damaged_at_least) {
        EXPECT_LE(delivered + status.damaged_points, (kSegments + 1) * kPoints);
      } else {
        EXPECT_EQ(delivered + status.damaged_points, (kSegments + 1) * kPoints);
      }
      EXPECT_GE(delivered, kPoints) << "what came after it";
      salvaged += status.set_aside.empty() ? 0 : 1;
      ++blocks_;
      // A block holds four pages.
      lost_more_ += delivered + 8 * kPoints < kSegments * kPoints ? 1 : 0;
    }
    EXPECT_GT(salvaged, 0);
  }

  PowerCutDisk disk_;
  int blocks_ = 0;
  int lost_more_ = 0;  // of them, with which far more than a block's segments were
};

TEST_F(LogMedium, ABadSectorOfTheDatabaseCostsWhatItHolds) {
  fill();
  ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
  log_.reset();
  const auto image = all_files();
  ASSERT_EQ(image.count(wal()), 0u);
  try_blocks(image, database());
  EXPECT_EQ(lost_more_, 0) << "of " << blocks_;
}

TEST_F(LogMedium, ABadSectorOfTheWalCostsWhatItHolds) {
  fill();
  const auto image = all_files();
  try_blocks(image, wal());
  EXPECT_EQ(lost_more_, 0) << "of " << blocks_;
}

TEST_F(LogMedium, OneStumbleIsNone) {
  fill();
  ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
  log_.reset();
  const auto image = all_files();
  for (const bool at_start : {true, false}) {
    disk_.on_call = nullptr;
    disk_.load(image);
    if (at_start) stop_reading(1);
    open();
    ASSERT_TRUE(log_->set_sinks({"a"}));
    if (!at_start) stop_reading(1);
    EXPECT_EQ(deliver_all(), kSegments * kPoints);
    EXPECT_EQ(log_->status().set_aside, "");
    EXPECT_EQ(log_->status().damaged_points, 0u);
    log_.reset();
  }
}

TEST_F(LogMedium, OneThatIsAwayIsNoDamage) {
  fill();
  ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
  log_.reset();
  const auto image = all_files();
  stop_reading();
  const auto refused = Log::open(options_, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::io) << refused.error().message;
  EXPECT_NE(refused.error().message.find("Input/output error"), std::string::npos) << refused.error().message;
  disk_.on_call = nullptr;
  EXPECT_EQ(all_files(), image);

  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  stop_reading();
  EXPECT_FALSE(log_->read_undelivered("a", 0, {}));
  EXPECT_FALSE(log_->read_undelivered("a", 0, {}));
  disk_.on_call = nullptr;
  EXPECT_EQ(deliver_all(), kSegments * kPoints);
  EXPECT_EQ(log_->status().set_aside, "");
  EXPECT_EQ(log_->status().damaged_points, 0u);
}

TEST_F(LogMedium, OneThatIsAwayAtTheStartIsWaitedFor) {
  fill();
  ASSERT_TRUE(log_->acknowledge("a", {1, 50}));
  ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
  log_.reset();
  const auto image = all_files();
  stop_reading();
  options_.may_be_away = true;
  open();
  ASSERT_TRUE(log_->set_sinks({"a", "new"}));
  EXPECT_FALSE(log_->append({.points = 1, .lines = "m v=1 1\n"}));
  EXPECT_FALSE(log_->read_undelivered("a", 0, {}));
  EXPECT_FALSE(log_->history().last_status_changes("", INT64_MAX));
  EXPECT_EQ(log_->status().points, 0u);
  disk_.on_call = nullptr;
  EXPECT_EQ(all_files(), image);
  append(kPoints, 999);
  EXPECT_EQ(log_->last_seq(), kSegments + 1);
  EXPECT_EQ(deliver_all(), (kSegments + 1 - 50) * kPoints);
  EXPECT_EQ(undelivered("new").front().seq, 1u);
  log_.reset();
  open();
  const auto sinks = log_->status().sinks;
  ASSERT_EQ(sinks.size(), 1u) << "a has all";
  EXPECT_EQ(sinks[0].sink, "new");
}

TEST_F(LogMedium, OneThatGoesAwayWhileItIsSavedFromIsWaitedFor) {
  fill();
  ASSERT_TRUE(log_->history().set_last_alive(to_ns(clock_.wall())));
  log_.reset();
  disk_.on_call = [this, is_made = false, is_away = false](const PowerCutDisk::Call& call) mutable {
    const bool is_read = call.op == PowerCutDisk::Op::read && call.path == database();
    is_made = is_made || (call.op == PowerCutDisk::Op::write && call.path != database());
    is_away = is_away || (is_made && is_read && call.offset >= 30 * kBlock);
    // Its first block never reads.
    return is_read && (is_away || call.offset < kBlock) ? PowerCutDisk::Fault::io : PowerCutDisk::Fault::none;
  };
  const auto refused = Log::open(options_, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::io) << refused.error().message;
  break_block(database(), 0);
  open();
  ASSERT_TRUE(log_->set_sinks({"a"}));
  EXPECT_EQ(deliver_all(), kSegments * kPoints);
  EXPECT_EQ(log_->status().damaged_points, 0u);
}

}  // namespace
}  // namespace vigile
