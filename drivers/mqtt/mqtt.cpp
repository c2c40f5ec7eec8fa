// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt/mqtt.h"

#include <algorithm>
#include <array>
#include <utility>

#include "drivers/mqtt/mqtt_settings.h"
#include "net/mqtt/client_id_watch.h"

namespace vigile {

namespace mqtt_driver {

namespace {

using mqtt_session::Session;
using std::chrono::milliseconds;

constexpr std::array kMetrics = {
    MetricSpec{"mqtt_messages", "messages", "int", "1", "PUBLISH packets of this run"},
    MetricSpec{"mqtt_bytes", "bytes", "int", "bytes", "their payloads"},
    MetricSpec{"mqtt_refused", "refused", "int", "1",
               "messages and lines of this run that could not be taken"},
    MetricSpec{"mqtt_connected", "connected", "int", "1", "1: there is a session with the broker"},
    MetricSpec{"mqtt_conflicts", "conflicts", "int", "1",
               "sessions that another client of the same client_id took over, since the start"},
    MetricSpec{"mqtt_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};

constexpr milliseconds kQuiet{20};          // nothing for so long: that was all
constexpr std::size_t kMostPending = 1000;  // messages in one commit
constexpr std::size_t kMostPendingBytes = std::size_t{1} << 20;
constexpr std::size_t kLongestLevel = 256;
constexpr std::chrono::seconds kLongestPause{60};

struct Run {
  Output* out;
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
  MessageReport report;
};

class MqttDriver final : public Driver {
 public:
  MqttDriver(MqttSettings settings, const Clock& clock)
      : settings_(std::move(settings)),
        clock_(clock),
        others_(settings_.session.broker.shown, settings_.session.connect.client_id) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    Run run{&out};
    run_ = &run;
    Result<void> done = work(context, out);
    run_ = nullptr;
    if (!done) {
      last_error_ = done.error();
      if (session_) lose();
    }
    if (const std::string conflict = others_.conflict(clock_.boot()); !conflict.empty())
      done = Error{ErrorKind::conflict, conflict};
    emit(run, out);
    if (context.stop.stop_requested()) return {};
    out.availability(session_ != nullptr, std::nullopt, session_ || done ? "" : done.error().message);
    return done ? run.report.result() : done;
  }

 private:
  Result<void> work(const SampleContext& context, Output& out) {
    if (!session_) {
      if (clock_.boot() < next_try_) return last_error_;
      pending_.clear();
      pending_bytes_ = 0;
      auto opened = Session::open(settings_.session, clock_, context.deadline, context.stop,
                                  [this](const Session::Message& message) { take(message); });
      if (!opened) {
        others_.unreachable();
        pause();
        return opened.error();
      }
      session_ = std::move(*opened);
      opened_at_ = clock_.boot();
      others_.connected(opened_at_);
    }
    // Half the time: the rest is for what the log and the broker may take.
    const BootTime enough = context.started + (context.deadline - context.started) / 2;
    for (;;) {
      const auto came = session_->receive(kQuiet);
      if (!came) return came.error();
      const bool is_time = clock_.boot() >= enough || context.stop.stop_requested();
      const bool is_much = pending_.size() >= kMostPending || pending_bytes_ >= kMostPendingBytes;
      if (!*came || is_time || is_much) {
        const bool had_any = !pending_.empty();
        if (auto done = acknowledge(out); !done) return done;
        if (is_time || (!*came && !had_any)) break;
      }
    }
    if (others_.wants_traffic() && clock_.boot() - session_->heard() >= ClientIdWatch::kAskAfter) {
      if (auto asked = session_->ask(); !asked) return asked;
    }
    return session_->keep_alive();
  }

  void lose() {
    pause();
    if (const auto reason = session_->ended_by_broker()) {
      others_.ended(*reason, clock_.boot(), session_->heard());
    } else {
      others_.forget();
    }
    session_.reset();
  }

  // The pause doubles until a session has lasted.
  void pause() {
    const BootTime now = clock_.boot();
    if (session_ && now - opened_at_ > std::chrono::minutes(1)) failures_ = 0;
    // The first pause is no longer than a run takes.
    const auto pause = failures_ == 0 ? std::chrono::seconds(0) : std::chrono::seconds(1 << failures_);
    next_try_ = now + std::min(kLongestPause, pause);
    failures_ = std::min(failures_ + 1, 6);
  }

  void take(const Session::Message& message) {
    Run& run = *run_;
    ++run.messages;
    run.bytes += static_cast<std::int64_t>(message.payload.size());
    if (message.id) {
      pending_.push_back(*message.id);
      pending_bytes_ += message.payload.size();
    }
    if (message.is_cut) {
      run.report.refuse(
          {ErrorKind::full, "topic " + shown_text(message.topic) + ": a message of more than max_message, " +
                                std::to_string(settings_.session.max_message_bytes) + " bytes"});
      return;
    }
    for (const TopicPattern& pattern : settings_.topics) {
      const auto levels = match(pattern, message.topic);
      if (!levels) continue;
      std::vector<Tag> tags;
      for (std::size_t i = 0; i < levels->size(); ++i) {
        if ((*levels)[i].size() > kLongestLevel) {
          run.report.refuse(
              {ErrorKind::parse, "topic " + shown_text(message.topic) + ": a level of more than 256 bytes"});
          return;
        }
        tags.push_back(Tag{pattern.tags[i].second, (*levels)[i]});
      }
      std::optional<std::int64_t> now_ns;
      if (clock_.wall_is_set()) now_ns = to_ns(clock_.wall());
      add_message(settings_.message, {message.topic, tags, message.payload}, now_ns, *run.out, run.report);
      return;
    }
  }

  // What came is in the log before the broker may forget it.
  Result<void> acknowledge(Output& out) {
    if (pending_.empty()) return {};
    if (const auto committed = out.commit(); !committed) return committed;
    const std::vector<std::uint16_t> ids = std::move(pending_);
    pending_.clear();
    pending_bytes_ = 0;
    return session_->acknowledge(ids);
  }

  void emit(const Run& run, Output& out) {
    std::vector<Value> values = {
        Value{kMetrics[0].name, kMetrics[0].field, run.messages},
        Value{kMetrics[1].name, kMetrics[1].field, run.bytes},
        Value{kMetrics[2].name, kMetrics[2].field, static_cast<std::int64_t>(run.report.refused)},
        Value{kMetrics[3].name, kMetrics[3].field, std::int64_t{session_ ? 1 : 0}},
        Value{kMetrics[4].name, kMetrics[4].field, static_cast<std::int64_t>(others_.count())}};
    for (std::uint64_t i = 0; i < run.report.left_out; ++i) left_out_.add();
    if (const auto left_out = left_out_.end_run())
      values.push_back({kMetrics[5].name, kMetrics[5].field, *left_out});
    const Tag tag{"broker", settings_.session.broker.shown};
    out.add({.measurement = "mqtt", .tags = {&tag, 1}, .values = values});
  }

  const MqttSettings settings_;
  const Clock& clock_;
  Run* run_ = nullptr;                  // the one that goes on
  std::vector<std::uint16_t> pending_;  // ids of messages that are not acknowledged
  std::size_t pending_bytes_ = 0;
  BootTime opened_at_{}, next_try_{};
  int failures_ = 0;
  ClientIdWatch others_;
  LeftOut left_out_;
  Error last_error_{ErrorKind::unavailable, "not connected"};
  std::unique_ptr<Session> session_;  // null: there is none
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  auto settings = read_settings(options);
  if (!settings) return settings.error();
  return std::unique_ptr<Driver>(std::make_unique<MqttDriver>(std::move(*settings), environment.clock));
}

}  // namespace

}  // namespace mqtt_driver

const DriverInfo kMqttDriver = {
    .name = "mqtt",
    .summary = "Readings that others publish at an MQTT broker; acknowledged when they are in the log.",
    .options = mqtt_driver::option_table(),
    .metrics = mqtt_driver::kMetrics,
    .named_metrics =
        "With `json` each entry of `values` is one, with `value` the option `metric`; lines have theirs.",
    .may_block = true,
    .decides_availability = true,
    .make = mqtt_driver::make};

}  // namespace vigile
