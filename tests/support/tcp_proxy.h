// SPDX-License-Identifier: Apache-2.0
// A bad network between a client and a server on loopback.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

#include "core/unique_fd.h"

namespace vigile {

// Forwards connections to 127.0.0.1:`target_port` until told otherwise. Functions may be called from any
// thread.
class TcpProxy {
 public:
  explicit TcpProxy(std::uint16_t target_port);
  ~TcpProxy();
  std::uint16_t port() const { return port_; }

  // Ends all connections (RST).
  void cut();
  // Each new connection is ended after so many bytes from the client; 0: never.
  void cut_each_after(std::uint64_t bytes) { cut_after_ = bytes; }
  // Nothing goes through any more, connections stay, new ones are accepted.
  void blackhole(bool on) { blackhole_ = on; }
  // So many bytes a second from clients, all connections together; 0: as fast as it goes.
  void throttle(std::uint64_t bytes_a_second) { throttle_ = bytes_a_second; }
  // New connections are ended at once.
  void refuse(bool on) { refuse_ = on; }
  std::uint64_t connections() const { return connections_; }
  std::uint64_t cuts() const { return cuts_; }

 private:
  struct Link {
    UniqueFd client;
    UniqueFd server;
    std::uint64_t from_client = 0;
  };
  void run(const std::stop_token& stop);
  void accept_one();
  // False: the link has ended.
  bool forward(Link& link, bool client_ready, bool server_ready);
  // Bytes that a client may send now.
  std::size_t allowed();

  std::uint16_t target_port_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  UniqueFd wake_;
  // Of the thread alone.
  std::list<Link> links_;
  double allowance_ = 0;  // bytes that may go now, when throttled
  std::chrono::steady_clock::time_point allowance_at_ = std::chrono::steady_clock::now();
  std::atomic<bool> cut_now_ = false;
  std::atomic<bool> blackhole_ = false;
  std::atomic<bool> refuse_ = false;
  std::atomic<std::uint64_t> cut_after_ = 0;
  std::atomic<std::uint64_t> throttle_ = 0;
  std::atomic<std::uint64_t> connections_ = 0;
  std::atomic<std::uint64_t> cuts_ = 0;
  std::jthread thread_;
};

}  // namespace vigile
