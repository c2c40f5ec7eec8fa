// SPDX-License-Identifier: Apache-2.0
#include "sampling/scheduler.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

// A driver that does what the test says.
class ScriptedDriver final : public Driver {
 public:
  explicit ScriptedDriver(std::function<Result<void>(const SampleContext&, Output&)> act)
      : act_(std::move(act)) {}
  Result<void> sample(const SampleContext& context, Output& out) override { return act_(context, out); }

 private:
  std::function<Result<void>(const SampleContext&, Output&)> act_;
};

class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    condition_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool open_ = false;
};

Result<void> one_value(const SampleContext&, Output& out) {
  const std::array values = {Value{"v", "v", 1.0}};
  out.add(Sample{.measurement = "m", .values = values});
  return {};
}

// Writes down what it is shown.
class Observer final : public SampleObserver {
 public:
  void availability(std::string_view equipment_id, std::string_view instance, bool up,
                    std::string_view reason, BootTime at) override {
    note(std::string(equipment_id) + " " + std::string(instance) + (up ? " up " : " down ") +
             std::string(reason),
         at);
  }
  void value(std::string_view equipment_id, std::string_view metric, std::span<const Tag> tags, double value,
             BootTime at) override {
    std::string text = std::string(equipment_id) + " " + std::string(metric);
    for (const Tag& tag : tags) text += "," + std::string(tag.key) + "=" + std::string(tag.value);
    note(text + " " + std::to_string(value), at);
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  void note(const std::string& text, BootTime at) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(text + " @" + std::to_string(to_ns(at) / 1'000'000));
  }

  std::mutex mutex_;
  std::vector<std::string> seen_;
};

class SchedulerTest : public ::testing::Test {
 protected:
  ~SchedulerTest() override {
    stop_.request_stop();
    lanes_.clear();
  }

  std::shared_ptr<Instance> instance(const std::string& name, InstanceOptions options,
                                     std::function<Result<void>(const SampleContext&, Output&)> act) {
    options.name = name;
    options.driver = "scripted";
    return std::make_shared<Instance>(
        options, EquipmentIdentity{"1", "n", "other", ""}, WireFormat{},
        std::make_unique<ScriptedDriver>(std::move(act)), clock_, timeline_,
        [this](ClockState clock, const LineWriter::Lines& lines) {
          const std::lock_guard lock(mutex_);
          clock_states_.push_back(clock);
          text_ += lines.text;
          points_ += lines.points;
        },
        &observer_);
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  // Runs the sampler's loop up to `until`.
  void run_to(BootTime until) {
    while (true) {
      const auto next = scheduler_.run_due(stop_.get_token());
      if (!next || *next > until) break;
      clock_.advance_to(*next);
    }
    clock_.advance_to(until);
  }
  InstanceStatus status(const std::string& name) {
    for (const auto& status : scheduler_.status()) {
      if (status.name == name) return status;
    }
    return {};
  }

  FakeClock clock_;
  Timeline timeline_{clock_};
  Observer observer_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::string text_;
  std::uint64_t points_ = 0;
  std::vector<ClockState> clock_states_;
  std::vector<std::jthread> lanes_;
  Scheduler scheduler_{clock_, timeline_,
                       [this] { lanes_.emplace_back([this] { scheduler_.serve_lane(stop_.get_token()); }); }};
};

TEST_F(SchedulerTest, SamplesOnTicksAlignedToTheWallClock) {
  clock_.advance(3s);  // the wall clock stands at a multiple of 10 s, plus 3
  std::vector<std::int64_t> at;
  scheduler_.add({instance("a", {.every = 10s}, [&](const SampleContext&, Output&) -> Result<void> {
    at.push_back(to_ns(clock_.wall()) / 1'000'000'000 % 100);
    return {};
  })});
  run_to(clock_.boot() + 31s);
  EXPECT_EQ(at, (std::vector<std::int64_t>{3, 10, 20, 30}));
  EXPECT_EQ(status("a").late_ticks, 0u);
}

TEST_F(SchedulerTest, EachInstanceHasItsOwnInterval) {
  scheduler_.add({instance("fast", {.every = 1s}, one_value), instance("slow", {.every = 5s}, one_value)});
  run_to(clock_.boot() + 10s);
  EXPECT_EQ(status("fast").runs, 11u);
  EXPECT_EQ(status("slow").runs, 3u);
}

TEST_F(SchedulerTest, ATimerThatFiresEarlyDoesNotMakeTwoTicksOfOne) {
  const auto one = instance("a", {.every = 10s}, one_value);
  clock_.advance(9999500us);
  EXPECT_EQ(one->next_tick(clock_.boot(), timeline_.now()) - clock_.boot(), 10s + 500us);
}

TEST_F(SchedulerTest, LateTicksAreCountedAndNeverPiledUp) {
  scheduler_.add({instance("a", {.every = 1s}, one_value)});
  scheduler_.run_due({});
  clock_.advance(5500ms);  // as when suspended: ticks 1 to 5 went by, the last is run late
  scheduler_.run_due({});
  scheduler_.run_due({});
  EXPECT_EQ(status("a").runs, 2u);
  EXPECT_EQ(status("a").late_ticks, 4u);
}

TEST_F(SchedulerTest, OneThatHangsDelaysNobodyAndIsReportedStuck) {
  Gate entered, release, other_ran;
  scheduler_.add({instance("hangs", {.every = 1s, .deadline = 2s, .may_block = true},
                           [&](const SampleContext&, Output&) -> Result<void> {
                             entered.open();
                             release.wait();
                             return {};
                           })});
  scheduler_.run_due({});
  entered.wait();
  scheduler_.add({instance("blocks", {.every = 1s, .may_block = true},
                           [&](const SampleContext&, Output&) -> Result<void> {
                             other_ran.open();
                             return {};
                           }),
                  instance("cheap", {.every = 1s}, one_value)});
  scheduler_.run_due({});
  other_ran.wait();  // a lane was added for it
  EXPECT_EQ(scheduler_.lanes(), 2u);
  EXPECT_EQ(status("cheap").runs, 1u);
  EXPECT_FALSE(status("hangs").stuck_for);
  run_to(clock_.boot() + 5s);
  EXPECT_EQ(status("cheap").runs, 6u);
  EXPECT_EQ(*status("hangs").stuck_for, 5s);
  EXPECT_EQ(status("hangs").late_ticks, 5u);
  release.open();
  // The gates go with this test.
  while (status("hangs").running || status("blocks").running) std::this_thread::yield();
}

TEST_F(SchedulerTest, AFreeLaneIsUsedAgain) {
  Gate done[3];
  std::atomic<int> runs = 0;
  scheduler_.add(
      {instance("a", {.every = 1s, .may_block = true}, [&](const SampleContext&, Output&) -> Result<void> {
        const int n = runs++;
        if (n < 3) done[n].open();
        return {};
      })});
  for (Gate& gate : done) {
    scheduler_.run_due({});
    gate.wait();
    while (status("a").running) std::this_thread::yield();
    clock_.advance(1s);
  }
  EXPECT_LE(scheduler_.lanes(), 2u);  // a lane may still be on its way back when the next tick comes
}

TEST_F(SchedulerTest, AnErrorKeepsWhatWasReadAndIsShown) {
  scheduler_.add(
      {instance("a", {.every = 1s}, [&](const SampleContext& context, Output& out) -> Result<void> {
        (void)one_value(context, out);
        return Error{ErrorKind::not_found, "/sys/x: No such file or directory"};
      })});
  scheduler_.run_due({});
  EXPECT_EQ(status("a").last_error, "/sys/x: No such file or directory");
  EXPECT_EQ(status("a").errors, 1u);
  EXPECT_EQ(status("a").points, 1u);
}

TEST_F(SchedulerTest, AnExceptionIsThatDriversFailureAlone) {
  scheduler_.add(
      {instance("throws", {.every = 1s},
                [](const SampleContext&, Output&) -> Result<void> { throw std::runtime_error("boom"); }),
       instance("b", {.every = 1s}, one_value)});
  scheduler_.run_due({});
  EXPECT_EQ(status("throws").last_error, "internal error: boom");
  EXPECT_EQ(status("b").runs, 1u);
}

TEST_F(SchedulerTest, WhatDecidesAvailabilityAndFailsIsNotAvailable) {
  const auto fails = [](const SampleContext&, Output&) -> Result<void> {
    return Error{ErrorKind::timeout, "no answer"};
  };
  const auto says_so_itself = [](const SampleContext&, Output& out) -> Result<void> {
    out.availability(true, 1.0, "");
    return Error{ErrorKind::parse, "strange body"};
  };
  scheduler_.add({instance("a", {.every = 1s, .decides_availability = true}, fails)});
  scheduler_.run_due({});
  EXPECT_NE(text().find("metric_name=availability value=0 "), std::string::npos) << text();
  scheduler_.remove({"a"});
  text_.clear();
  scheduler_.add({instance("b", {.every = 1s, .decides_availability = true}, says_so_itself),
                  instance("c", {.every = 1s}, says_so_itself)});
  scheduler_.run_due({});
  EXPECT_NE(text().find("value=1,response_time_ms=1 "), std::string::npos) << text();
  EXPECT_EQ(points_, 2u);  // one for a, one for b, none for c, which does not decide
}

TEST_F(SchedulerTest, StampsWithTheTimeTheSampleWasReadOrSays) {
  scheduler_.add(
      {instance("a", {.every = 1s}, [&](const SampleContext& context, Output& out) -> Result<void> {
        const std::array values = {Value{"v", "v", 1.0}};
        out.add(Sample{.measurement = "m", .values = values, .time = context.started - 250ms});
        return {};
      })});
  const std::int64_t expected = to_ns(clock_.wall()) - 250'000'000;
  scheduler_.run_due({});
  EXPECT_NE(text().find(" " + std::to_string(expected) + "\n"), std::string::npos) << text();
  EXPECT_EQ(clock_states_, std::vector{ClockState::set});
}

TEST_F(SchedulerTest, TheObserverSeesNumbersWithAllTheirTags) {
  scheduler_.add({instance(
      "a", {.every = 1s, .tags = {{"board", "main"}}},
      [&](const SampleContext& context, Output& out) -> Result<void> {
        const std::array tags = {Tag{"core", "0"}};
        const std::array values = {Value{"d", "d", 1.5}, Value{"i", "i", std::int64_t{-2}},
                                   Value{"u", "u", std::uint64_t{3}}, Value{"b", "b", true},
                                   Value{"text", "text", std::string_view("9")}};
        out.add(Sample{.measurement = "m", .tags = tags, .values = values, .time = context.started - 250ms});
        out.availability(false, std::nullopt, "it does not decide");
        return {};
      })});
  scheduler_.run_due({});
  EXPECT_EQ(observer_.take(),
            (std::vector<std::string>{
                "1 d,core=0,board=main 1.500000 @99750", "1 i,core=0,board=main -2.000000 @99750",
                "1 u,core=0,board=main 3.000000 @99750", "1 b,core=0,board=main 1.000000 @99750"}));
}

TEST_F(SchedulerTest, TheObserverHearsOnceARunWhatDecides) {
  bool up = true;
  scheduler_.add({instance("says", {.every = 1s, .decides_availability = true},
                           [&](const SampleContext&, Output& out) -> Result<void> {
                             out.availability(up, 1.0, up ? "" : "closed");
                             out.availability(!up, 1.0, "changed its mind");
                             return {};
                           }),
                  instance("fails", {.every = 1s, .decides_availability = true},
                           [](const SampleContext&, Output&) -> Result<void> {
                             return Error{ErrorKind::timeout, "no route"};
                           })});
  scheduler_.run_due({});
  EXPECT_EQ(observer_.take(),
            (std::vector<std::string>{"1 says up  @100000", "1 fails down no route @100000"}));
  up = false;
  clock_.advance(1s);
  scheduler_.run_due({});
  EXPECT_EQ(observer_.take(),
            (std::vector<std::string>{"1 says down closed @101000", "1 fails down no route @101000"}));
}

TEST_F(SchedulerTest, ADriverThatIsStoppedHasNotBeenWithoutAnAnswer) {
  std::stop_source stop;
  const auto one = instance("a", {.every = 1s, .decides_availability = true},
                            [&](const SampleContext&, Output& out) -> Result<void> {
                              stop.request_stop();
                              out.availability(false, std::nullopt, "cancelled");
                              return Error{ErrorKind::timeout, "cancelled"};
                            });
  ASSERT_TRUE(one->begin(clock_.boot()));
  one->run(stop.get_token());
  EXPECT_TRUE(observer_.take().empty());
  EXPECT_EQ(text(), "");
}

TEST_F(SchedulerTest, ARunPastItsDeadlineIsNoAnswerAtEachTick) {
  Gate entered, release;
  const auto hangs = [&](const SampleContext&, Output& out) -> Result<void> {
    entered.open();
    release.wait();
    out.availability(true, std::nullopt, "");
    return {};
  };
  scheduler_.add(
      {instance("a", {.every = 1s, .deadline = 2s, .may_block = true, .decides_availability = true}, hangs)});
  scheduler_.run_due({});
  entered.wait();
  run_to(clock_.boot() + 2s);
  EXPECT_TRUE(observer_.take().empty()) << "the deadline itself is not past it";
  run_to(clock_.boot() + 2s);
  EXPECT_EQ(observer_.take(), (std::vector<std::string>{"1 a down no answer for 3s @103000",
                                                        "1 a down no answer for 4s @104000"}));
  release.open();
  while (status("a").running) std::this_thread::yield();
  EXPECT_EQ(observer_.take(), (std::vector<std::string>{"1 a up  @100000"}));
}

TEST_F(SchedulerTest, ARunPastItsDeadlineThatDoesNotDecideSaysNothing) {
  const auto one = instance("a", {.every = 1s, .deadline = 2s}, one_value);
  ASSERT_TRUE(one->begin(clock_.boot()));
  clock_.advance(5s);
  EXPECT_FALSE(one->begin(clock_.boot()));
  EXPECT_TRUE(observer_.take().empty());
}

TEST_F(SchedulerTest, ARemovedInstanceRunsNoMore) {
  scheduler_.add({instance("a", {.every = 1s}, one_value)});
  scheduler_.run_due({});
  scheduler_.remove({"a"});
  clock_.advance(10s);
  EXPECT_FALSE(scheduler_.run_due({}));
  EXPECT_EQ(points_, 1u);
}

}  // namespace
}  // namespace vigile
