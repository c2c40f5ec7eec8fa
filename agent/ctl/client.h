// SPDX-License-Identifier: Apache-2.0
// HTTP over the daemon's Unix socket.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

struct Answer {
  int status = 0;
  std::string body;
  bool fine() const { return status >= 200 && status < 300; }
};

class Client {
 public:
  // `silence`: how long a daemon that has taken the request may show no sign of life. One that works on a
  // long answer shows one: it is asked on a second connection whether it still serves.
  explicit Client(std::string socket, std::chrono::nanoseconds silence = std::chrono::seconds(3))
      : socket_(std::move(socket)), silence_(silence) {}

  // `target` is path and query, encoded. Errors say that there is no daemon and why (not_found, permission,
  // unavailable), or that it does not answer (timeout), or answers what is no HTTP (io).
  Result<Answer> request(const std::string& method, const std::string& target) const;
  // The same with a body, which is JSON unless said otherwise.
  Result<Answer> send(const std::string& method, const std::string& target, const std::string& body,
                      const std::string& content_type = "application/json") const;
  // A stream: `on_data` gets what comes, until it returns false or the daemon ends it. The answer's body is
  // filled only when the status is not 200.
  Result<Answer> stream(const std::string& target,
                        const std::function<bool(std::string_view)>& on_data) const;

 private:
  const std::string socket_;
  const std::chrono::nanoseconds silence_;
};

// For a path segment or a query value: "a b/c" is "a%20b%2Fc".
std::string percent_encode(std::string_view text);

}  // namespace vigile
