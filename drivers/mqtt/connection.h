// SPDX-License-Identifier: Apache-2.0
// A TCP or TLS connection to a broker, by libcurl (CURLOPT_CONNECT_ONLY).
//
// Why not Paho: it acknowledges a message as soon as it has it, before the reading is in the log.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace vigile::mqtt_driver {

struct BrokerAddress {
  std::string host;
  std::uint16_t port = 0;
  bool is_tls = false;
  std::string shown;  // mqtts://host:port
};

struct TlsSettings {
  std::string ca_file;  // empty: the system's
  std::string cert_file;
  std::string key_file;
  bool insecure = false;
};

// One thread. Errors: timeout, unavailable; they name the broker.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const BrokerAddress& address, const TlsSettings& tls,
                                                  std::chrono::milliseconds limit, std::stop_token stop);
  ~Connection();

  // All of it, or an error; waits for at most `limit`.
  Result<void> send(std::string_view bytes, std::chrono::milliseconds limit);
  // What has come, at most what fits into one read; empty when there is nothing after `limit`.
  Result<std::string_view> receive(std::chrono::milliseconds limit);

 private:
  struct Handle;
  Connection(std::unique_ptr<Handle> handle, std::string shown);
  bool wait(short events, std::chrono::milliseconds limit) const;
  Error failed(std::string_view cause) const;

  const std::unique_ptr<Handle> handle_;
  const std::string shown_;
  std::string buffer_;
};

}  // namespace vigile::mqtt_driver
