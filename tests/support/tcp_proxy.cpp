// SPDX-License-Identifier: Apache-2.0
#include "support/tcp_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "support/process.h"

namespace vigile {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Closing then sends RST.
void reset_on_close(int fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// False at the end of the stream, or when the other side is gone.
constexpr std::size_t kPieceBytes = 16384;

bool copy(int from, int to, std::size_t most, std::uint64_t& count) {
  char buffer[kPieceBytes];
  const ssize_t size = ::recv(from, buffer, std::min(most, sizeof buffer), 0);
  if (size <= 0) return false;
  count += static_cast<std::uint64_t>(size);
  for (ssize_t sent = 0; sent < size;) {
    const ssize_t now = ::send(to, buffer + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += now;
  }
  return true;
}

}  // namespace

TcpProxy::TcpProxy(std::uint16_t target_port) : target_port_(target_port), wake_(::eventfd(0, EFD_CLOEXEC)) {
  listener_ = listen_on_loopback(port_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

TcpProxy::~TcpProxy() {
  thread_.request_stop();
  ::eventfd_write(wake_.get(), 1);
}

void TcpProxy::cut() {
  cut_now_ = true;
  ::eventfd_write(wake_.get(), 1);
}

void TcpProxy::accept_one() {
  UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client) return;
  if (refuse_) return reset_on_close(client.get());
  UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(target_port_);
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return reset_on_close(client.get());
  }
  ++connections_;
  links_.push_back(Link{std::move(client), std::move(server)});
}

bool TcpProxy::forward(Link& link, bool client_ready, bool server_ready) {
  std::uint64_t from_server = 0;
  const std::size_t most = client_ready ? allowed() : 0;
  if (most > 0) {
    const std::uint64_t before = link.from_client;
    if (!copy(link.client.get(), link.server.get(), most, link.from_client)) return false;
    allowance_ -= static_cast<double>(link.from_client - before);
  }
  if (server_ready && !copy(link.server.get(), link.client.get(), kPieceBytes, from_server)) return false;
  const std::uint64_t limit = cut_after_;
  if (limit == 0 || link.from_client < limit) return true;
  ++cuts_;
  reset_on_close(link.client.get());
  return false;
}

std::size_t TcpProxy::allowed() {
  const double rate = static_cast<double>(throttle_);
  if (rate == 0) return kPieceBytes;
  const auto now = std::chrono::steady_clock::now();
  // No more than a tenth of a second's worth at once.
  allowance_ += rate * std::chrono::duration<double>(now - allowance_at_).count();
  allowance_ = std::min(allowance_, rate / 10);
  allowance_at_ = now;
  return allowance_ < 1 ? 0 : static_cast<std::size_t>(allowance_);
}

void TcpProxy::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> waiting = {{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    const bool quiet = blackhole_;
    if (!quiet) {
      for (const Link& link : links_) {
        waiting.push_back({link.client.get(), static_cast<short>(allowed() > 0 ? POLLIN : 0), 0});
        waiting.push_back({link.server.get(), POLLIN, 0});
      }
    }
    // The switches that do not wake this thread are looked at every 50 ms.
    if (::poll(waiting.data(), waiting.size(), throttle_ > 0 ? 10 : 50) < 0) continue;
    if (waiting[0].revents != 0) {
      eventfd_t ignored = 0;
      ::eventfd_read(wake_.get(), &ignored);
    }
    if (cut_now_.exchange(false)) {
      for (Link& link : links_) reset_on_close(link.client.get());
      cuts_ += links_.size();
      links_.clear();
      continue;
    }
    if (!quiet && !blackhole_) {
      std::size_t at = 2;
      for (auto link = links_.begin(); link != links_.end(); at += 2) {
        const bool alive = forward(*link, waiting[at].revents != 0, waiting[at + 1].revents != 0);
        link = alive ? std::next(link) : links_.erase(link);
      }
    }
    if (waiting[1].revents != 0) accept_one();
  }
}

}  // namespace vigile
