// SPDX-License-Identifier: Apache-2.0
// A subscriber's session with a broker: connected, subscribed, kept alive.
//
// Why not Paho: it acknowledges a message as soon as it has it, before the reading is in the log.
// Source: OASIS MQTT 3.1.1 and 5.0.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "drivers/mqtt_session/connection.h"
#include "drivers/mqtt_session/packet.h"
#include "drivers/mqtt_session/subscriptions.h"

namespace vigile::mqtt_session {

struct SessionSettings {
  BrokerAddress broker;
  TlsSettings tls;
  ConnectRequest connect;
  std::vector<std::string> filters;
  std::size_t max_message_bytes = 0;
  std::chrono::milliseconds timeout{};  // for an answer
};

// One thread, but for interrupt(). Errors: timeout, unavailable; they name the broker. After one there is no
// session any more.
class Session {
 public:
  struct Message {
    std::string_view topic;
    std::string_view payload;
    std::optional<std::uint16_t> id;  // of one that wants to be acknowledged
    bool is_cut = false;              // it was longer than max_message_bytes: only its beginning is here
  };
  using OnMessage = std::function<void(const Message&)>;

  // Ends by `deadline`. Messages of an earlier session under the same name may come before the broker's
  // answer, so `on_message` may be called already. `settings` and `clock` outlive the session.
  static Result<std::unique_ptr<Session>> open(const SessionSettings& settings, const Clock& clock,
                                               BootTime deadline, std::stop_token stop, OnMessage on_message);
  // Says goodbye. The broker keeps the session as long as was asked for.
  ~Session();

  // Hands over what has come, at once what came with the answers to connecting; false when nothing has
  // within `limit`. Messages of subscriptions that the settings do not name are acknowledged and not handed
  // over, and their subscriptions are ended; so are further copies of a message.
  Result<bool> receive(std::chrono::milliseconds limit);
  Result<void> acknowledge(std::span<const std::uint16_t> ids);
  // Asks for a sign of life; keep_alive() fails when none comes within `timeout`.
  Result<void> ask();
  // Asks when it is time to. To be called at ping_due() at the latest.
  Result<void> keep_alive();
  std::optional<BootTime> ping_due() const;
  // When something came from the broker last.
  BootTime heard() const { return heard_; }
  // The reason of the DISCONNECT with which the broker has ended the session, 0 when it only closed the
  // connection; absent when it has not.
  std::optional<int> ended_by_broker() const;
  // Ends a receive() that waits, and those to come. Any thread.
  void interrupt() const { connection_->interrupt(); }

 private:
  Session(const SessionSettings& settings, const Clock& clock, std::unique_ptr<Connection> connection,
          OnMessage on_message);
  Result<void> greet(BootTime deadline, const std::stop_token& stop);
  Result<Packet> await(PacketType type, BootTime deadline, const std::stop_token& stop);
  Result<void> subscribe(BootTime deadline, const std::stop_token& stop);
  Result<void> handle_all();
  Result<void> handle(const Packet& packet);
  Result<void> take(const Packet& packet);
  Error failed(const std::string& what) const;
  std::chrono::milliseconds left(BootTime deadline) const;

  const SessionSettings& settings_;
  const Clock& clock_;
  const OnMessage on_message_;
  const std::unique_ptr<Connection> connection_;
  PacketReader reader_;
  Subscriptions subscriptions_;
  std::optional<int> disconnect_reason_;
  std::uint16_t last_id_ = 0;          // of a packet of ours
  bool has_unhandled_ = true;          // packets may have come behind the last answer to connecting
  std::chrono::seconds keep_alive_{};  // 0: none
  BootTime heard_, sent_;
  std::optional<BootTime> asked_;  // a ping that has no answer yet
};

}  // namespace vigile::mqtt_session
