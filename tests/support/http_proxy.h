// SPDX-License-Identifier: Apache-2.0
// A forward HTTP proxy on loopback: CONNECT and absolute-form requests, to 127.0.0.1 only.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.h"

namespace vigile {

// One connection at a time. With `authorization`, others than who sends that Proxy-Authorization get 407.
class HttpProxy {
 public:
  explicit HttpProxy(std::string authorization = "");
  ~HttpProxy();
  std::uint16_t port() const { return port_; }
  // The first request's line and headers of each connection.
  std::vector<std::string> heads() const;

 private:
  void run(const std::stop_token& stop);
  void serve(int client, const std::stop_token& stop);
  bool wait_for(int fd, const std::stop_token& stop) const;

  const std::string authorization_;
  UniqueFd listener_;
  UniqueFd wake_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace vigile
