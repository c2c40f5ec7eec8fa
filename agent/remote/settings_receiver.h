// SPDX-License-Identifier: Apache-2.0
// Subscribes to the topic on which settings arrive, over a connection of its own that they cannot change.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/mutex.h"
#include "drivers/mqtt_session/session.h"
#include "net/mqtt/client_id_watch.h"
#include "remote/settings_trial.h"

namespace vigile {

struct ReceiverStatus {
  std::string broker;  // URL
  std::string topic;
  bool connected = false;
  std::string reason;           // why not
  std::string conflict;         // with another client of the same client_id; empty: none
  std::uint64_t conflicts = 0;  // connections lost to it
  TrialStatus trial;
};

class SettingsReceiver {
 public:
  // Errors: config, of url and public key.
  static Result<std::unique_ptr<SettingsReceiver>> make(const Settings& site, TrialAgent agent,
                                                        const Clock& clock);

  // Until stop is requested. A thread of its own.
  void run(std::stop_token stop) EXCLUDES(mutex_);
  // Any thread.
  ReceiverStatus status() const EXCLUDES(mutex_);

 private:
  SettingsReceiver(mqtt_session::SessionSettings session, std::unique_ptr<SettingsTrial> trial,
                   const Clock& clock);
  Result<void> serve(std::stop_token stop, const std::function<void()>& on_progress);
  void set_state(bool connected, std::string reason) EXCLUDES(mutex_);
  // What there is to report of other clients. Notes it in the status, too.
  std::string look_for_others() EXCLUDES(mutex_);

  const mqtt_session::SessionSettings session_;
  const std::unique_ptr<SettingsTrial> trial_;
  const Clock& clock_;
  ClientIdWatch others_;  // of the thread of run()

  mutable Mutex mutex_;
  bool connected_ GUARDED_BY(mutex_) = false;
  std::string reason_ GUARDED_BY(mutex_) = "not tried yet";
  std::string conflict_ GUARDED_BY(mutex_);
  std::uint64_t conflicts_ GUARDED_BY(mutex_) = 0;
};

// What would fail make(), for --check.
Result<void> check_receiver(const Settings& site);

}  // namespace vigile
