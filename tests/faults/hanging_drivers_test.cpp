// SPDX-License-Identifier: Apache-2.0
// Drivers that hang for ever, throw, and return garbage: what they cost the others. No such driver is in the
// product, so they are given to the scheduler here; its lanes are real threads, its time is a test's.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "point/line_decode.h"
#include "sampling/scheduler.h"
#include "support/fake_clock.h"
#include "support/process.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using Act = std::function<Result<void>(const SampleContext&, Output&)>;

class ActingDriver final : public Driver {
 public:
  explicit ActingDriver(Act act) : act_(std::move(act)) {}
  Result<void> sample(const SampleContext& context, Output& out) override { return act_(context, out); }

 private:
  const Act act_;
};

Result<void> one_value(const SampleContext&, Output& out) {
  const std::array values = {Value{"v", "v", 1.0}};
  out.add(Sample{.measurement = "m", .values = values});
  return {};
}

// Counts who was said to be down.
class Verdicts final : public SampleObserver {
 public:
  void availability(std::string_view, std::string_view instance, bool up, std::string_view,
                    BootTime) override {
    const std::lock_guard lock(mutex_);
    if (!up) ++down_[std::string(instance)];
  }
  void value(std::string_view, std::string_view, std::span<const Tag>, double, BootTime) override {}
  int down(const std::string& instance) {
    const std::lock_guard lock(mutex_);
    return down_[instance];
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return down_.size();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> down_;
};

class HangingDrivers : public ::testing::Test {
 protected:
  ~HangingDrivers() override {
    release();
    stop_.request_stop();
    lanes_.clear();
  }

  std::shared_ptr<Instance> instance(const std::string& name, InstanceOptions options, Act act) {
    options.name = name;
    options.driver = "acting";
    return std::make_shared<Instance>(
        options, EquipmentIdentity{"1", "n", "other", ""}, WireFormat{},
        std::make_unique<ActingDriver>(std::move(act)), clock_, timeline_,
        [this](ClockState, const LineWriter::Lines& lines) {
          const std::lock_guard lock(mutex_);
          text_ += lines.text;
        },
        &verdicts_);
  }
  std::shared_ptr<Instance> hanging(const std::string& name) {
    return instance(name, {.every = 1s, .deadline = 2s, .may_block = true, .decides_availability = true},
                    [this](const SampleContext&, Output&) -> Result<void> {
                      ++entered_;
                      std::unique_lock lock(mutex_);
                      released_.wait(lock, [this] { return free_; });
                      return {};
                    });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    free_ = true;
    released_.notify_all();
  }
  void tick() {
    clock_.advance(1s);
    scheduler_.run_due(stop_.get_token());
  }
  InstanceStatus status(const std::string& name) {
    for (const auto& status : scheduler_.status()) {
      if (status.name == name) return status;
    }
    return {};
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

  FakeClock clock_;
  Timeline timeline_{clock_};
  Verdicts verdicts_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable released_;
  bool free_ = false;
  std::string text_;
  std::atomic<std::size_t> entered_ = 0;
  std::vector<std::jthread> lanes_;
  Scheduler scheduler_{clock_, timeline_,
                       [this] { lanes_.emplace_back([this] { scheduler_.serve_lane(stop_.get_token()); }); }};
};

TEST_F(HangingDrivers, AHundredTakeNoMoreThanTheLanesAndNobodyElsesTicks) {
  Scheduler::Instances all;
  for (int i = 0; i < 100; ++i) all.push_back(hanging("hangs" + std::to_string(i)));
  all.push_back(instance("cheap", {.every = 1s}, one_value));
  scheduler_.add(all);
  scheduler_.run_due({});
  ASSERT_TRUE(eventually([&] { return entered_ == kMaxLanes; }));
  for (int i = 0; i < 60; ++i) tick();
  EXPECT_EQ(scheduler_.lanes(), kMaxLanes);
  EXPECT_EQ(lanes_.size(), kMaxLanes);
  EXPECT_EQ(status("cheap").runs, 61u);
  EXPECT_EQ(status("cheap").late_ticks, 0u);

  std::size_t stuck = 0;
  std::size_t queued = 0;
  for (const auto& one : scheduler_.status()) {
    if (one.stuck_for) ++stuck;
    if (one.queued_for) {
      ++queued;
      EXPECT_FALSE(one.stuck_for) << "it was never run";
      EXPECT_EQ(verdicts_.down(one.name), 0) << "nobody was asked, so nobody is down";
    }
  }
  EXPECT_EQ(stuck, kMaxLanes);
  EXPECT_EQ(queued, 100 - kMaxLanes);
  ASSERT_TRUE(scheduler_.held_up());
  EXPECT_NE(scheduler_.held_up()->find("all 64 lanes"), std::string::npos) << *scheduler_.held_up();

  release();
  EXPECT_TRUE(eventually([&] { return entered_ == 100; })) << "those that waited have their turn";
  EXPECT_TRUE(eventually([&] { return !scheduler_.held_up(); }));
  std::printf(
      "100 drivers that hang for 60 ticks: %zu lanes, %zu stuck, %zu waiting, 0 of 61 cheap runs late\n",
      scheduler_.lanes(), stuck, queued);
}

TEST_F(HangingDrivers, OneFreeLaneServesAllThatDoNotHang) {
  Scheduler::Instances all;
  for (std::size_t i = 0; i + 1 < kMaxLanes; ++i) all.push_back(hanging("hangs" + std::to_string(i)));
  scheduler_.add(all);
  scheduler_.run_due({});
  ASSERT_TRUE(eventually([&] { return entered_ == kMaxLanes - 1; }));
  Scheduler::Instances good;
  for (int i = 0; i < 50; ++i) {
    good.push_back(instance("good" + std::to_string(i), {.every = 1s, .may_block = true}, one_value));
  }
  scheduler_.add(good);
  for (std::uint64_t round = 1; round <= 5; ++round) {
    tick();
    ASSERT_TRUE(eventually([&] {
      for (int i = 0; i < 50; ++i) {
        if (status("good" + std::to_string(i)).runs < round) return false;
      }
      return true;
    }));
  }
  EXPECT_EQ(scheduler_.lanes(), kMaxLanes);
  EXPECT_FALSE(scheduler_.held_up());
}

TEST_F(HangingDrivers, ReloadsThatRestartOneDoNotAddLanesWithoutBound) {
  const int reloads = 1000;
  for (int i = 0; i < reloads; ++i) {
    scheduler_.remove({"hangs"});
    scheduler_.add({hanging("hangs")});
    scheduler_.run_due({});
    const std::size_t taken = std::min<std::size_t>(static_cast<std::size_t>(i) + 1, kMaxLanes);
    ASSERT_TRUE(eventually([&] { return entered_ == taken; }));
  }
  EXPECT_EQ(lanes_.size(), kMaxLanes);
  scheduler_.add({instance("cheap", {.every = 1s}, one_value)});
  scheduler_.run_due({});
  for (int i = 0; i < 10; ++i) tick();
  EXPECT_EQ(status("cheap").runs, 11u);
  EXPECT_EQ(status("cheap").late_ticks, 0u);
  std::printf("%d reloads of a driver that hangs: %zu lanes\n", reloads, lanes_.size());
}

TEST_F(HangingDrivers, WhateverIsThrownIsThatDriversFailureAlone) {
  const InstanceOptions blocks = {.every = 1s, .may_block = true};
  scheduler_.add(
      {instance("exception", {.every = 1s},
                [](const SampleContext&, Output&) -> Result<void> { throw std::runtime_error("boom"); }),
       instance("number", {.every = 1s}, [](const SampleContext&, Output&) -> Result<void> { throw 42; }),
       instance("memory", blocks,
                [](const SampleContext&, Output&) -> Result<void> { throw std::bad_alloc(); }),
       instance("text", blocks, [](const SampleContext&, Output&) -> Result<void> { throw "text"; }),
       instance("good", blocks, one_value)});
  scheduler_.run_due({});
  for (std::uint64_t runs = 1; runs <= 100; ++runs) {
    for (const char* name : {"memory", "text", "good"}) {
      ASSERT_TRUE(eventually([&] { return status(name).runs == runs; })) << name;
    }
    tick();
  }
  EXPECT_EQ(status("exception").errors, 101u);
  EXPECT_EQ(status("number").errors, 101u);
  EXPECT_NE(status("number").last_error.find("internal error"), std::string::npos);
  EXPECT_GE(status("text").errors, 100u);
  EXPECT_NE(status("memory").last_error.find("bad_alloc"), std::string::npos);
  EXPECT_GE(status("good").runs, 100u);
  EXPECT_EQ(status("good").errors, 0u);
}

TEST_F(HangingDrivers, GarbageNeverBecomesALineThatCannotBeRead) {
  static const std::string long_text(300'000, 'x');
  scheduler_.add({instance("garbage", {.every = 1s}, [](const SampleContext&, Output& out) -> Result<void> {
    const std::array tags = {Tag{"", ""}, Tag{"a\nb", "c\nd"}, Tag{"time", "\\"}, Tag{"\xff\xfe", "\x00\x01"},
                             Tag{"a=b,c d", "e=f,g h"}};
    const std::array values = {Value{"", "", std::numeric_limits<double>::quiet_NaN()},
                               Value{"inf", "inf", std::numeric_limits<double>::infinity()},
                               Value{"m\nn", "m\nn", std::string_view("line\nbreak \"quoted\" \\")},
                               Value{"big", "time", std::numeric_limits<std::uint64_t>::max()},
                               Value{"text", "text", std::string_view(long_text)},
                               Value{"\xc3", "\xc3", std::string_view("\xc3\x28", 2)},
                               Value{"v", "v", 1.0}};
    out.add(Sample{.measurement = "", .tags = tags, .values = values});
    out.add(Sample{.measurement = "a b,c\n", .tags = tags, .values = values});
    out.add(Sample{.measurement = "nothing"});
    out.availability(false, std::numeric_limits<double>::quiet_NaN(), std::string_view("\xff\n", 2));
    return {};
  })});
  scheduler_.run_due({});
  for (int i = 0; i < 9; ++i) tick();
  EXPECT_EQ(status("garbage").runs, 10u);
  const std::string written = text();
  std::uint64_t lines = 0;
  LineDecoder decoder(written, Precision::ns);
  for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
    ASSERT_EQ(step, LineDecoder::Step::line) << written.substr(decoder.position(), 200);
    ++lines;
  }
  EXPECT_EQ(lines, status("garbage").points);
  EXPECT_GT(lines, 0u);
  std::printf("10 runs of garbage: %llu lines written, all of them line protocol\n",
              static_cast<unsigned long long>(lines));
}

}  // namespace
}  // namespace vigile
