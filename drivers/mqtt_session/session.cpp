// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt_session/session.h"

#include <algorithm>
#include <utility>

#include "drivers/line_text/line_text.h"

namespace vigile::mqtt_session {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSlice{20};

}  // namespace

Session::Session(const SessionSettings& settings, const Clock& clock, std::unique_ptr<Connection> connection,
                 OnMessage on_message)
    : settings_(settings),
      clock_(clock),
      on_message_(std::move(on_message)),
      connection_(std::move(connection)),
      reader_(settings.max_message_bytes),
      subscriptions_(settings.filters),
      heard_(clock.boot()),
      sent_(heard_) {}

Session::~Session() {
  (void)connection_->send(encode_disconnect(), milliseconds(0));
}

Error Session::failed(const std::string& what) const {
  return Error{ErrorKind::unavailable, settings_.broker.shown + ": " + what};
}

milliseconds Session::left(BootTime deadline) const {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock_.boot());
  return std::clamp(left, milliseconds(1), settings_.timeout);
}

Result<std::unique_ptr<Session>> Session::open(const SessionSettings& settings, const Clock& clock,
                                               BootTime deadline, std::stop_token stop,
                                               OnMessage on_message) {
  const BootTime until = std::min(deadline, clock.boot() + settings.timeout);
  auto connection = Connection::open(settings.broker, settings.tls, {clock, until, stop});
  if (!connection) return connection.error();
  std::unique_ptr<Session> session(
      new Session(settings, clock, std::move(*connection), std::move(on_message)));
  if (const auto greeted = session->greet(deadline, stop); !greeted) return greeted.error();
  return session;
}

Result<void> Session::greet(BootTime deadline, const std::stop_token& stop) {
  const Version version = settings_.connect.version;
  if (auto sent = connection_->send(encode_connect(settings_.connect), left(deadline)); !sent) return sent;
  auto packet = await(PacketType::connack, deadline, stop);
  if (!packet && connection_->is_closed() && version == Version::v5)
    return failed(
        "closes the connection without an answer; if it does not speak version 5, set version: 3.1.1");
  if (!packet) return packet.error();
  const auto connack = decode_connack(version, packet->body);
  if (!connack) return failed(connack.error().message);
  if (connack->reason != 0) {
    return failed("refuses to connect: " + reason_text(version, PacketType::connack, connack->reason) +
                  (connack->explanation.empty() ? "" : ": " + shown_text(connack->explanation)));
  }
  keep_alive_ = std::chrono::seconds(connack->keep_alive_s.value_or(settings_.connect.keep_alive_s));
  subscriptions_.begin(connack->is_session_present, connack->takes_identifiers);
  return subscribe(deadline, stop);
}

Result<void> Session::subscribe(BootTime deadline, const std::stop_token& stop) {
  const Version version = settings_.connect.version;
  const auto& wanted = subscriptions_.list();
  std::string packets;
  for (const Subscription& one : wanted) packets += encode_subscribe(version, ++last_id_, one);
  if (auto sent = connection_->send(packets, left(deadline)); !sent) return sent;
  for (std::size_t answers = 0; answers < wanted.size(); ++answers) {
    const auto packet = await(PacketType::suback, deadline, stop);
    if (!packet) return packet.error();
    const auto suback = decode_suback(version, packet->body);
    if (!suback) return failed(suback.error().message);
    if (suback->id == 0 || suback->id > wanted.size()) return failed("answers what was not subscribed");
    const std::uint8_t reason = suback->reasons.front();
    if (reason < 0x80) continue;
    return failed("refuses the subscription to " + shown_text(wanted[suback->id - 1].filter) + ": " +
                  reason_text(version, PacketType::suback, reason));
  }
  return {};
}

Result<Packet> Session::await(PacketType type, BootTime deadline, const std::stop_token& stop) {
  const BootTime end = std::min(deadline, clock_.boot() + settings_.timeout);
  for (;;) {
    auto packet = reader_.next();
    if (!packet) return failed(packet.error().message);
    if (*packet && (*packet)->type == static_cast<std::uint8_t>(type)) return std::move(**packet);
    if (*packet) {
      if (const auto handled = handle(**packet); !handled) return handled.error();
      continue;
    }
    if (stop.stop_requested()) return failed("stopped");
    if (clock_.boot() >= end)
      return Error{ErrorKind::timeout, settings_.broker.shown + ": does not answer, or not as a broker does"};
    const auto bytes = connection_->receive(kSlice);
    if (!bytes) return bytes.error();
    if (!bytes->empty()) heard_ = clock_.boot();
    reader_.feed(*bytes);
  }
}

Result<bool> Session::receive(milliseconds limit) {
  // What came together with the broker's answers waits in the reader, where no poll() sees it.
  if (std::exchange(has_unhandled_, false)) {
    if (const auto handled = handle_all(); !handled) return handled.error();
    return true;
  }
  const auto bytes = connection_->receive(limit);
  if (!bytes) return bytes.error();
  if (bytes->empty()) return false;
  heard_ = clock_.boot();
  reader_.feed(*bytes);
  if (const auto handled = handle_all(); !handled) return handled.error();
  return true;
}

Result<void> Session::handle_all() {
  for (;;) {
    const auto packet = reader_.next();
    if (!packet) return failed(packet.error().message);
    if (!*packet) return {};
    if (const auto handled = handle(**packet); !handled) return handled.error();
  }
}

Result<void> Session::take(const Packet& packet) {
  const Version version = settings_.connect.version;
  const auto publish = decode_publish(version, packet);
  if (!publish) return failed(publish.error().message);
  if (publish->qos > 1) return failed("sends a message of QoS 2 to a subscription of QoS 1");
  const Subscriptions::Verdict verdict = subscriptions_.judge(*publish);
  if (!verdict.unsubscribe.empty()) {
    if (auto sent = connection_->send(encode_unsubscribe(version, ++last_id_, verdict.unsubscribe),
                                      settings_.timeout);
        !sent)
      return sent;
  }
  std::optional<std::uint16_t> id;
  if (publish->qos == 1) id = publish->id;
  if (!verdict.is_taken) return id ? acknowledge({&*id, 1}) : Result<void>();
  on_message_({publish->topic, publish->payload, id,
               packet.is_cut || publish->payload.size() > settings_.max_message_bytes});
  return {};
}

Result<void> Session::handle(const Packet& packet) {
  const Version version = settings_.connect.version;
  switch (static_cast<PacketType>(packet.type)) {
    case PacketType::publish:
      return take(packet);
    case PacketType::pingresp:
      asked_.reset();
      return {};
    case PacketType::suback:
    case PacketType::unsuback:  // whether there was one does not matter
      return {};
    case PacketType::disconnect: {
      const std::uint8_t reason = packet.body.empty() ? 0 : static_cast<std::uint8_t>(packet.body[0]);
      disconnect_reason_ = reason;
      return failed("ends the connection: " + reason_text(version, PacketType::disconnect, reason));
    }
    case PacketType::connack:
      break;
  }
  return failed("not MQTT: a packet of type " + std::to_string(packet.type) +
                " that a broker does not send now");
}

std::optional<int> Session::ended_by_broker() const {
  if (disconnect_reason_) return disconnect_reason_;
  return connection_->is_closed() ? std::optional(0) : std::nullopt;
}

Result<void> Session::acknowledge(std::span<const std::uint16_t> ids) {
  std::string acks;
  for (const std::uint16_t id : ids) acks += encode_puback(id);
  sent_ = clock_.boot();
  return connection_->send(acks, settings_.timeout);
}

std::optional<BootTime> Session::ping_due() const {
  if (asked_) return *asked_ + settings_.timeout;
  if (keep_alive_.count() == 0) return std::nullopt;
  return std::min(sent_, heard_) + keep_alive_ / 2;
}

Result<void> Session::keep_alive() {
  const BootTime now = clock_.boot();
  if (asked_ && heard_ > *asked_) asked_.reset();
  if (asked_ && now - *asked_ > settings_.timeout)
    return Error{ErrorKind::timeout, settings_.broker.shown + ": does not answer a ping"};
  if (keep_alive_.count() == 0 || now - std::min(sent_, heard_) < keep_alive_ / 2) return {};
  return ask();
}

Result<void> Session::ask() {
  if (asked_) return {};
  asked_ = sent_ = clock_.boot();
  return connection_->send(encode_ping(), settings_.timeout);
}

}  // namespace vigile::mqtt_session
