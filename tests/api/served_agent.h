// SPDX-License-Identifier: Apache-2.0
// A FakeAgent behind a real ApiServer on a socket of its own, and a plain client.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "api/server.h"
#include "core/unique_fd.h"
#include "fake_agent.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile {

class ServedAgent {
 public:
  explicit ServedAgent(ApiOptions options = {}) {
    if (options.inherited_fd < 0) options.socket = socket();
    auto opened = ApiServer::open(options, agent, clock);
    if (!opened) throw std::runtime_error(opened.error().message);
    server = std::move(*opened);
    thread_ = std::jthread([this](std::stop_token stop) { server->run(stop); });
    worker_ = std::jthread([this](std::stop_token stop) { server->run_worker(stop); });
  }
  ~ServedAgent() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    worker_.request_stop();
    thread_.request_stop();
    thread_.join();
    if (worker_.joinable()) worker_.join();
    server.reset();
  }
  void stop_worker() {
    worker_.request_stop();
    worker_.join();
  }
  std::string socket() const { return (directory / "run/vigiled.sock").string(); }

  TempDir directory;
  FakeAgent agent;
  FakeClock clock;
  std::unique_ptr<ApiServer> server;

 private:
  std::jthread thread_;
  std::jthread worker_;
};

// A connection that says exactly what a test wants.
class RawClient {
 public:
  explicit RawClient(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error(path + ": " + std::strerror(errno));
    }
  }
  // Over TCP, on 127.0.0.1.
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("port " + std::to_string(port) + ": " + std::strerror(errno));
    }
  }

  int fd() const { return fd_.get(); }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t size = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (size < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }
  // More of the answer to `received`; false at its end, or after 20 s.
  bool receive() {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 20'000) != 1) return false;
    char buffer[65536];
    const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    received.append(buffer, static_cast<std::size_t>(size));
    return true;
  }
  bool receive_until(std::string_view text) {
    while (received.find(text) == std::string::npos) {
      if (!receive()) return false;
    }
    return true;
  }
  std::string receive_all() {
    while (receive()) {
    }
    return received;
  }
  void close() { fd_.reset(); }

  std::string received;

 private:
  UniqueFd fd_;
};

// The whole answer, headers included; "\nConnection: close" is asked for.
inline std::string ask(const std::string& socket, std::string_view request_line,
                       std::string_view headers = "", std::string_view body = "") {
  RawClient client(socket);
  client.send(std::string(request_line) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
              std::string(headers) + "\r\n" + std::string(body));
  return client.receive_all();
}

inline std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

inline int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

}  // namespace vigile
