// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/mqtt.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/logging.h"
#include "net/mqtt/client_id_watch.h"
#include "sinks/mqtt/broker_check.h"
#include "sinks/mqtt/client.h"
#include "sinks/mqtt/message_limit.h"
#include "sinks/mqtt/outcomes.h"
#include "sinks/mqtt/reachable.h"
#include "sinks/mqtt/resume.h"
#include "sinks/mqtt/settings.h"
#include "sinks/mqtt/split.h"
#include "sinks/mqtt/window.h"

namespace vigile {

namespace mqtt_sink {

namespace {

// What is lost with a connection is sent again from here on, and is in memory meanwhile.
constexpr std::uint64_t kBatchBytes = std::uint64_t{1} << 20;
// On their way at once. Twice this is in memory: the library's two copies.
constexpr std::uint64_t kWindowBytes = std::uint64_t{256} << 10;
// Below ClientIdWatch::kInUse, and above what a slow mobile network takes for an answer.
constexpr std::chrono::nanoseconds kKeepInUse = std::chrono::seconds(8);

class MqttSink final : public Sink {
 public:
  MqttSink(MqttSettings settings, const SinkEnvironment& environment)
      : settings_(std::move(settings)),
        clock_(environment.clock),
        mailbox_(environment.clock),
        message_limit_(settings_.max_message_bytes),
        others_(settings_.shown_url, settings_.client_id),
        status_trouble_("sink " + environment.name + ": status topic " + settings_.status_topic),
        idle_trouble_("sink " + environment.name) {}

  Outcome deliver(const Batch& batch, std::stop_token stop) override;
  SinkConflict conflict() override;
  std::uint64_t max_batch_bytes() const override { return kBatchBytes; }
  void close(std::chrono::nanoseconds limit) override;

 private:
  // Absent: connected, and the status is published.
  std::optional<Outcome> connect(std::stop_token stop);
  std::optional<Outcome> await_connack(std::stop_token stop);
  std::optional<Outcome> publish_online(std::stop_token stop);
  // Sends what `resume_` has not done. Absent: smaller messages are worth a try at once.
  std::optional<Outcome> send(const Batch& batch, std::stop_token stop);
  // Publishes until the window or the batch is full. False: the batch is all sent. Errors: of the client, of
  // the batch.
  Result<bool> fill(Splitter& splitter, Window& window);
  // The connection is gone: the client too. Absent: smaller messages are worth a try at once.
  std::optional<Outcome> lose(int reason, const Window& window);
  Outcome finish();
  void look_at_idle_time();

  BootTime heard(BootTime now) const;
  std::optional<Event> next_event(std::optional<BootTime> until, std::stop_token stop);
  StatusMessage status(std::string_view word, bool will) const;
  void drop();

  const MqttSettings settings_;
  const Clock& clock_;
  Mailbox mailbox_;
  std::unique_ptr<Client> client_;
  bool connected_ = false;
  bool unsettled_ = false;     // a stop left messages on their way: the client is not used for another batch
  bool acknowledged_ = false;  // anything, on this connection
  std::uint64_t generation_ = 0;
  std::uintptr_t last_number_ = 0;
  BrokerLimits limits_;
  // Learned from refusals at connecting.
  int status_qos_ = 1;
  bool status_retained_ = true;
  MessageLimit message_limit_;
  Resume resume_;
  ClientIdWatch others_;
  BootTime heard_;             // when something came from the broker last, pings excepted
  bool keeps_in_use_ = false;  // this connection has the short keep-alive
  log::Repeated status_trouble_;
  log::Repeated idle_trouble_;
};

Outcome stopped() {
  return Outcome{.kind = Outcome::Kind::retry_later, .message = "stopped while waiting for the broker"};
}

void MqttSink::drop() {
  others_.forget();
  client_.reset();
  mailbox_.clear();
  connected_ = false;
  unsettled_ = false;
  acknowledged_ = false;
}

// Paho does not report its pings. With a short keep-alive one was answered a moment ago.
BootTime MqttSink::heard(BootTime now) const {
  return keeps_in_use_ ? now : heard_;
}

std::optional<Event> MqttSink::next_event(std::optional<BootTime> until, std::stop_token stop) {
  while (auto event = mailbox_.take(until, stop)) {
    if (event->generation != generation_) continue;
    if (event->kind != Event::Kind::lost && event->kind != Event::Kind::ended) heard_ = event->at;
    return event;
  }
  return std::nullopt;
}

StatusMessage MqttSink::status(std::string_view word, bool will) const {
  nlohmann::ordered_json text;
  text["status"] = word;
  if (!will) {
    text["version"] = VIGILE_VERSION;
    text["time"] = nullptr;
    if (clock_.wall_is_set()) text["time"] = to_iso8601(clock_.wall());
  }
  return StatusMessage{.topic = settings_.status_topic,
                       .text = text.dump(),
                       .qos = std::min(status_qos_, will ? status_qos_ : limits_.qos),
                       .retained = status_retained_};
}

// What came while nobody was looking: a connection lost in idle time is made anew, and no failure.
void MqttSink::look_at_idle_time() {
  while (auto event = next_event(clock_.boot(), {})) {
    if (event->kind != Event::Kind::lost && event->kind != Event::Kind::ended) continue;
    connected_ = false;
    others_.ended(event->code, event->at, heard(event->at));
    if (event->kind == Event::Kind::ended)
      idle_trouble_.failed(connection_lost(settings_, event->code).message);
  }
}

SinkConflict MqttSink::conflict() {
  look_at_idle_time();
  return {.reason = others_.conflict(clock_.boot()), .count = others_.count()};
}

std::optional<Outcome> MqttSink::connect(std::stop_token stop) {
  look_at_idle_time();
  if (client_ && connected_ && !unsettled_) return std::nullopt;
  for (;;) {
    drop();
    if (auto files = check_files(settings_); !files) {
      return Outcome{.kind = Outcome::Kind::retry_later, .message = files.error().message};
    }
    auto route = find_route(settings_, {clock_, clock_.boot() + settings_.connect_timeout, stop});
    if (!route) {
      others_.unreachable();
      if (stop.stop_requested()) return stopped();
      return connect_failed(settings_, route.error().message);
    }
    keeps_in_use_ = others_.wants_traffic();
    const auto keep_alive = keeps_in_use_ ? std::min(settings_.keep_alive, kKeepInUse) : settings_.keep_alive;
    auto client = Client::connect(settings_, std::move(*route), keep_alive, status("offline", true),
                                  ++generation_, mailbox_);
    if (!client) return connect_failed(settings_, client.error().message);
    client_ = std::move(*client);
    auto failure = await_connack(stop);
    if (!failure) failure = publish_online(stop);
    if (!failure) return std::nullopt;
    if (!connected_) others_.unreachable();
    drop();
    if (!failure->message.empty()) return failure;
  }
}

// An empty message in the outcome: a will with less in it is worth a try at once.
std::optional<Outcome> MqttSink::await_connack(std::stop_token stop) {
  const auto event = next_event(clock_.boot() + settings_.connect_timeout, stop);
  if (!event) {
    if (stop.stop_requested()) return stopped();
    return connect_failed(settings_, "no answer within connect_timeout");
  }
  if (event->kind == Event::Kind::connected) {
    connected_ = true;
    others_.connected(event->at);
    limits_ = client_->limits();
    return std::nullopt;
  }
  if (event->code > 0) {
    const bool has_will = !settings_.status_topic.empty();
    if (event->code == 0x9a && has_will && status_retained_) {
      status_retained_ = false;
      return Outcome{};
    }
    if (event->code == 0x9b && has_will && status_qos_ > 0) {
      --status_qos_;
      return Outcome{};
    }
    return connect_refused(settings_, event->code);
  }
  return connect_failed(settings_,
                        why_unreachable(settings_.host, settings_.port, std::chrono::milliseconds(500)));
}

std::optional<Outcome> MqttSink::publish_online(std::stop_token stop) {
  if (settings_.status_topic.empty()) return std::nullopt;
  StatusMessage online = status("online", false);
  online.retained = online.retained && limits_.retain;
  const std::uintptr_t number = ++last_number_;
  if (auto published = client_->publish_status(number, online); !published) {
    return connect_failed(settings_, published.error().message);
  }
  const BootTime until = clock_.boot() + settings_.ack_timeout;
  while (auto event = next_event(until, stop)) {
    if (event->kind == Event::Kind::lost || event->kind == Event::Kind::ended) {
      if (event->code != 0) others_.ended(event->code, event->at, heard(event->at));
      return connection_lost(settings_, event->code);
    }
    if (event->message != number) continue;
    if (event->kind == Event::Kind::published) {
      status_trouble_.succeeded();
      return std::nullopt;
    }
    if (event->code == 0) return connection_lost(settings_, 0);
    // The points may well be allowed.
    status_trouble_.failed("refused, " + reason_text(event->code));
    return std::nullopt;
  }
  if (stop.stop_requested()) return stopped();
  return acknowledgement_missing(settings_);
}

Result<bool> MqttSink::fill(Splitter& splitter, Window& window) {
  // Fixed header, topic, packet identifier, no properties: MQTT 5 §3.3.
  const std::uint64_t overhead = 5 + 2 + settings_.topic.size() + 2 + 1;
  const std::uint64_t most_bytes = limits_.packet_bytes > overhead ? limits_.packet_bytes - overhead : 0;
  const int qos = std::min(settings_.qos, limits_.qos);
  const std::size_t room =
      qos == 0 ? settings_.window : std::min<std::size_t>(settings_.window, limits_.receive_maximum);
  while (window.count() < room && (window.count() == 0 || window.bytes() < kWindowBytes)) {
    auto message = splitter.next(message_limit_.bytes(), most_bytes);
    if (!message) return message.error();
    if (!*message) return false;
    Message& next = **message;
    Flight flight{
        .bytes = next.text.size(), .first_line = next.first_line, .lines = next.lines, .end = next.end};
    if (!next.refusal.empty()) {
      window.add_rejected(flight, {.number = next.first_line, .text = "", .reason = std::move(next.refusal)});
      continue;
    }
    flight.number = ++last_number_;
    window.add(flight);
    if (auto published = client_->publish(flight.number, std::move(next.text), qos); !published) {
      return published.error();
    }
  }
  return true;
}

std::optional<Outcome> MqttSink::lose(int reason, const Window& window) {
  // The broker's reason may be behind the loss that it caused.
  while (auto event = next_event(clock_.boot(), {})) {
    if (event->kind == Event::Kind::ended) reason = event->code;
  }
  const bool size_suspected = reason == 0x95 || (!acknowledged_ && window.count() > 0);
  // What may be about our messages says nothing of other clients.
  if (reason != 0 || !size_suspected) others_.ended(reason, clock_.boot(), heard(clock_.boot()));
  const bool shrunk = size_suspected && message_limit_.shrink(window.largest_bytes());
  drop();
  if (shrunk && reason == 0x95) return std::nullopt;
  return connection_lost(settings_, reason);
}

std::optional<Outcome> MqttSink::send(const Batch& batch, std::stop_token stop) {
  Splitter splitter(batch.payloads, resume_.done(), settings_.format);
  Window window(resume_);
  std::optional<Outcome> refusal;
  bool shrunk = false;
  bool more = true;
  BootTime progress = clock_.boot();
  for (;;) {
    if (more && !refusal && !shrunk) {
      const Result<bool> filled = fill(splitter, window);
      if (!filled && filled.error().kind == ErrorKind::corrupt) {
        unsettled_ = window.count() > 0;
        return Outcome{.kind = Outcome::Kind::malformed, .message = filled.error().message};
      }
      if (!filled) return lose(0, window);
      more = *filled;
    }
    if (window.count() == 0) {
      if (shrunk) return std::nullopt;
      if (refusal) return refusal;
      if (!more) return finish();
      continue;
    }
    const auto event = next_event(progress + settings_.ack_timeout, stop);
    if (!event && stop.stop_requested()) {
      unsettled_ = true;
      return stopped();
    }
    if (!event) {
      if (!acknowledged_) message_limit_.shrink(window.largest_bytes());
      drop();
      return acknowledgement_missing(settings_);
    }
    if (event->kind == Event::Kind::published) {
      if (window.find(event->message) == nullptr) continue;
      window.settle(event->message);
      message_limit_.acknowledged();
      acknowledged_ = true;
      progress = clock_.boot();
    } else if (event->kind == Event::Kind::refused && event->code > 0) {
      const Flight* const flight = window.find(event->message);
      if (flight == nullptr) continue;
      acknowledged_ = true;
      progress = clock_.boot();
      if (event->code == 0x95 && flight->lines == 1) {
        window.reject(event->message,
                      {.number = flight->first_line, .text = "", .reason = reason_text(event->code)});
        continue;
      }
      if (may_be_size(event->code) && flight->lines > 1 && !shrunk)
        shrunk = message_limit_.shrink(flight->bytes);
      if (!shrunk && !refusal) refusal = publish_refused(settings_, event->code);
      window.fail(event->message);
    } else {
      return lose(event->code, window);
    }
  }
}

Outcome MqttSink::finish() {
  Outcome outcome{.kind = Outcome::Kind::accepted, .message = ""};
  outcome.rejected = resume_.finish();
  outcome.rejected_count = outcome.rejected.size();
  if (!outcome.rejected.empty()) {
    outcome.kind = Outcome::Kind::partial;
    outcome.message = outcome.rejected.front().reason;
  }
  return outcome;
}

Outcome MqttSink::deliver(const Batch& batch, std::stop_token stop) {
  resume_.begin(batch.payloads);
  for (;;) {
    if (auto failure = connect(stop)) return *failure;
    if (auto outcome = send(batch, stop)) return *outcome;
  }
}

void MqttSink::close(std::chrono::nanoseconds limit) {
  while (auto event = next_event(clock_.boot(), {})) {
    if (event->kind == Event::Kind::lost || event->kind == Event::Kind::ended) connected_ = false;
  }
  if (!client_ || !connected_) return drop();
  const BootTime until = clock_.boot() + limit;
  if (!settings_.status_topic.empty()) {
    StatusMessage offline = status("offline", false);
    offline.retained = offline.retained && limits_.retain;
    const std::uintptr_t number = ++last_number_;
    if (client_->publish_status(number, offline)) {
      while (auto event = next_event(until, {})) {
        if (event->message == number || event->kind == Event::Kind::lost) break;
      }
    }
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock_.boot());
  if (left.count() > 0 && client_->disconnect(left)) {
    while (auto event = next_event(until, {})) {
      if (event->kind == Event::Kind::disconnected || event->kind == Event::Kind::lost) break;
    }
  }
  drop();
}

Result<std::unique_ptr<Sink>> make_mqtt_sink(const Options& options, const SinkEnvironment& environment) {
  Result<MqttSettings> settings = read_settings(options, environment);
  if (!settings) return settings.error();
  return std::unique_ptr<Sink>(std::make_unique<MqttSink>(std::move(*settings), environment));
}

}  // namespace

}  // namespace mqtt_sink

const SinkInfo kMqttSink = {.kind = "mqtt",
                            .summary = "Publishes lines to an MQTT broker (3.1.1 or 5).",
                            .options = mqtt_sink::option_table(),
                            .make = mqtt_sink::make_mqtt_sink,
                            .check = mqtt_sink::check_broker};

}  // namespace vigile
