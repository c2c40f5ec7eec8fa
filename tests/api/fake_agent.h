// SPDX-License-Identifier: Apache-2.0
// An agent whose answers a test sets. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/agent_view.h"
#include "core/mutex.h"
#include "fake_equipment.h"
#include "store/inspection.h"
#include "support/no_history.h"

namespace vigile {

// A test and the server's thread use the fakes in turns. When what passes the turn is another process,
// ThreadSanitizer cannot see it: so whoever begins and ends a turn also says it here.
class Turn {
 public:
  Turn() { ++turns_; }
  ~Turn() { ++turns_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  static inline std::atomic<std::uint64_t> turns_{0};
};

// Holds dead letters and the sinks of `log_status`; everything else fails or is empty.
class FakeLog final : public Log {
 public:
  LogStatus log_status;
  std::vector<DeadLetter> letters;
  NoHistory no_history;

  Result<void> set_sinks(const std::vector<std::string>&) override { return {}; }
  Result<void> forget_sink(std::string_view name) override {
    const Turn turn;
    const auto removed =
        std::erase_if(log_status.sinks, [&](const SinkBacklog& s) { return s.sink == name; });
    if (removed > 0) return {};
    return Error{ErrorKind::not_found, "no sink named \"" + std::string(name) + "\""};
  }
  Result<void> set_limits(const LogOptions&) override { return {}; }
  History& history() override { return no_history; }
  Result<std::uint64_t> append(const NewSegment&) override { return Error{ErrorKind::io, "fake"}; }
  Result<std::vector<StoredSegment>> read_undelivered(std::string_view, std::uint64_t,
                                                      const ReadLimits&) override {
    return std::vector<StoredSegment>{};
  }
  Result<std::vector<StoredSegment>> read_history(std::int64_t, std::int64_t, std::uint64_t,
                                                  const ReadLimits&) override {
    return std::vector<StoredSegment>{};
  }
  Result<void> acknowledge(std::string_view, SeqRange, const std::vector<DeadLetter>&) override { return {}; }
  Result<std::optional<BootTime>> maintain(BootTime) override { return std::optional<BootTime>(); }
  Result<void> flush() override { return {}; }
  Result<std::uint64_t> repair_clock(std::int64_t) override { return std::uint64_t{0}; }
  bool has_unset_times() const override { return false; }
  Result<std::vector<DeadLetter>> dead_letters(std::string_view sink, std::uint64_t after_id,
                                               std::size_t limit) override {
    const Turn turn;
    std::vector<DeadLetter> found;
    for (const DeadLetter& letter : letters) {
      if (letter.id <= after_id || (!sink.empty() && letter.sink != sink)) continue;
      if (found.size() == limit) break;
      found.push_back(letter);
    }
    return found;
  }
  Result<std::uint64_t> clear_dead_letters(std::string_view sink) override {
    const Turn turn;
    return std::uint64_t{std::erase_if(
        letters, [&](const DeadLetter& letter) { return sink.empty() || letter.sink == sink; })};
  }
  Result<std::uint64_t> resend_dead_letters(const DeadLetterChoice& choice) override {
    const Turn turn;
    std::uint64_t queued = 0;
    for (DeadLetter& letter : letters) {
      if (!choice.sink.empty() && letter.sink != choice.sink) continue;
      if (choice.id != 0 && letter.id != choice.id) continue;
      if (letter.reason.find(choice.reason) == std::string::npos) continue;
      letter.resend = true;
      ++queued;
    }
    return queued;
  }
  Result<std::vector<DeadLetter>> letters_to_resend(std::string_view, std::uint64_t) override {
    return std::vector<DeadLetter>{};
  }
  Result<void> settle_letters(const std::vector<DeadLetter>&, const std::vector<DeadLetter>&) override {
    return {};
  }
  StoreInspection inspection;
  Result<StoreInspection> inspect() const override { return inspection; }
  std::uint64_t last_seq() const override { return log_status.last_seq; }
  LogStatus status() const override {
    const Turn turn;
    return log_status;
  }
};

class FakeAgent final : public AgentView {
 public:
  AgentStatus agent_status;
  std::vector<DriverDescription> descriptions;
  Result<void> flush_result;
  ReloadReport reload_report;
  FakeLog fake_log;
  FakeEquipment fake_equipment;
  std::atomic<int> flushes{0};

  AgentStatus status() override {
    const Turn turn;
    return agent_status;
  }
  std::vector<DriverDescription> driver_descriptions() override {
    const Turn turn;
    return descriptions;
  }
  Result<void> flush() override {
    const Turn turn;
    ++flushes;
    return flush_result;
  }
  ReloadReport reload() override {
    const Turn turn;
    return reload_report;
  }
  Log& log() override { return fake_log; }
  EquipmentService& equipment() override { return fake_equipment; }

  std::unique_ptr<Subscription> subscribe(std::function<void(std::string_view)> on_lines) override {
    const MutexLock lock(mutex_);
    subscribers_.push_back(std::move(on_lines));
    return std::make_unique<Handle>(*this, std::prev(subscribers_.end()));
  }
  std::size_t subscribers() {
    const MutexLock lock(mutex_);
    return subscribers_.size();
  }
  // What the committing thread does.
  void commit(std::string_view lines) {
    const MutexLock lock(mutex_);
    for (const auto& on_lines : subscribers_) on_lines(lines);
  }

 private:
  using Subscribers = std::list<std::function<void(std::string_view)>>;
  class Handle final : public Subscription {
   public:
    Handle(FakeAgent& agent, Subscribers::iterator place) : agent_(agent), place_(place) {}
    ~Handle() override {
      const MutexLock lock(agent_.mutex_);
      agent_.subscribers_.erase(place_);
    }

   private:
    FakeAgent& agent_;
    Subscribers::iterator place_;
  };
  Mutex mutex_;
  Subscribers subscribers_ GUARDED_BY(mutex_);
};

// A healthy agent with two drivers and two sinks.
inline AgentStatus example_status() {
  using namespace std::chrono_literals;
  AgentStatus status;
  status.version = "0.1.0";
  status.site_id = "12";
  status.site_name = "Lyon-Nord";
  status.device = "press-07";
  status.config_file = "/etc/vigile/vigile.yaml";
  status.pid = 4242;
  status.now = wall_from_ns(1793491200'000000000);
  status.uptime = 76h + 5min;
  status.clock = "set";
  DriverView cpu;
  cpu.name = "1/cpu";
  cpu.driver = "cpu";
  cpu.equipment_id = "1";
  cpu.state = "ok";
  cpu.every = 10s;
  cpu.last_run = status.now - 4s;
  cpu.last_duration = 350us;
  cpu.runs = 27390;
  cpu.points = 273900;
  DriverView http = cpu;
  http.name = "1/http";
  http.driver = "http";
  http.every = 30s;
  http.last_run = status.now - 12s;
  http.last_duration = 12400us;
  http.errors = 3;
  http.runs = 9130;
  http.late_ticks = 2;
  status.drivers = {cpu, http};
  SinkView central;
  central.name = "central";
  central.kind = "influx";
  central.target = "http://influx.example:8086";
  central.state = "delivering";
  central.last_acknowledged = status.now - 3s;
  central.delivered_points = 1'234'567;
  central.delivered_bytes = 240'000'000;
  central.requests = 27000;
  central.failures = 4;
  central.lag_points = 120;
  central.lag = 8s;
  central.batch_bytes = 1 << 20;
  SinkView plant = central;
  plant.name = "plant";
  plant.kind = "mqtt";
  plant.target = "mqtts://broker.example:8883";
  plant.state = "idle";
  plant.lag_points = 0;
  plant.lag.reset();
  plant.last_acknowledged = status.now - 1s;
  status.sinks = {central, plant};
  status.log.segments = 274'000;
  status.log.points = 1'234'687;
  status.log.first_seq = 1;
  status.log.last_seq = 274'000;
  status.log.size_bytes = std::uint64_t{48} << 20;
  status.log.max_size_bytes = std::uint64_t{256} << 20;
  status.log.payload_bytes = std::uint64_t{21} << 20;
  status.log.appended_points = 1'234'687;
  status.log.sinks = {{"central", true, 12, 120, to_ns(status.now - 8s)},
                      {"plant", true, 0, 0, std::nullopt}};
  status.committed_points = 1'234'687;
  status.waiting_points = 14;
  status.flash_bytes_today = 5'600'000;
  status.flash_bytes = 18'000'000;
  status.resident_bytes = std::uint64_t{14} << 20;
  status.private_dirty_bytes = 2'300'000;
  status.cpu_seconds = 27.4;
  return status;
}

}  // namespace vigile
