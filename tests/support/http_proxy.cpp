// SPDX-License-Identifier: Apache-2.0
#include "support/http_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "support/process.h"

namespace vigile {

namespace {

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool copy(int from, int to) {
  char buffer[65536];
  const ssize_t size = ::recv(from, buffer, sizeof buffer, 0);
  return size > 0 && send_all(to, std::string_view(buffer, static_cast<std::size_t>(size)));
}

}  // namespace

HttpProxy::HttpProxy(std::string authorization)
    : authorization_(std::move(authorization)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  listener_ = listen_on_loopback(port_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

HttpProxy::~HttpProxy() {
  thread_.request_stop();
  ::eventfd_write(wake_.get(), 1);
}

std::vector<std::string> HttpProxy::heads() const {
  const std::lock_guard lock(mutex_);
  return heads_;
}

bool HttpProxy::wait_for(int fd, const std::stop_token& stop) const {
  pollfd waiting[] = {{fd, POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  return ::poll(waiting, 2, -1) > 0 && !stop.stop_requested();
}

void HttpProxy::serve(int client, const std::stop_token& stop) {
  std::string text;
  std::size_t end = 0;
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    char buffer[65536];
    if (!wait_for(client, stop)) return;
    const ssize_t size = ::recv(client, buffer, sizeof buffer, 0);
    if (size <= 0) return;
    text.append(buffer, static_cast<std::size_t>(size));
  }
  const std::string head = text.substr(0, end + 2);
  {
    const std::lock_guard lock(mutex_);
    heads_.push_back(head);
  }
  if (!authorization_.empty() &&
      head.find("Proxy-Authorization: " + authorization_ + "\r\n") == std::string::npos) {
    send_all(client, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  const bool tunnel = head.starts_with("CONNECT ");
  const std::size_t host = tunnel ? 8 : head.find("://") + 3;
  const std::size_t colon = head.find(':', host);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(head.c_str() + colon + 1)));
  const UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    send_all(client, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  // Servers take absolute-form requests as they are (RFC 9112, 3.2.2).
  if (!(tunnel ? send_all(client, "HTTP/1.1 200 Connected\r\n\r\n") : send_all(server.get(), text))) return;
  for (;;) {
    pollfd waiting[] = {{client, POLLIN, 0}, {server.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(waiting, 3, -1) < 0 || stop.stop_requested()) return;
    if (waiting[0].revents != 0 && !copy(client, server.get())) return;
    if (waiting[1].revents != 0 && !copy(server.get(), client)) return;
  }
}

void HttpProxy::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!wait_for(listener_.get(), stop)) return;
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) serve(fd.get(), stop);
  }
}

}  // namespace vigile
