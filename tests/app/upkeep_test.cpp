// SPDX-License-Identifier: Apache-2.0
// The loop does by itself what time brings about, on a clock that the test moves.
#include "app/upkeep.h"

#include <gtest/gtest.h>

#include <thread>

#include "core/mutex.h"
#include "support/fake_clock.h"
#include "support/memory_history.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

// A Log that only has a status.
std::unique_ptr<Log> open_log(const TempDir& dir, const Clock& clock) {
  auto log = Log::open({.path = dir / "v.db", .max_size_bytes = 1 << 20}, clock);
  EXPECT_TRUE(log) << log.error().message;
  return std::move(*log);
}

class UpkeepTest : public testing::Test {
 protected:
  UpkeepTest()
      : log_(open_log(dir_, clock_)),
        directory_(
            site(),
            [this] {
              return Stamp{ClockState::set, clock_.boot(), to_ns(clock_.wall())};
            },
            [this](const StatusChange& change, const std::string&, ClockState) {
              const MutexLock lock(mutex_);
              changes_.push_back(change.old_status + ">" + change.new_status + " (" + change.reason + ")");
            }),
        keeper_(history_, clock_, MetricNamer()),
        upkeep_(directory_, keeper_, *log_, clock_) {}

  static WatchedSite site() {
    WatchedSite site;
    site.equipment.push_back({.identity = {"1", "Serveur", "server", ""},
                              .rules = {.limits = {{.metric = "temperature", .above = 80, .held = 5min}}}});
    return site;
  }
  void start() {
    thread_ = std::jthread([this](std::stop_token stop) { upkeep_.run(stop); });
  }
  void advance(std::chrono::nanoseconds by) {
    clock_.advance(by);
    directory_.wakeup().notify();  // a real clock would have ended the wait
  }
  bool changed_to(const std::string& last) {
    return eventually([&] {
      const MutexLock lock(mutex_);
      return !changes_.empty() && changes_.back() == last;
    });
  }
  std::string last_change() {
    const MutexLock lock(mutex_);
    return changes_.empty() ? "" : changes_.back();
  }
  void add_hour(std::int64_t hours_ago) {
    const std::int64_t time = to_ns(clock_.wall()) - std::chrono::nanoseconds(hours_ago * 1h).count() + 1;
    history_.add("equipment_metrics,equipment_id=1,metric_name=m value=1 " + std::to_string(time) + "\n",
                 time, time);
  }

  FakeClock clock_;
  TempDir dir_;
  MemoryHistory history_;
  std::unique_ptr<Log> log_;
  Mutex mutex_;
  std::vector<std::string> changes_ GUARDED_BY(mutex_);
  EquipmentDirectory directory_;
  SummaryKeeper keeper_;
  Upkeep upkeep_;
  std::jthread thread_;  // last: ends first
};

TEST_F(UpkeepTest, MaintenanceEndsByItself) {
  start();
  directory_.availability("1", kApiSource, true, "", clock_.boot());
  ASSERT_TRUE(directory_.set_status("1", Status::maintenance, "oil", to_ns(clock_.wall() + 1h)));
  advance(59min);
  ASSERT_TRUE(eventually([&] { return upkeep_.heartbeat().overdue(clock_.boot()) == 0s; }));
  EXPECT_EQ(last_change(), "online>maintenance (oil)");
  advance(2min);
  EXPECT_TRUE(changed_to("maintenance>online (maintenance ended)")) << last_change();
}

TEST_F(UpkeepTest, ALimitThatIsHeldSpeaksThoughNothingElseHappens) {
  start();
  directory_.value("1", "temperature", {}, 20, clock_.boot());
  directory_.value("1", "temperature", {}, 95, clock_.boot());
  const std::string before = last_change();
  advance(4min);
  EXPECT_EQ(last_change(), before);
  advance(2min);
  EXPECT_TRUE(eventually([&] { return last_change().starts_with("online>warning"); })) << last_change();
}

TEST_F(UpkeepTest, HoursAreSummarisedAsTheyClose) {
  add_hour(3);
  start();
  EXPECT_TRUE(eventually([&] { return history_.summary_rows() == 1; }));
  add_hour(0);
  advance(2h);
  EXPECT_TRUE(eventually([&] { return history_.summary_rows() == 2; }));
}

TEST_F(UpkeepTest, EndsWhenTold) {
  start();
  thread_.request_stop();
  thread_.join();
}

}  // namespace
}  // namespace vigile
