// SPDX-License-Identifier: Apache-2.0
// Whether another client connects to the broker under the same client id. The broker serves the one that
// connected last and ends the other's connection: with version 5 it says so (DISCONNECT, reason 0x8e), with
// 3.1.1 (Mosquitto 2.0 with either) it closes the connection without a word, and only repetition tells:
// sessions that were in use when they were closed. One that was idle may have been ended by the idle limit of
// a proxy, NAT or broker. After the first such end the next sessions are therefore kept in use, which no idle
// limit ends. Source: OASIS MQTT 5.0 and 3.1.1, section 3.1.4. Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/clock.h"

namespace vigile {

class ClientIdWatch {
 public:
  static constexpr int kSessions = 3;                  // so many in a row …
  static constexpr std::chrono::seconds kShort{90};    // … that were closed before this age are a conflict,
  static constexpr std::chrono::minutes kOver{2};      // until a session has lasted this long
  static constexpr std::chrono::seconds kInUse{15};    // the broker was heard so lately
  static constexpr std::chrono::seconds kAskAfter{2};  // of silence, while wants_traffic()
  static constexpr int kTakenOver = 0x8e;              // reason of a DISCONNECT

  // `broker`: its URL as the settings have it.
  ClientIdWatch(std::string broker, std::string client_id)
      : broker_(std::move(broker)), client_id_(std::move(client_id)) {}

  // The broker has accepted the session.
  void connected(BootTime now);
  // The broker ended it: with a DISCONNECT of `reason`, or by closing the connection (0). `heard`: when
  // something came from the broker last.
  void ended(int reason, BootTime now, BootTime heard);
  // It ended for a cause that says nothing of other clients.
  void forget() { since_.reset(); }
  // No session comes about: the broker is not there, or refuses it.
  void unreachable();

  // A young session was closed without a reason: let the broker answer often in the next one, so that its end
  // tells.
  bool wants_traffic() const { return is_suspicious_; }
  // What to report while there is a conflict; empty when there is none.
  std::string conflict(BootTime now);
  // Sessions that another client has taken over, since the start.
  std::uint64_t count() const { return count_; }

 private:
  const std::string broker_;
  const std::string client_id_;
  std::optional<BootTime> since_;  // there is a session
  int short_sessions_ = 0;         // in a row, closed in use and without a reason
  bool is_suspicious_ = false;     // a young session was closed without a reason, in use or not
  bool is_told_ = false;           // by the broker itself
  bool is_conflict_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace vigile
