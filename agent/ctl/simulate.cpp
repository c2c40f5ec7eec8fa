// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/units.h"
#include "ctl/equipment_commands.h"
#include "ctl/json_access.h"
#include "ctl/simulation.h"
#include "ctl/text.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBatchReadings = 1000;  // of past times; well under the daemon's 256 KiB
constexpr std::size_t kBarColumns = 30;

// Ctrl-C and SIGTERM, taken when we look for them.
class Interrupts {
 public:
  Interrupts() {
    ::sigemptyset(&signals_);
    ::sigaddset(&signals_, SIGINT);
    ::sigaddset(&signals_, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &signals_, nullptr);
  }
  // Waits until `time`; true when interrupted before.
  bool wait_until(const Clock& clock, BootTime time) {
    while (!interrupted_) {
      const auto left = std::max(0ns, time - clock.boot());
      const timespec limit{static_cast<time_t>(left / 1s), static_cast<long>((left % 1s).count())};
      if (::sigtimedwait(&signals_, nullptr, &limit) > 0) interrupted_ = true;
      if (left == 0ns) break;
    }
    return interrupted_;
  }

 private:
  sigset_t signals_{};
  bool interrupted_ = false;
};

class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown) {}
  ~Progress() { clear(); }
  void show(double share, std::uint64_t readings) {
    if (!shown_) return;
    const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBarColumns);
    std::string bar = "\r[";
    for (std::size_t i = 0; i < kBarColumns; ++i) bar += i < full ? "█" : "·";
    bar += "] " + decimal(100 * share, 0) + " %, " + grouped(readings) + " readings";
    print_screen(bar);
    std::fflush(stdout);
    drawn_ = true;
  }
  void clear() {
    if (drawn_) print_screen("\r\x1b[K");
    drawn_ = false;
  }

 private:
  const bool shown_;
  bool drawn_ = false;
};

class Simulator {
 public:
  Simulator(const CommandContext& context, std::string id, Simulation simulation,
            std::chrono::nanoseconds interval)
      : context_(context),
        id_(std::move(id)),
        simulation_(std::move(simulation)),
        interval_(interval),
        progress_(context.terminal && !context.json) {}

  // Rounds from `from` to now, as fast as they are taken.
  int backfill(std::chrono::nanoseconds length) {
    const WallTime start = clock_.wall() - length;
    const auto rounds = static_cast<std::uint64_t>(length / interval_);
    Json batch = Json::array();
    for (std::uint64_t i = 0; i < rounds && !interrupts_.wait_until(clock_, clock_.boot()); ++i, ++round_) {
      const WallTime time = start + interval_ * static_cast<std::int64_t>(i);
      simulation_.append_round(round_, time, batch);
      if (const int status = tell_past(simulation_.up(round_), time); status != kFine) return status;
      batch.push_back({{"metric_type", "availability"},
                       {"value", simulation_.up(round_) ? 1 : 0},
                       {"tags", {{"simulated", "true"}}},
                       {"time", to_ns(time)}});
      if (batch.size() < kBatchReadings && i + 1 < rounds) continue;
      if (const int status = send_metrics(batch); status != kFine) return status;
      batch.clear();
      progress_.show(static_cast<double>(i + 1) / static_cast<double>(rounds), readings_);
    }
    return was_up_ == false ? tell_past(true, clock_.wall()) : kFine;  // not left down for good
  }

  // Rounds as time goes by, `speed` times as fast; their times end at now.
  int live(std::chrono::nanoseconds length, double speed) {
    const BootTime began = clock_.boot();
    const auto real = [speed](std::chrono::nanoseconds simulated) {
      return std::chrono::nanoseconds(std::llround(static_cast<double>(simulated.count()) / speed));
    };
    const WallTime start = clock_.wall() - (length - real(length));
    const auto rounds = std::max<std::uint64_t>(static_cast<std::uint64_t>(length / interval_), 1);
    for (std::uint64_t i = 0; i < rounds; ++i, ++round_) {
      const auto offset = interval_ * static_cast<std::int64_t>(i);
      if (interrupts_.wait_until(clock_, began + real(offset))) break;
      Json batch = Json::array();
      simulation_.append_round(round_, start + offset, batch);
      if (!batch.empty()) {
        if (const int status = send_metrics(batch); status != kFine) return status;
      }
      if (const int status = tell_availability(); status != kFine) return status;
      progress_.show(static_cast<double>(i + 1) / static_cast<double>(rounds), readings_);
    }
    return told_up_ == false ? send_availability(true) : kFine;  // not left down for good
  }

  int finish() {
    progress_.clear();
    if (context_.json) {
      print_screen(
          Json({{"equipment_id", id_}, {"readings", readings_}, {"status_changes", changes_}}).dump() + "\n");
    } else {
      print_screen(grouped(readings_) + " readings and " + grouped(changes_) +
                   " changes of availability sent, tag simulated=true.\n");
    }
    return kFine;
  }

 private:
  int post(const char* what, const Json& body) {
    const auto answer =
        context_.client.send("POST", "/api/equipment/" + percent_encode(id_) + "/" + what + "/", body.dump());
    if (answer && answer->fine()) return kFine;
    progress_.clear();
    return answer ? refuse(*answer) : fail(answer.error());
  }
  int send_metrics(const Json& batch) {
    if (const int status = post("metrics", batch); status != kFine) return status;
    readings_ += batch.size();
    return kFine;
  }
  // A change of status at a time of the past, when it is one.
  int tell_past(bool up, WallTime time) {
    if (was_up_ == up) return kFine;
    const Json body = {{"status", up ? "online" : "offline"},
                       {"reason", !up       ? "simulated outage"
                                  : was_up_ ? "simulated: back"
                                            : "simulated: begins"},
                       {"time", to_ns(time)},
                       {"tags", {{"simulated", "true"}}}};
    if (const int status = post("status", body); status != kFine) return status;
    if (was_up_) ++changes_;
    was_up_ = up;
    return kFine;
  }
  int tell_availability() {
    const bool up = simulation_.up(round_);
    if (told_up_ == up) return kFine;
    return send_availability(up);
  }
  int send_availability(bool up) {
    Json body = {{"is_available", up}, {"reason", up ? "simulated: back" : "simulated outage"}};
    if (up) body["response_time"] = simulation_.response_time_ms(round_);
    if (const int status = post("availability", body); status != kFine) return status;
    if (told_up_) ++changes_;
    told_up_ = up;
    return kFine;
  }

  const CommandContext& context_;
  const SystemClock clock_;
  const std::string id_;
  const Simulation simulation_;
  const std::chrono::nanoseconds interval_;
  Interrupts interrupts_;
  Progress progress_;
  std::uint64_t round_ = 0;
  std::uint64_t readings_ = 0;
  std::uint64_t changes_ = 0;
  std::optional<bool> told_up_;
  std::optional<bool> was_up_;  // in the past
};

std::chrono::nanoseconds seconds_to_ns(double seconds) {
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

}  // namespace

int simulate_command(const CommandContext& context, const SimulateOptions& options) {
  std::chrono::nanoseconds backfill{};
  if (!options.backfill.empty()) {
    const auto parsed = parse_duration(options.backfill);
    if (!parsed) {
      complain("--backfill: " + parsed.error().message);
      return kUsage;
    }
    backfill = *parsed;
  }
  int status = kFine;
  const auto id = chosen_equipment(context, options.equipment_id, status);
  if (!id) return status;
  const auto answer = context.client.request("GET", "/api/equipment/");
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  const auto body = parse_object(answer->body);
  if (!body) return fail(body.error());
  std::optional<std::string> type;
  for (const Json& one : at(*body, "equipment")) {
    if (raw_text_at(one, "id") == *id) type = raw_text_at(one, "type");
  }
  if (!type) {
    complain("no equipment \"" + *id + "\"");
    return kAnswerIsNo;
  }
  const auto interval = seconds_to_ns(options.interval_s);
  Simulator simulator(context, *id, Simulation(*type, options.seed, interval), interval);
  if (backfill > 0ns) {
    if (status = simulator.backfill(backfill); status != kFine) return status;
  }
  if (options.duration_s > 0) {
    status = simulator.live(seconds_to_ns(options.duration_s), options.speed);
    if (status != kFine) return status;
  }
  return simulator.finish();
}

}  // namespace vigile
