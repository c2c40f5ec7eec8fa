// SPDX-License-Identifier: Apache-2.0
// What the status socket shows and may ask of the agent. agent/app/ fills it in; the routes only print it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "description/driver_description.h"
#include "equipment/service.h"
#include "store/log.h"

namespace vigile {

struct DriverView {
  std::string name;    // instance
  std::string driver;  // kind
  std::string equipment_id;
  std::string state;  // "waiting", "ok", "failing", "conflict", "stuck", "running"
  std::chrono::nanoseconds every{};
  std::optional<WallTime> last_run;
  std::chrono::nanoseconds last_duration{};
  std::string last_error;                             // empty when the last run was fine
  std::optional<std::chrono::nanoseconds> stuck_for;  // age of a run past its deadline
  std::uint64_t runs = 0;
  std::uint64_t errors = 0;
  std::uint64_t late_ticks = 0;
  std::uint64_t points = 0;
  std::uint64_t left_out = 0;  // numbers past int64 that the settings have left out
};

struct SinkView {
  std::string name;
  std::string kind;
  std::string target;  // URL without secrets
  std::string state;   // "starting", "delivering", "idle", "retrying", "paused", "waiting", "conflict"
  std::string reason;  // why it is paused, retrying, or in conflict with another client of its name
  std::optional<WallTime> last_acknowledged;
  std::optional<std::chrono::nanoseconds> next_try;  // from now
  std::uint64_t delivered_points = 0;                // since start
  std::uint64_t delivered_bytes = 0;                 // of lines
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::uint64_t dead_letters = 0;  // since start
  std::uint64_t lag_points = 0;
  std::optional<std::chrono::nanoseconds> lag;  // age of the oldest undelivered point
  std::uint64_t batch_bytes = 0;                // the limit now, as learned
  std::uint64_t conflicts = 0;                  // connections lost to another client of its name, since start
};

// Settings that arrive by a broker.
struct RemoteSettingsView {
  std::string broker;  // URL
  std::string topic;
  bool connected = false;
  std::string reason;           // why not connected
  std::string conflict;         // with another client of the same client_id; empty: none
  std::uint64_t conflicts = 0;  // connections lost to it, since start
  std::uint64_t serial = 0;     // in force; 0: the file on the device alone
  std::optional<std::chrono::nanoseconds> trial_left;  // present while they are on trial
  std::uint64_t failed_serial = 0;                     // taken back since; 0: none
  std::string failed_reason;
  std::string refused;  // why what arrived last was not tried; empty: it was
};

struct AgentStatus {
  std::string version;
  std::string site_id;
  std::string site_name;
  std::string device;
  std::string config_file;
  std::int64_t pid = 0;
  WallTime now;
  std::chrono::nanoseconds uptime{};
  std::string clock;  // "set", "unset"
  bool healthy = true;
  std::string unhealthy_reason;
  std::vector<std::string> notes;  // what works, and may not be as meant: one sentence each
  std::vector<DriverView> drivers;
  std::vector<SinkView> sinks;
  std::optional<RemoteSettingsView> remote_settings;  // absent: they are off
  LogStatus log;
  std::string commit_error;                // why readings cannot be committed now; empty when they can
  std::uint64_t committed_points = 0;      // since start
  std::uint64_t waiting_points = 0;        // in memory, not committed yet
  std::uint64_t ring_dropped_points = 0;   // lost because they could not be committed
  std::uint64_t unrecorded_points = 0;     // likewise, but all sinks had them: only the history lacks them
  std::chrono::nanoseconds loss_window{};  // readings of this long are lost when the power goes: commit_every
  std::uint64_t write_budget_bytes = 0;    // a day; 0: none
  bool write_budget_exceeded = false;      // though commits are as far apart as they may be
  std::uint64_t flash_bytes_today = 0;     // written to storage since midnight UTC, as the kernel counts
  std::uint64_t flash_bytes = 0;           // since start
  std::uint64_t resident_bytes = 0;
  std::uint64_t private_dirty_bytes = 0;
  double cpu_seconds = 0;
};

struct ReloadReport {
  bool accepted = false;
  std::vector<std::string> messages;  // errors with places, or what was restarted
};

// Every function is called from the API's thread and returns soon; they are safe beside the agent's threads.
class AgentView {
 public:
  virtual ~AgentView() = default;
  virtual AgentStatus status() = 0;
  virtual std::vector<DriverDescription> driver_descriptions() = 0;
  // Commits what waits in memory and tells every sink to deliver now. Returns after the commit.
  virtual Result<void> flush() = 0;
  virtual ReloadReport reload() = 0;
  virtual Log& log() = 0;
  // The exception: what this is asked may take long; routes that do so are `slow`.
  virtual EquipmentService& equipment() = 0;

  // A live stream of committed lines. `on_lines` is called from the committing thread with whole lines; it
  // must not block. The returned handle ends the subscription when destroyed.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  virtual std::unique_ptr<Subscription> subscribe(std::function<void(std::string_view lines)> on_lines) = 0;
};

}  // namespace vigile
