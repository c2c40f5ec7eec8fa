// SPDX-License-Identifier: Apache-2.0
#include "remote/settings_receiver.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "core/backoff.h"
#include "core/wakeup.h"

namespace vigile {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{60'000};

Result<mqtt_session::SessionSettings> session_settings(const RemoteSettings& remote) {
  mqtt_session::SessionSettings session;
  auto broker = mqtt_session::parse_broker_address(remote.url);
  if (!broker) return broker.error();
  session.broker = std::move(*broker);
  session.tls = {remote.ca_file, remote.cert_file, remote.key_file, remote.insecure};
  session.filters = {remote.topic};
  session.max_message_bytes = kLargestSignedSettings;
  session.timeout = std::chrono::ceil<milliseconds>(remote.timeout);
  mqtt_session::ConnectRequest& connect = session.connect;
  connect.version = remote.is_version_5 ? mqtt_session::Version::v5 : mqtt_session::Version::v3_1_1;
  connect.client_id = remote.client_id;
  if (!remote.user.empty()) connect.user = remote.user;
  if (!remote.password.empty()) connect.password = remote.password;
  connect.keep_alive_s =
      static_cast<std::uint16_t>(std::chrono::ceil<std::chrono::seconds>(remote.keep_alive).count());
  connect.receive_maximum = 1;
  return session;
}

}  // namespace

Result<void> check_receiver(const Settings& site) {
  if (!signatures_missing().empty()) return Error{ErrorKind::config, std::string(signatures_missing())};
  if (const auto session = session_settings(*site.remote); !session) return session.error();
  if (const auto keys = PublicKeys::read(site.remote->public_key); !keys)
    return Error{ErrorKind::config, "public_key: " + keys.error().message};
  return {};
}

SettingsReceiver::SettingsReceiver(mqtt_session::SessionSettings session,
                                   std::unique_ptr<SettingsTrial> trial, const Clock& clock)
    : session_(std::move(session)),
      trial_(std::move(trial)),
      clock_(clock),
      others_(session_.broker.shown, session_.connect.client_id) {}

Result<std::unique_ptr<SettingsReceiver>> SettingsReceiver::make(const Settings& site, TrialAgent agent,
                                                                 const Clock& clock) {
  auto session = session_settings(*site.remote);
  if (!session) return session.error();
  auto trial = SettingsTrial::open(site, std::move(agent), clock);
  if (!trial) return trial.error();
  return std::unique_ptr<SettingsReceiver>(
      new SettingsReceiver(std::move(*session), std::move(*trial), clock));
}

void SettingsReceiver::run(std::stop_token stop) {
  Backoff backoff(std::random_device{}());
  log::Repeated failure("settings from the broker");
  Wakeup wakeup;
  while (!stop.stop_requested()) {
    const Result<void> served = serve(stop, [&] {
      backoff.succeeded(clock_.boot());
      if (look_for_others().empty()) failure.succeeded();
    });
    if (stop.stop_requested()) return;
    const std::string why = served ? "the connection has ended" : served.error().message;
    const std::string conflict = look_for_others();
    failure.failed("cannot arrive: " + (conflict.empty() ? why : "conflict: " + conflict));
    set_state(false, why);
    trial_->broker_lost();
    const BootTime retry = clock_.boot() + backoff.failed();
    while (!stop.stop_requested() && clock_.boot() < retry)
      wakeup.wait_until(clock_, std::min(retry, trial_->step().value_or(retry)), stop);
  }
}

Result<void> SettingsReceiver::serve(std::stop_token stop, const std::function<void()>& on_progress) {
  std::vector<std::optional<std::string>> arrived;  // absent: too long
  std::vector<std::uint16_t> ids;
  const auto on_message = [&](const mqtt_session::Session::Message& message) {
    if (message.id) ids.push_back(*message.id);
    if (message.topic != session_.filters[0]) return;  // of former settings under this name
    arrived.push_back(message.is_cut ? std::nullopt : std::optional(std::string(message.payload)));
  };
  const auto opened =
      mqtt_session::Session::open(session_, clock_, clock_.boot() + session_.timeout, stop, on_message);
  if (!opened) {
    others_.unreachable();
    return opened.error();
  }
  mqtt_session::Session& session = **opened;
  others_.connected(clock_.boot());
  const std::stop_callback wake(stop, [&] { session.interrupt(); });
  set_state(true, "");
  trial_->broker_heard();
  while (!stop.stop_requested()) {
    on_progress();
    if (!ids.empty()) {
      if (auto acknowledged = session.acknowledge(ids); !acknowledged) return acknowledged;
      ids.clear();
    }
    for (const auto& message : std::exchange(arrived, {})) {
      message ? trial_->offer(*message) : trial_->refuse("a message of more than 1 MiB");
    }
    const auto trial_due = trial_->step();
    if (trial_->wants_sign_of_life()) {
      if (auto asked = session.ask(); !asked) return asked;
    }
    if (auto alive = session.keep_alive(); !alive) return alive;
    const BootTime now = clock_.boot();
    BootTime next = now + kLongestWait;
    if (others_.wants_traffic()) {
      next = session.heard() + ClientIdWatch::kAskAfter;
      if (next <= now) {
        if (auto asked = session.ask(); !asked) return asked;
        next = now + ClientIdWatch::kAskAfter;
      }
    }
    for (const auto due : {trial_due, session.ping_due()}) next = std::min(next, due.value_or(next));
    const auto received =
        session.receive(std::max(milliseconds(0), std::chrono::ceil<milliseconds>(next - now)));
    if (!received) {
      if (const auto reason = session.ended_by_broker())
        others_.ended(*reason, clock_.boot(), session.heard());
      return received.error();
    }
    if (*received) trial_->broker_heard();
  }
  return {};
}

std::string SettingsReceiver::look_for_others() {
  std::string conflict = others_.conflict(clock_.boot());
  const MutexLock lock(mutex_);
  conflict_ = conflict;
  conflicts_ = others_.count();
  return conflict;
}

void SettingsReceiver::set_state(bool connected, std::string reason) {
  const MutexLock lock(mutex_);
  connected_ = connected;
  reason_ = std::move(reason);
}

ReceiverStatus SettingsReceiver::status() const {
  ReceiverStatus status;
  status.broker = session_.broker.shown;
  status.topic = session_.filters[0];
  status.trial = trial_->status();
  const MutexLock lock(mutex_);
  status.connected = connected_;
  status.reason = reason_;
  status.conflict = conflict_;
  status.conflicts = conflicts_;
  return status;
}

}  // namespace vigile
