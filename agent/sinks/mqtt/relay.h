// SPDX-License-Identifier: Apache-2.0
// A tunnel through loopback to a broker that is connected already. Paho C 1.3 connects to the first address
// of a name and no other, and with TLS (or WebSocket) it must be given the name, which the certificate (or
// the header Host) is about. So it is given the name, and this as its HTTP proxy (RFC 9110 §9.3.6, CONNECT):
// TLS is between Paho and the broker, as without it.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>

#include "core/result.h"
#include "core/unique_fd.h"

namespace vigile::mqtt_sink {

// Serves one connection from a thread of its own, until either side closes or the relay is destroyed. Who
// else on this machine connects to its port gets no more than a connection to the broker, and Paho none.
class Relay {
 public:
  // `broker`: connected, non-blocking. Errors: io, full, unavailable: no socket, no thread.
  static Result<std::unique_ptr<Relay>> start(UniqueFd broker);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  Relay(UniqueFd broker, UniqueFd listener, UniqueFd wake, std::uint16_t port);
  void run();
  UniqueFd accept_client() const;
  bool greet(int client) const;
  void pump(int client) const;
  // False: stop, or an error.
  bool wait(int fd, short events) const;

  const UniqueFd broker_;
  UniqueFd listener_;    // of the thread, once it runs
  const UniqueFd wake_;  // readable: end
  const std::uint16_t port_;
  std::thread thread_;
};

}  // namespace vigile::mqtt_sink
