// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.h"

namespace vigile {

// A server on loopback, for tests: it reads one request a connection, sends back the bytes that the script
// says, right or wrong, and closes.
class ScriptedServer {
 public:
  struct Reply {
    std::string bytes = {};
    enum class Then { close, hold, trickle } then = Then::close;  // hold: until the client closes
  };
  using Script = std::function<Reply(const std::string& request)>;

  explicit ScriptedServer(Script script);
  explicit ScriptedServer(std::string bytes)
      : ScriptedServer([bytes = std::move(bytes)](const std::string&) { return Reply{bytes}; }) {}
  ~ScriptedServer();

  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<std::string> requests() const;
  std::uint64_t bytes_sent() const;

 private:
  void serve(std::stop_token stop);
  void talk(int fd, std::stop_token stop);

  const Script script_;
  UniqueFd listener_;
  UniqueFd wake_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::uint64_t bytes_sent_ = 0;
  std::jthread thread_;
};

}  // namespace vigile
