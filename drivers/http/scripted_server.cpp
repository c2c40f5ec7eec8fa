// SPDX-License-Identifier: Apache-2.0
#include "drivers/http/scripted_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdlib>
#include <stdexcept>

namespace vigile {

namespace {

// False when the client has closed, or the server is to stop, or after `timeout_ms` (-1: never).
bool readable(int fd, int wake, int timeout_ms = -1) {
  pollfd waiting[] = {{fd, POLLIN, 0}, {wake, POLLIN, 0}};
  return ::poll(waiting, 2, timeout_ms) > 0 && waiting[1].revents == 0;
}

std::size_t body_length(const std::string& head) {
  const std::size_t at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 16, nullptr, 10);
}

}  // namespace

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      wake_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), plain, size) != 0 || ::listen(listener_.get(), 8) != 0 ||
      ::getsockname(listener_.get(), plain, &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](std::stop_token stop) { serve(stop); });
}

ScriptedServer::~ScriptedServer() {
  thread_.request_stop();
  (void)::eventfd_write(wake_.get(), 1);
}

std::vector<std::string> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::uint64_t ScriptedServer::bytes_sent() const {
  const std::lock_guard lock(mutex_);
  return bytes_sent_;
}

void ScriptedServer::serve(std::stop_token stop) {
  while (!stop.stop_requested() && readable(listener_.get(), wake_.get())) {
    const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client) talk(client.get(), stop);
  }
}

void ScriptedServer::talk(int fd, std::stop_token stop) {
  std::string request;
  for (char part[4096];;) {
    const std::size_t end = request.find("\r\n\r\n");
    if (end != std::string::npos && request.size() >= end + 4 + body_length(request)) break;
    if (!readable(fd, wake_.get())) return;
    const ssize_t got = ::recv(fd, part, sizeof part, 0);
    if (got <= 0) return;
    request.append(part, static_cast<std::size_t>(got));
  }
  const Reply reply = script_(request);
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  const auto send_all = [&](std::string_view bytes) {
    while (!bytes.empty() && !stop.stop_requested()) {
      const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      const std::lock_guard lock(mutex_);
      bytes_sent_ += static_cast<std::uint64_t>(sent);
    }
    return !stop.stop_requested();
  };
  if (!send_all(reply.bytes)) return;
  char byte = 0;
  if (reply.then == Reply::Then::hold && readable(fd, wake_.get())) (void)::recv(fd, &byte, 1, 0);
  while (reply.then == Reply::Then::trickle && !readable(fd, wake_.get(), 1) && send_all("x")) {
  }
}

}  // namespace vigile
