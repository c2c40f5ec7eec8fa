// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/relay.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace vigile::mqtt_sink {

namespace {

constexpr std::size_t kBuffer = std::size_t{16} << 10;
constexpr std::size_t kLongestRequest = std::size_t{8} << 10;

// What one side has sent and the other has not taken.
struct Direction {
  int from = -1;
  int to = -1;
  std::string bytes = {};
  bool has_ended = false;

  short wanted() const { return !has_ended && bytes.size() < kBuffer ? POLLIN : 0; }
  bool is_done() const { return has_ended && bytes.empty(); }
  void read() {
    std::array<char, kBuffer> buffer;
    const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
    if (got > 0) bytes.append(buffer.data(), static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) has_ended = true;
  }
  void write() {
    const ssize_t sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) bytes.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      bytes.clear();
      has_ended = true;
    }
  }
};

}  // namespace

Relay::Relay(UniqueFd broker, UniqueFd listener, UniqueFd wake, std::uint16_t port)
    : broker_(std::move(broker)), listener_(std::move(listener)), wake_(std::move(wake)), port_(port) {}

Result<std::unique_ptr<Relay>> Relay::start(UniqueFd broker) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const bytes = reinterpret_cast<sockaddr*>(&address);
  if (listener.get() < 0 || wake.get() < 0 || ::bind(listener.get(), bytes, size) != 0 ||
      ::listen(listener.get(), 1) != 0 || ::getsockname(listener.get(), bytes, &size) != 0) {
    return errno_error("a port of loopback", errno);
  }
  std::unique_ptr<Relay> relay(
      new Relay(std::move(broker), std::move(listener), std::move(wake), ntohs(address.sin_port)));
  try {
    relay->thread_ = std::thread([raw = relay.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return Error{ErrorKind::unavailable, std::string("a thread: ") + error.what()};
  }
  return relay;
}

Relay::~Relay() {
  (void)::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

bool Relay::wait(int fd, short events) const {
  std::array<pollfd, 2> wanted{{{fd, events, 0}, {wake_.get(), POLLIN, 0}}};
  while (::poll(wanted.data(), wanted.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  return wanted[1].revents == 0;
}

UniqueFd Relay::accept_client() const {
  while (wait(listener_.get(), POLLIN)) {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.get() >= 0) return client;
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) break;
  }
  return {};
}

// Byte by byte, for what follows the request is the broker's.
bool Relay::greet(int client) const {
  std::string request;
  while (!request.ends_with("\r\n\r\n")) {
    char byte = 0;
    const ssize_t got = ::recv(client, &byte, 1, 0);
    if (got == 1) {
      request += byte;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR) || !wait(client, POLLIN)) {
      return false;
    }
    if (request.size() > kLongestRequest) return false;
  }
  constexpr std::string_view kAnswer = "HTTP/1.1 200 Connection established\r\n\r\n";
  return request.starts_with("CONNECT ") &&
         ::send(client, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(kAnswer.size());
}

void Relay::pump(int client) const {
  Direction up{client, broker_.get()};
  Direction down{broker_.get(), client};
  while (!up.is_done() && !down.is_done()) {
    const auto events = [](const Direction& in, const Direction& out) {
      return static_cast<short>(in.wanted() | (out.bytes.empty() ? 0 : POLLOUT));
    };
    // A side without events would still report that it is closed, again and again.
    const short of_client = events(up, down);
    const short of_broker = events(down, up);
    std::array<pollfd, 3> wanted{{{of_client != 0 ? client : -1, of_client, 0},
                                  {of_broker != 0 ? broker_.get() : -1, of_broker, 0},
                                  {wake_.get(), POLLIN, 0}}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) return;
    if (wanted[2].revents != 0) return;
    if (wanted[0].revents != 0 && up.wanted() != 0) up.read();
    if (wanted[1].revents != 0 && down.wanted() != 0) down.read();
    if (!up.bytes.empty()) up.write();
    if (!down.bytes.empty()) down.write();
  }
}

void Relay::run() {
  const UniqueFd client = accept_client();
  listener_.reset();
  if (client.get() >= 0 && greet(client.get())) pump(client.get());
  ::shutdown(broker_.get(), SHUT_RDWR);
}

}  // namespace vigile::mqtt_sink
