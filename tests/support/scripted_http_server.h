// SPDX-License-Identifier: Apache-2.0
// An HTTP server that answers as a test says, for what no real server can be made to do.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.h"

namespace vigile {

struct ScriptedRequest {
  std::string line;                            // "POST /write?db=x HTTP/1.1"
  std::map<std::string, std::string> headers;  // names in small letters
  std::string body;                            // inflated when it came as gzip
  // The value of a header; empty without it.
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct ScriptedAnswer {
  enum class Then {
    go_on,         // keep the connection
    close,         // end it after the answer
    reset,         // end it with RST after the answer
    close_before,  // end it without an answer
    never,         // never answer; until the client goes
    cut,           // send half of the body and end the connection
    trickle,       // send the answer byte by byte, a millisecond each
    flood,         // send `raw`, and then a GiB
    deaf,          // send the answer, and read what comes without an answer until the client goes
  };
  int status = 204;
  std::vector<std::string> headers = {};  // "Retry-After: 5"
  std::string body = {};
  Then then = Then::go_on;
  std::optional<std::uint64_t> content_length = {};  // a lie
  std::string raw = {};                              // sent as it is, in place of all the above
  std::string unasked = {};                          // sent behind the answer, at once
};

// Answers on 127.0.0.1, one connection at a time. The script runs on the server's thread.
class ScriptedHttpServer {
 public:
  using Script = std::function<ScriptedAnswer(const ScriptedRequest&)>;
  // `port` 0: any that is free.
  explicit ScriptedHttpServer(Script script, std::uint16_t port = 0);
  ~ScriptedHttpServer();
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  // Answers are given on the headers alone, before the body is read.
  void hasty(bool on) { hasty_ = on; }
  std::vector<ScriptedRequest> requests() const;
  int connections() const { return connections_; }
  // Sends bytes that nothing asked for on the connection there is; they have arrived when this returns.
  void send_unasked(std::string_view bytes) const { send_all(connection_, bytes); }
  std::uint64_t flooded() const { return flooded_; }  // bytes of the last flood that were taken

 private:
  void run(const std::stop_token& stop);
  void serve(int fd);
  // False: the connection has ended.
  bool read_request(int fd, std::string& rest, ScriptedRequest& request) const;
  bool answer(int fd, const ScriptedAnswer& answer) const;
  bool wait_for(int fd, short events) const;  // false: stop
  bool send_all(int fd, std::string_view bytes) const;

  const Script script_;
  UniqueFd listener_;
  UniqueFd wake_;
  std::uint16_t port_ = 0;
  std::atomic<bool> hasty_ = false;
  std::atomic<int> connections_ = 0;
  std::atomic<int> connection_ = -1;
  mutable std::atomic<std::uint64_t> flooded_ = 0;
  mutable std::mutex mutex_;
  std::vector<ScriptedRequest> requests_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace vigile
