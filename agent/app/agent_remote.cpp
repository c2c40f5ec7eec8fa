// SPDX-License-Identifier: Apache-2.0
// Settings that arrive by a broker: what their trial asks of the agent.
#include "app/agent.h"
#include "app/assembly.h"
#include "core/logging.h"
#include "settings/change.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

const std::string kSink = "sink ";  // in the name of an ailment

std::string joined(const std::vector<std::string>& messages) {
  constexpr std::size_t kMost = 5;
  std::string text;
  for (std::size_t i = 0; i < messages.size() && i < kMost; ++i) text += (i > 0 ? "; " : "") + messages[i];
  if (messages.size() > kMost) text += "; and " + std::to_string(messages.size() - kMost) + " more";
  return text;
}

}  // namespace

void Agent::start_receiver() {
  receiver_thread_.reset();  // joins
  // For a trial that goes on: by now nothing has failed.
  trial_began_ = clock_.wall();
  ailments_before_.clear();
  settings_before_.reset();
  const Settings settings = current_settings();
  SettingsReceiver* running = nullptr;
  {
    const MutexLock lock(receiver_mutex_);
    receiver_.reset();
    if (!settings.remote) return;
    auto receiver = SettingsReceiver::make(settings, trial_agent(), clock_);
    if (!receiver) {
      log::error("settings from the broker: " + receiver.error().message + "; none arrive before a restart");
      return;
    }
    receiver_ = std::move(*receiver);
    running = receiver_.get();
  }
  receiver_thread_ = std::make_unique<ThreadGroup>();
  receiver_thread_->start([running](std::stop_token stop) { running->run(stop); });
}

TrialAgent Agent::trial_agent() {
  TrialAgent agent;
  agent.check = [this](const SettingsLayer& layer) {
    std::vector<std::string> messages;
    (void)prepare(source_.load_with([&](const Settings&) { return std::optional(layer); }), messages);
    return joined(messages);
  };
  agent.remember_failures = [this] {
    trial_began_ = clock_.wall();
    settings_before_ = current_settings();
    ailments_before_ = ailments(std::nullopt);
  };
  agent.reload = [this] {
    const ReloadReport report = reload();
    return report.accepted ? "" : joined(report.messages);
  };
  agent.exercise = [this] { (void)flush(); };  // what comes of it, ailing() sees
  agent.ailing = [this]() -> std::optional<Ailment> {
    std::optional<Ailment> worst;
    const std::set<std::string> not_theirs = sinks_left_as_they_were();
    for (auto& [what, ailment] : ailments(trial_began_)) {
      if (ailments_before_.contains(what) || not_theirs.contains(what)) continue;
      if (!worst || (worst->may_be_network && !ailment.may_be_network)) worst = std::move(ailment);
    }
    return worst;
  };
  return agent;
}

std::set<std::string> Agent::sinks_left_as_they_were() const {
  std::set<std::string> names;
  if (!settings_before_) return names;
  const Settings now = current_settings();
  const NameChanges changes = compare(*settings_before_, now).sinks;
  for (const std::string& name : sink_names(now)) names.insert(kSink + name);
  for (const auto* const theirs : {&changes.added, &changes.changed}) {
    for (const std::string& name : *theirs) names.erase(kSink + name);
  }
  return names;
}

std::map<std::string, Ailment> Agent::ailments(std::optional<WallTime> since) {
  std::map<std::string, Ailment> all;
  if (const auto why = stalled()) all["loops"] = {*why};
  if (const auto why = scheduler_->held_up()) all["sampling"] = {"sampling: " + *why};
  if (const std::string why = committer_->status().last_error; !why.empty())
    all["log"] = {"readings cannot be committed: " + why};
  // Before the clock is set nothing is sent.
  const bool may_deliver = timeline_.now().clock == ClockState::set;
  for (const SinkView& sink : sink_views(log_->status())) {
    const bool fails = sink.state == "paused" || sink.state == "retrying" || sink.state == "conflict";
    const bool owes =
        since && may_deliver && sink.lag_points > 0 && sink.last_acknowledged.value_or(WallTime{}) < *since;
    if (fails || owes) {
      all[kSink + sink.name] = {"sink " + sink.name + " does not deliver, it is " + sink.state +
                                    (sink.reason.empty() ? "" : ": " + sink.reason),
                                sink.state != "paused"};
    }
  }
  return all;
}

std::optional<RemoteSettingsView> Agent::remote_view() {
  const MutexLock lock(receiver_mutex_);
  if (!receiver_) return std::nullopt;
  const ReceiverStatus status = receiver_->status();
  RemoteSettingsView view;
  view.broker = status.broker;
  view.topic = status.topic;
  view.connected = status.connected;
  view.reason = status.reason;
  view.conflict = status.conflict;
  view.conflicts = status.conflicts;
  view.serial = status.trial.serial;
  if (status.trial.on_trial) view.trial_left = status.trial.trial_left;
  view.failed_serial = status.trial.failed_serial;
  view.failed_reason = status.trial.failed_why;
  view.refused = status.trial.refused;
  return view;
}

}  // namespace vigile
