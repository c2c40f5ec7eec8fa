// SPDX-License-Identifier: Apache-2.0
// A TCP or TLS connection to a broker: TLS by libcurl (CURLOPT_CONNECT_ONLY), over a TCP connection to the
// first address of the name that answers.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "drivers/mqtt_session/broker_address.h"
#include "net/resolve.h"

namespace vigile::mqtt_session {

struct TlsSettings {
  std::string ca_file;  // empty: the system's
  std::string cert_file;
  std::string key_file;
  bool insecure = false;
};

// One thread, but for interrupt(). Errors: timeout, unavailable; they name the broker.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const BrokerAddress& address, const TlsSettings& tls,
                                                  const net::Limit& limit);
  ~Connection();

  // All of it, or an error; waits for at most `limit`.
  Result<void> send(std::string_view bytes, std::chrono::milliseconds limit);
  // What has come, at most what fits into one read; empty when there is nothing after `limit`.
  Result<std::string_view> receive(std::chrono::milliseconds limit);
  // The broker has closed it: receive() said so.
  bool is_closed() const { return is_closed_; }
  // Ends a receive() that waits, and those to come. Any thread.
  void interrupt() const;

 private:
  struct Handle;
  Connection(std::unique_ptr<Handle> handle, std::string shown);
  bool wait(short events, std::chrono::milliseconds limit) const;
  Error failed(std::string_view cause) const;

  const std::unique_ptr<Handle> handle_;
  const std::string shown_;
  std::string buffer_;
  bool is_closed_ = false;
};

}  // namespace vigile::mqtt_session
