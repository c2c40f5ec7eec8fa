// SPDX-License-Identifier: Apache-2.0
// The status socket: HTTP/1.1 on a Unix socket, and on a loopback TCP port when asked for, then with a bearer
// token. One thread, the one that calls run(), serves everybody and sleeps while nobody asks. Answers that
// take long (RouteOptions::slow) are made by another, the one that calls run_worker(): their connections rest
// meanwhile, and nobody else waits for them.
//
// What a client may do to us is bounded: connections, the size of a request, the time of a half request, the
// bytes held for all clients together, the number and the queues of streams. agent/api/README.md lists the
// limits and the routes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "api/agent_view.h"
#include "core/clock.h"
#include "core/result.h"
#include "equipment/question_memory.h"

namespace vigile {

struct ApiOptions {
  std::filesystem::path socket;  // empty: none; passed over when a socket is inherited
  int inherited_fd = -1;         // a Unix socket that systemd listens on; stays the caller's
  std::string listen;            // "127.0.0.1:8786"; empty: no TCP
  std::string token;             // of TCP; must not be empty then

  unsigned max_connections = 64;
  std::size_t connection_memory_bytes = 16 << 10;  // for request line, headers, and what is being sent
  std::size_t max_body_bytes = 1 << 20;            // of a request
  std::size_t held_bytes = 4 << 20;                // bodies and answers of all clients together
  std::chrono::seconds idle_timeout{10};           // no byte in or out
  std::chrono::nanoseconds give_way = std::chrono::seconds(1);  // see README, "Limits"
  unsigned max_streams = 8;
  std::size_t stream_queue_bytes = 256 << 10;            // of each stream
  std::chrono::seconds stream_timeout{60};               // a stream whose reader takes nothing
  std::size_t max_slow_requests = 8;                     // waiting for the worker
  std::uint64_t question_bytes = kDefaultQuestionBytes;  // that one slow answer may hold
};

class ApiServer {
 public:
  // Listens; nothing is answered before run(). References outlive the server. Errors: unavailable when
  // another daemon answers on the socket or the port is taken; config; permission; io.
  static Result<std::unique_ptr<ApiServer>> open(const ApiOptions& options, AgentView& agent,
                                                 const Clock& clock);
  // Closes every connection and removes the socket it made. After run() and run_worker() have returned.
  virtual ~ApiServer() = default;

  // Serves until stop is requested; streams are ended then. Once.
  virtual void run(std::stop_token stop) = 0;
  // Makes the slow answers until stop is requested; the one at work is finished first. Once, on a thread of
  // its own, which ends before this object; it may end before run() or after.
  virtual void run_worker(std::stop_token stop) = 0;
  // The TCP port; 0 without one.
  virtual std::uint16_t tcp_port() const = 0;
};

}  // namespace vigile
