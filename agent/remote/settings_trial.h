// SPDX-License-Identifier: Apache-2.0
// What becomes of settings that arrive: verified, checked, taken over on trial; at the trial's end they stay,
// or those before come back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/logging.h"
#include "core/mutex.h"
#include "core/result.h"
#include "remote/settings_folder.h"
#include "remote/signed_settings.h"
#include "settings/settings.h"

namespace vigile {

struct Ailment {
  std::string why;
  bool may_be_network = false;  // it is what a network that is away looks like, too
};

// What the trial asks of the agent. Called from the trial's thread.
struct TrialAgent {
  // What is wrong with the site's settings when these are laid over them; empty: nothing.
  std::function<std::string(const SettingsLayer& layer)> check;
  // A trial begins: what fails already is not the new settings' fault.
  std::function<void()> remember_failures;
  // Reads the settings again and takes them over. Why they are refused; empty: they are not.
  std::function<std::string()> reload;
  // Has everything that may take its time (deliveries) happen now: once, in the first half of the trial.
  std::function<void()> exercise;
  // What fails that did not before the trial, and of it the one that the network explains last; absent:
  // nothing.
  std::function<std::optional<Ailment>()> ailing;
};

struct TrialStatus {
  std::uint64_t serial = 0;  // in force; 0: the site's settings alone
  bool on_trial = false;
  std::chrono::nanoseconds trial_left{};
  std::uint64_t failed_serial = 0;  // taken back, and newer than those in force; 0: none
  std::string failed_why;
  std::string refused;  // why what arrived last was not tried; empty: it was
};

class SettingsTrial {
 public:
  // Reads what is in force. A trial that a former process began goes on, from its start. The public keys are
  // read for each message anew. Errors: those of the files; config.
  static Result<std::unique_ptr<SettingsTrial>> open(const Settings& site, TrialAgent agent,
                                                     const Clock& clock);

  // A message has arrived. One thread, which also calls step().
  void offer(std::string_view message) EXCLUDES(mutex_);
  // What has arrived cannot even be looked at.
  void refuse(const std::string& why) EXCLUDES(mutex_);
  // Does what is due; when to call it next, if ever.
  std::optional<BootTime> step() EXCLUDES(mutex_);
  // The broker was heard, over the connection that no settings change; or that has ended. Of the same thread.
  void broker_heard() EXCLUDES(mutex_);
  void broker_lost() { heard_.reset(); }
  // A sign of life from the broker decides whether the settings are at fault, or the network.
  bool wants_sign_of_life() const { return in_doubt_ && heard_; }
  // Any thread.
  TrialStatus status() const EXCLUDES(mutex_);

 private:
  SettingsTrial(const Settings& site, TrialAgent agent, const Clock& clock);
  Result<void> read_folder();
  Result<void> accept(std::string_view message);
  Result<void> check(const SignedSettings& offered);
  void begin();
  void end();
  bool is_in_doubt(const Ailment& ailment);
  void take_back(const std::string& why);

  const RemoteSettings settings_;
  const std::string site_id_, device_;
  const TrialAgent agent_;
  const Clock& clock_;
  const SettingsFolder folder_;
  log::Repeated refused_{"settings from the broker"};

  // Of the one thread.
  std::optional<SignedSettings> in_force_, failed_;
  std::string last_refused_;  // the text that the check refused last, and why
  Error last_refusal_;
  std::optional<BootTime> exercise_at_, trial_ends_;  // of a trial
  std::optional<BootTime> heard_;                     // the broker; absent: not connected
  bool in_doubt_ = false;                             // the trial has ended without a judgement
  bool doubt_said_ = false;

  mutable Mutex mutex_;
  TrialStatus status_ GUARDED_BY(mutex_);
  std::optional<BootTime> shown_end_ GUARDED_BY(mutex_);  // of the trial
};

// The layer that is in force in this site's folder, for load_settings(). Errors: of the files; permission,
// when it is not signed by a key that counts; config, when it is for others.
LayerSource remote_layer();

}  // namespace vigile
