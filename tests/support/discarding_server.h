// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "core/unique_fd.h"

namespace vigile {

// An HTTP server on loopback that reads each body and answers 204: what delivery costs without a database
// behind it, or whether anything is left over. One connection at a time, as a sink keeps it.
class DiscardingServer {
 public:
  DiscardingServer();
  ~DiscardingServer();
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::uint64_t requests() const { return requests_; }
  std::uint64_t body_bytes() const { return body_bytes_; }

 private:
  void serve(std::stop_token stop);
  void talk(int fd, std::stop_token stop);

  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> body_bytes_ = 0;
  std::jthread thread_;
};

}  // namespace vigile
