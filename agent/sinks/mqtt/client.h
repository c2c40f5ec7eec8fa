// SPDX-License-Identifier: Apache-2.0
// One connection to a broker, through Paho; the only file that knows Paho. A client is used for one
// connection: after any loss, deadline or exception it is destroyed and another is made (README.md says why).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"
#include "core/wakeup.h"
#include "sinks/mqtt/route.h"
#include "sinks/mqtt/settings.h"

namespace vigile::mqtt_sink {

struct Event {
  enum class Kind {
    connected,
    connect_failed,  // `code` above 0: of CONNACK; else nothing is known
    published,       // acknowledged as its quality of service says
    refused,         // `code` above 0: of the broker's answer; else it was lost with the connection
    lost,            // the connection is gone
    ended,           // the broker sent DISCONNECT with reason `code`; `lost` may follow
    disconnected,    // our own DISCONNECT is done
  };
  Kind kind;
  std::uint64_t generation = 0;  // of the client
  std::uintptr_t message = 0;    // published, refused: number given to publish()
  int code = 0;
  BootTime at = {};  // set by the mailbox
};

// Carries events from Paho's threads to the sink's. Outlives the clients. push(): any thread.
class Mailbox {
 public:
  explicit Mailbox(const Clock& clock) : clock_(clock) {}
  void push(Event event) EXCLUDES(mutex_);
  // The oldest event; waits for one until `until` or a stop.
  std::optional<Event> take(std::optional<BootTime> until, std::stop_token stop) EXCLUDES(mutex_);
  void clear() EXCLUDES(mutex_);

 private:
  std::optional<Event> pop() EXCLUDES(mutex_);

  const Clock& clock_;
  Wakeup wakeup_;
  Mutex mutex_;
  std::vector<Event> events_ GUARDED_BY(mutex_);
};

// What the broker said of itself at connecting; the protocol's own values where it said nothing.
struct BrokerLimits {
  std::uint32_t receive_maximum = 65535;  // unacknowledged messages, QoS 1 and 2
  std::uint64_t packet_bytes = 268435460;
  int qos = 2;
  bool retain = true;
};

// The will and the status of this connection.
struct StatusMessage {
  std::string topic;  // empty: none
  std::string text;
  int qos = 1;
  bool retained = true;
};

class Client {
 public:
  // Starts to connect: `connected` or `connect_failed` will follow. Errors: unavailable.
  static Result<std::unique_ptr<Client>> connect(const MqttSettings& settings, Route route,
                                                 std::chrono::nanoseconds keep_alive,
                                                 const StatusMessage& will, std::uint64_t generation,
                                                 Mailbox& mailbox);
  // Blocks for 100 to 200 ms while Paho's threads end. Pending messages are dropped, the socket is closed.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // After `connected`.
  BrokerLimits limits() const;
  // `published` or `refused` will follow, unless the library loses the message: have a deadline.
  // Errors: unavailable.
  Result<void> publish(std::uintptr_t message, std::string text, int qos);
  Result<void> publish_status(std::uintptr_t message, const StatusMessage& status);
  // `disconnected` will follow. Errors: unavailable.
  Result<void> disconnect(std::chrono::milliseconds limit);

 private:
  struct Paho;
  Client(std::unique_ptr<Relay> relay, std::unique_ptr<Paho> paho);
  const std::unique_ptr<Relay> relay_;  // null: none
  const std::unique_ptr<Paho> paho_;
};

}  // namespace vigile::mqtt_sink
