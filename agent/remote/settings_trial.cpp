// SPDX-License-Identifier: Apache-2.0
#include "remote/settings_trial.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/units.h"

namespace vigile {

namespace {

constexpr std::chrono::seconds kLookInDoubt{10};
constexpr std::chrono::hours kLongestDoubt{24};

std::string name_of(const SignedSettings& settings) {
  return "serial " + std::to_string(settings.serial);
}

Error for_others(const SignedSettings& settings, const std::string& site, const std::string& device) {
  return Error{ErrorKind::config,
               name_of(settings) + " is for " + settings.recipients + "; this is " + site + "/" + device};
}

std::uint64_t serial_of(const std::optional<SignedSettings>& settings) {
  return settings ? settings->serial : 0;
}

// Between an eighth and half of the trial, of each device a moment of its own: a message for a whole fleet
// does not make it deliver all at once.
std::chrono::nanoseconds exercise_after(std::chrono::nanoseconds trial, const std::string& site,
                                        const std::string& device) {
  constexpr std::size_t kMoments = 1000;
  const std::size_t moment = std::hash<std::string>{}(site + "/" + device) % kMoments;
  return trial / 8 + trial * 3 / 8 / kMoments * moment;
}

}  // namespace

LayerSource remote_layer() {
  return [](const Settings& site) -> Result<std::optional<SettingsLayer>> {
    const RemoteSettings& remote = *site.remote;
    const auto held = SettingsFolder(remote.folder).in_force();
    if (!held) return held.error();
    if (!*held) return std::optional<SettingsLayer>();
    const auto keys = PublicKeys::read(remote.public_key);
    if (!keys) return keys.error();
    const auto settings = read_signed_settings((*held)->text, *keys);
    if (!settings)
      return Error{settings.error().kind, (*held)->file.string() + ": " + settings.error().message};
    if (!settings->is_for(site.site_id, site.device)) {
      Error error = for_others(*settings, site.site_id, site.device);
      error.message.insert(0, (*held)->file.string() + ": ");
      return error;
    }
    return std::optional(SettingsLayer{(*held)->file.string(), settings->text});
  };
}

SettingsTrial::SettingsTrial(const Settings& site, TrialAgent agent, const Clock& clock)
    : settings_(*site.remote),
      site_id_(site.site_id),
      device_(site.device),
      agent_(std::move(agent)),
      clock_(clock),
      folder_(settings_.folder) {}

Result<std::unique_ptr<SettingsTrial>> SettingsTrial::open(const Settings& site, TrialAgent agent,
                                                           const Clock& clock) {
  std::unique_ptr<SettingsTrial> trial(new SettingsTrial(site, std::move(agent), clock));
  if (const auto read = trial->read_folder(); !read) return read.error();
  return trial;
}

Result<void> SettingsTrial::read_folder() {
  const auto keys = PublicKeys::read(settings_.public_key);
  if (!keys) return keys.error();
  const auto held = folder_.in_force();
  if (!held) return held.error();
  const auto failed = folder_.failed();
  if (!failed) return failed.error();
  in_force_.reset();
  failed_.reset();
  // What does not verify is not in force either, whoever put it there.
  if (*held) {
    if (auto read = read_signed_settings((*held)->text, *keys)) in_force_ = std::move(*read);
  }
  if (*failed) {
    if (auto read = read_signed_settings((*failed)->text, *keys)) failed_ = std::move(*read);
  }
  if (in_force_ && (*held)->on_trial && !trial_ends_) begin();
  const MutexLock lock(mutex_);
  shown_end_ = trial_ends_;
  status_.serial = serial_of(in_force_);
  const bool is_newer = serial_of(failed_) > serial_of(in_force_);
  status_.failed_serial = is_newer ? serial_of(failed_) : 0;
  status_.failed_why = is_newer ? folder_.failed_why() : "";
  return {};
}

void SettingsTrial::begin() {
  const BootTime now = clock_.boot();
  exercise_at_ = now + exercise_after(settings_.trial, site_id_, device_);
  trial_ends_ = now + settings_.trial;
  in_doubt_ = doubt_said_ = false;
}

void SettingsTrial::offer(std::string_view message) {
  // A retained message that was deleted.
  if (message.empty()) return;
  if (const auto accepted = accept(message); !accepted) return refuse(accepted.error().message);
  refused_.succeeded();
  const MutexLock lock(mutex_);
  status_.refused.clear();
}

void SettingsTrial::refuse(const std::string& why) {
  refused_.failed("refused: " + why);
  const MutexLock lock(mutex_);
  status_.refused = why;
}

Result<void> SettingsTrial::check(const SignedSettings& offered) {
  if (offered.text == last_refused_) return last_refusal_;
  if (auto kept = folder_.offer(offered.text); !kept) return kept;
  const std::string wrong = agent_.check({name_of(offered), offered.text});
  if (wrong.empty()) return {};
  last_refused_ = offered.text;
  last_refusal_ = Error{ErrorKind::config, wrong};
  if (auto withdrawn = folder_.withdraw(); !withdrawn) return withdrawn;
  return last_refusal_;
}

Result<void> SettingsTrial::accept(std::string_view message) {
  const auto keys = PublicKeys::read(settings_.public_key);
  if (!keys) return keys.error();
  auto offered = read_signed_settings(message, *keys);
  if (!offered) return offered.error();
  if (!offered->is_for(site_id_, device_)) return for_others(*offered, site_id_, device_);
  // The broker hands a retained message over at every connection.
  for (const auto* const known : {&in_force_, &failed_}) {
    if (*known && (*known)->text == offered->text) return {};
  }
  const std::uint64_t last = std::max(serial_of(in_force_), serial_of(failed_));
  if (offered->serial <= last) {
    return Error{ErrorKind::config,
                 name_of(*offered) + " is not above " + std::to_string(last) + ", which was here already"};
  }
  if (auto checked = check(*offered); !checked) return checked;
  if (!trial_ends_) agent_.remember_failures();
  if (auto begun = folder_.begin_trial(); !begun) {
    (void)folder_.withdraw();
    return begun;
  }
  in_force_ = std::move(*offered);
  log::notice("settings from the broker: " + name_of(*in_force_) + " is on trial for " +
              format_duration(settings_.trial));
  begin();
  if (const std::string refused = agent_.reload(); !refused.empty()) take_back(refused);
  return read_folder();
}

std::optional<BootTime> SettingsTrial::step() {
  if (!trial_ends_) return std::nullopt;
  const BootTime now = clock_.boot();
  if (exercise_at_ && now >= *exercise_at_) {
    exercise_at_.reset();
    agent_.exercise();
  }
  if (now >= *trial_ends_) end();
  if (in_doubt_) return now + kLookInDoubt;
  return exercise_at_ ? exercise_at_ : trial_ends_;
}

void SettingsTrial::broker_heard() {
  const BootTime now = clock_.boot();
  if (in_doubt_ && !heard_) {
    begin();
    const MutexLock lock(mutex_);
    shown_end_ = trial_ends_;
  }
  heard_ = now;
}

bool SettingsTrial::is_in_doubt(const Ailment& ailment) {
  const bool broker_is_there = heard_ && *heard_ >= *trial_ends_;
  const bool too_long = clock_.boot() - *trial_ends_ > kLongestDoubt;
  if (!ailment.may_be_network || broker_is_there || too_long) return false;
  if (!heard_ && !std::exchange(doubt_said_, true)) {
    log::warning("settings from the broker: " + name_of(*in_force_) +
                 " stays on trial until the broker is back: " + ailment.why);
  }
  return true;
}

void SettingsTrial::end() {
  const std::optional<Ailment> ailment = agent_.ailing();
  in_doubt_ = ailment && is_in_doubt(*ailment);
  if (in_doubt_) return;
  if (ailment) {
    take_back(ailment->why);
  } else if (const auto kept = folder_.confirm(); !kept) {
    // They are in force, only not for longer than this process: tried again until that is written down.
    refused_.failed("cannot be kept: " + kept.error().message);
    trial_ends_ = clock_.boot() + std::chrono::minutes(1);
    return;
  } else {
    trial_ends_.reset();
    refused_.succeeded();
    log::notice("settings from the broker: " + name_of(*in_force_) + " stays: the agent is healthy with it");
  }
  if (const auto read = read_folder(); !read) refused_.failed(read.error().message);
}

void SettingsTrial::take_back(const std::string& why) {
  exercise_at_.reset();
  trial_ends_.reset();
  log::error("settings from the broker: " + name_of(*in_force_) + " is taken back: " + why);
  if (const auto back = folder_.take_back(why); !back)
    log::error("settings from the broker: " + back.error().message);
  if (const std::string refused = agent_.reload(); !refused.empty())
    log::error("settings from the broker: those before cannot be taken over: " + refused);
}

TrialStatus SettingsTrial::status() const {
  const MutexLock lock(mutex_);
  TrialStatus status = status_;
  status.on_trial = shown_end_.has_value();
  if (shown_end_) {
    status.trial_left =
        std::max<std::chrono::nanoseconds>(*shown_end_ - clock_.boot(), std::chrono::seconds(0));
  }
  return status;
}

}  // namespace vigile
