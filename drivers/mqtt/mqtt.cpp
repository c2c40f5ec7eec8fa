// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt/mqtt.h"

#include <algorithm>
#include <array>
#include <utility>

#include "drivers/mqtt/mqtt_settings.h"

namespace vigile {

namespace mqtt_driver {

namespace {

using std::chrono::milliseconds;

constexpr std::array kMetrics = {
    MetricSpec{"mqtt_messages", "messages", "int", "1", "PUBLISH packets of this run"},
    MetricSpec{"mqtt_bytes", "bytes", "int", "bytes", "their payloads"},
    MetricSpec{"mqtt_refused", "refused", "int", "1",
               "messages and lines of this run that could not be taken"},
    MetricSpec{"mqtt_connected", "connected", "int", "1", "1: there is a session with the broker"},
};

constexpr milliseconds kQuiet{20};          // nothing for so long: that was all
constexpr std::size_t kMostPending = 1000;  // messages in one commit
constexpr std::size_t kMostPendingBytes = std::size_t{1} << 20;
constexpr std::size_t kLongestLevel = 256;
constexpr std::chrono::seconds kLongestPause{60};

struct Run {
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
  TextReport report;
};

class MqttDriver final : public Driver {
 public:
  MqttDriver(MqttSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {}
  ~MqttDriver() override {
    if (connection_) (void)connection_->send(encode_disconnect(), milliseconds(0));
  }

  Result<void> sample(const SampleContext& context, Output& out) override {
    Run run;
    const Result<void> done = work(context, out, run);
    if (!done) {
      if (connection_) pause();
      connection_.reset();
    }
    emit(run, out);
    if (context.stop.stop_requested()) return {};
    out.availability(connection_ != nullptr, std::nullopt, done ? "" : done.error().message);
    return done ? run.report.result() : done;
  }

 private:
  Result<void> work(const SampleContext& context, Output& out, Run& run) {
    if (!connection_) {
      if (clock_.boot() < next_try_) return last_error_;
      if (auto connected = connect(context, out, run); !connected) {
        connection_.reset();
        pause();
        last_error_ = connected.error();
        return connected;
      }
    }
    // Half the time: the rest is for what the log and the broker may take.
    const BootTime enough = context.started + (context.deadline - context.started) / 2;
    for (;;) {
      auto bytes = connection_->receive(kQuiet);
      if (!bytes) return remember(bytes.error());
      if (!bytes->empty()) {
        heard_ = clock_.boot();
        if (const auto taken = take(*bytes, out, run); !taken) return remember(taken.error());
      }
      const bool is_time = clock_.boot() >= enough || context.stop.stop_requested();
      const bool is_much = pending_.size() >= kMostPending || pending_bytes_ >= kMostPendingBytes;
      if (bytes->empty() || is_time || is_much) {
        const bool had_any = !pending_.empty();
        if (const auto done = acknowledge(out); !done) return remember(done.error());
        if (is_time || (bytes->empty() && !had_any)) break;
      }
    }
    return keep_alive();
  }

  Result<void> remember(Error error) {
    last_error_ = error;
    return error;
  }

  // The pause doubles until it has lasted.
  void pause() {
    const BootTime now = clock_.boot();
    if (now - connected_at_ > std::chrono::minutes(1)) failures_ = 0;
    next_try_ = now + std::min<std::chrono::nanoseconds>(kLongestPause,
                                                         std::chrono::seconds(1 << std::min(failures_, 6)));
    // The first pause is no longer than a run takes.
    if (failures_++ == 0) next_try_ = now;
  }

  milliseconds left(const SampleContext& context) const {
    const auto left = std::chrono::duration_cast<milliseconds>(context.deadline - clock_.boot());
    return std::clamp(left, milliseconds(1), settings_.timeout);
  }

  Error failed(const std::string& what) const {
    return Error{ErrorKind::unavailable, settings_.broker.shown + ": " + what};
  }

  Result<void> connect(const SampleContext& context, Output& out, Run& run) {
    reader_.emplace(settings_.max_message_bytes);
    pending_.clear();
    pending_bytes_ = 0;
    auto opened = Connection::open(settings_.broker, settings_.tls, left(context), context.stop);
    if (!opened) return opened.error();
    connection_ = std::move(*opened);
    connected_at_ = heard_ = sent_ = clock_.boot();
    asked_.reset();
    const Version version = settings_.connect.version;
    if (const auto sent = connection_->send(encode_connect(settings_.connect), left(context)); !sent)
      return sent;
    auto packet = await(PacketType::connack, context, out, run);
    if (!packet) return packet.error();
    const auto connack = decode_connack(version, packet->body);
    if (!connack) return failed(connack.error().message);
    if (connack->reason != 0) {
      return Error{ErrorKind::unavailable,
                   settings_.broker.shown +
                       ": refuses to connect: " + reason_text(version, PacketType::connack, connack->reason) +
                       (connack->explanation.empty() ? "" : ": " + shown_text(connack->explanation))};
    }
    keep_alive_ = std::chrono::seconds(connack->keep_alive_s.value_or(settings_.connect.keep_alive_s));
    std::vector<std::string> filters;
    for (const TopicPattern& topic : settings_.topics) filters.push_back(topic.filter);
    constexpr std::uint16_t kId = 1;
    if (const auto sent = connection_->send(encode_subscribe(version, kId, filters), left(context)); !sent)
      return sent;
    // Messages of the session may come before the answer.
    packet = await(PacketType::suback, context, out, run);
    if (!packet) return packet.error();
    const auto suback = decode_suback(version, packet->body);
    if (!suback) return failed(suback.error().message);
    for (std::size_t i = 0; i < filters.size(); ++i) {
      const std::uint8_t reason = i < suback->reasons.size() ? suback->reasons[i] : 0x80;
      if (reason < 0x80) continue;
      return failed("refuses the subscription to " + shown_text(filters[i]) + ": " +
                    reason_text(version, PacketType::suback, reason));
    }
    return {};
  }

  Result<Packet> await(PacketType type, const SampleContext& context, Output& out, Run& run) {
    const BootTime end = std::min(context.deadline, clock_.boot() + settings_.timeout);
    for (;;) {
      auto packet = reader_->next();
      if (!packet) return failed(packet.error().message);
      if (*packet && (*packet)->type == static_cast<std::uint8_t>(type)) return std::move(**packet);
      if (*packet) {
        if (const auto handled = handle(**packet, out, run); !handled) return handled.error();
        continue;
      }
      if (context.stop.stop_requested()) return failed("stopped");
      if (clock_.boot() >= end)
        return Error{ErrorKind::timeout,
                     settings_.broker.shown + ": does not answer, or not as a broker does"};
      const auto bytes = connection_->receive(kQuiet);
      if (!bytes) return bytes.error();
      reader_->feed(*bytes);
    }
  }

  Result<void> take(std::string_view bytes, Output& out, Run& run) {
    reader_->feed(bytes);
    for (;;) {
      const auto packet = reader_->next();
      if (!packet) return failed(packet.error().message);
      if (!*packet) return {};
      if (auto handled = handle(**packet, out, run); !handled) return handled;
    }
  }

  Result<void> handle(const Packet& packet, Output& out, Run& run) {
    const Version version = settings_.connect.version;
    switch (static_cast<PacketType>(packet.type)) {
      case PacketType::publish:
        return take_message(packet, out, run);
      case PacketType::pingresp:
        asked_.reset();
        return {};
      case PacketType::suback:
        return {};
      case PacketType::disconnect: {
        const std::uint8_t reason = packet.body.empty() ? 0 : static_cast<std::uint8_t>(packet.body[0]);
        return failed("ends the connection: " + reason_text(version, PacketType::disconnect, reason));
      }
      case PacketType::connack:
        break;
    }
    return failed("not MQTT: a packet of type " + std::to_string(packet.type) +
                  " that a broker does not send now");
  }

  Result<void> take_message(const Packet& packet, Output& out, Run& run) {
    const auto publish = decode_publish(settings_.connect.version, packet);
    if (!publish) return failed(publish.error().message);
    if (publish->qos > 1) return failed("sends a message of QoS 2 to a subscription of QoS 1");
    ++run.messages;
    run.bytes += static_cast<std::int64_t>(publish->payload.size());
    if (publish->qos == 1) {
      pending_.push_back(publish->id);
      pending_bytes_ += publish->payload.size();
    }
    if (packet.is_cut || publish->payload.size() > settings_.max_message_bytes) {
      run.report.refuse({ErrorKind::full, "topic " + shown_text(publish->topic) +
                                              ": a message of more than max_message, " +
                                              std::to_string(settings_.max_message_bytes) + " bytes"});
      return {};
    }
    for (const TopicPattern& pattern : settings_.topics) {
      const auto levels = match(pattern, publish->topic);
      if (!levels) continue;
      std::vector<Tag> tags;
      for (std::size_t i = 0; i < levels->size(); ++i) {
        if ((*levels)[i].size() > kLongestLevel) {
          run.report.refuse(
              {ErrorKind::parse, "topic " + shown_text(publish->topic) + ": a level of more than 256 bytes"});
          return {};
        }
        tags.push_back(Tag{pattern.tags[i].second, (*levels)[i]});
      }
      std::optional<std::int64_t> now_ns;
      if (clock_.wall_is_set()) now_ns = to_ns(clock_.wall());
      add_message(settings_.message, {publish->topic, tags, publish->payload}, now_ns, out, run.report);
      return {};
    }
    // Of a subscription that the session still has from earlier settings.
    return {};
  }

  // What came is in the log before the broker may forget it.
  Result<void> acknowledge(Output& out) {
    if (pending_.empty()) return {};
    if (const auto committed = out.commit(); !committed) return committed;
    std::string acks;
    for (const std::uint16_t id : pending_) acks += encode_puback(id);
    pending_.clear();
    pending_bytes_ = 0;
    sent_ = clock_.boot();
    return connection_->send(acks, settings_.timeout);
  }

  Result<void> keep_alive() {
    const BootTime now = clock_.boot();
    if (asked_ && heard_ > *asked_) asked_.reset();
    if (asked_ && now - *asked_ > settings_.timeout)
      return remember(Error{ErrorKind::timeout, settings_.broker.shown + ": does not answer a ping"});
    if (keep_alive_.count() == 0 || asked_ || now - std::min(sent_, heard_) < keep_alive_ / 2) return {};
    asked_ = sent_ = now;
    if (auto sent = connection_->send(encode_ping(), settings_.timeout); !sent) return remember(sent.error());
    return {};
  }

  void emit(const Run& run, Output& out) const {
    const std::array<Value, 4> values = {
        Value{kMetrics[0].name, kMetrics[0].field, run.messages},
        Value{kMetrics[1].name, kMetrics[1].field, run.bytes},
        Value{kMetrics[2].name, kMetrics[2].field, static_cast<std::int64_t>(run.report.refused)},
        Value{kMetrics[3].name, kMetrics[3].field, std::int64_t{connection_ ? 1 : 0}}};
    const Tag tag{"broker", settings_.broker.shown};
    out.add({.measurement = "mqtt", .tags = {&tag, 1}, .values = values});
  }

  const MqttSettings settings_;
  const Clock& clock_;
  std::unique_ptr<Connection> connection_;  // null: there is no session
  std::optional<PacketReader> reader_;
  std::vector<std::uint16_t> pending_;  // ids of messages that are not acknowledged
  std::size_t pending_bytes_ = 0;
  std::chrono::seconds keep_alive_{};
  BootTime connected_at_{}, heard_{}, sent_{}, next_try_{};
  std::optional<BootTime> asked_;  // a ping that has no answer yet
  int failures_ = 0;
  Error last_error_{ErrorKind::unavailable, "not connected"};
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
