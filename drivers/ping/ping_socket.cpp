// SPDX-License-Identifier: Apache-2.0
#include "drivers/ping/ping_socket.h"

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "core/unique_fd.h"

namespace vigile {

namespace {

class KernelPingSocket final : public PingSocket {
 public:
  KernelPingSocket(UniqueFd fd, const net::Address& to, bool raw, const Clock& clock)
      : fd_(std::move(fd)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        family_(to.bytes.ss_family == AF_INET ? IpFamily::v4 : IpFamily::v6),
        raw_(raw),
        clock_(clock),
        to_(to.bytes),
        to_size_(to.size) {
    if (raw_) {
      set_up_raw();
    } else {
      set_up_datagram();
    }
  }

  IpFamily family() const override { return family_; }
  bool raw() const override { return raw_; }
  std::uint16_t identifier() const override { return identifier_; }

  Result<void> send(Bytes packet) override {
    const auto* const to = reinterpret_cast<const sockaddr*>(&to_);
    // An error of an earlier packet is told by the next call, and is not this one's.
    for (int tries = 0; tries < 2; ++tries) {
      if (::sendto(fd_.get(), packet.data(), packet.size(), 0, to, to_size_) >= 0) return {};
    }
    return errno_error("send", errno);
  }

  Result<std::optional<Arrival>> receive(std::span<std::uint8_t> buffer, BootTime until,
                                         std::stop_token stop) override {
    const std::stop_callback on_stop(stop, [this] { (void)::eventfd_write(wake_.get(), 1); });
    do {
      const auto left = std::max<std::chrono::nanoseconds>(until - clock_.boot(), {});
      const timespec limit{static_cast<std::time_t>(left.count() / 1'000'000'000),
                           static_cast<long>(left.count() % 1'000'000'000)};
      pollfd waiting[] = {{fd_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      if (::ppoll(waiting, 2, &limit, nullptr) < 0 && errno != EINTR) return errno_error("poll", errno);
      if (waiting[1].revents != 0) return std::optional<Arrival>();
      const BootTime at = clock_.boot();
      if ((waiting[0].revents & POLLERR) != 0) {
        if (auto arrival = read_error(buffer, at)) return arrival;
      }
      if ((waiting[0].revents & POLLIN) != 0) {
        const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got >= 0) return std::optional(Arrival{static_cast<std::size_t>(got), at});
      }
    } while (clock_.boot() < until);
    return std::optional<Arrival>();
  }

 private:
  // All ICMP that the machine gets would come in: only what can be ours is let through.
  void set_up_raw() {
    if (family_ == IpFamily::v4) {
      const icmp_filter filter{~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH | 1U << ICMP_TIME_EXCEEDED |
                                 1U << ICMP_PARAMETERPROB)};
      ::setsockopt(fd_.get(), SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
    } else {
      icmp6_filter filter;
      ICMP6_FILTER_SETBLOCKALL(&filter);
      for (const int type : {ICMP6_ECHO_REPLY, ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED,
                             ICMP6_PARAM_PROB}) {
        ICMP6_FILTER_SETPASS(type, &filter);
      }
      ::setsockopt(fd_.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
    }
    if (::getrandom(&identifier_, sizeof identifier_, 0) < 0)
      identifier_ = static_cast<std::uint16_t>(::getpid());
  }

  // The kernel writes the socket's port as the identifier into requests, and gives us our own replies alone.
  void set_up_datagram() {
    sockaddr_storage own{};
    own.ss_family = to_.ss_family;
    socklen_t size = to_size_;
    auto* const plain = reinterpret_cast<sockaddr*>(&own);
    if (::bind(fd_.get(), plain, size) == 0 && ::getsockname(fd_.get(), plain, &size) == 0) {
      // The port is at the same place in sockaddr_in and sockaddr_in6.
      identifier_ = ntohs(reinterpret_cast<const sockaddr_in*>(plain)->sin_port);
    }
    const int on = 1;
    if (family_ == IpFamily::v4) {
      ::setsockopt(fd_.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    } else {
      ::setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    }
  }

  // ip(7), IP_RECVERR. Also clears the error that woke us when there is nothing in that queue.
  std::optional<Arrival> read_error(std::span<std::uint8_t> buffer, BootTime at) {
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) char control[512];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(fd_.get(), &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (got < 0) {
      int pending = 0;
      socklen_t size = sizeof pending;
      ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &pending, &size);
      return std::nullopt;
    }
    for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr; one = CMSG_NXTHDR(&header, one)) {
      if (!(one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_RECVERR) &&
          !(one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_RECVERR)) {
        continue;
      }
      sock_extended_err error{};
      std::memcpy(&error, CMSG_DATA(one), sizeof error);
      if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6) continue;
      return Arrival{static_cast<std::size_t>(got), at, Arrival::Error{error.ee_type, error.ee_code}};
    }
    return std::nullopt;
  }

  const UniqueFd fd_;
  const UniqueFd wake_;
  const IpFamily family_;
  const bool raw_;
  const Clock& clock_;
  const sockaddr_storage to_;
  const socklen_t to_size_;
  std::uint16_t identifier_ = 0;
};

Result<std::unique_ptr<PingSocket>> open_to(const std::string& address, const net::Address& to,
                                            const Clock& clock) {
  constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  const int family = to.bytes.ss_family;
  const int protocol = family == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  for (const bool raw : {false, true}) {
    UniqueFd fd(::socket(family, (raw ? SOCK_RAW : SOCK_DGRAM) | kFlags, protocol));
    if (fd) return std::unique_ptr<PingSocket>(new KernelPingSocket(std::move(fd), to, raw, clock));
    if (raw && (errno == EPERM || errno == EACCES)) {
      return Error{
          ErrorKind::permission,
          address +
              ": no ICMP socket: a group of this process must be in net.ipv4.ping_group_range, or the "
              "process have CAP_NET_RAW"};
    }
  }
  return errno_error(address, errno);
}

}  // namespace

Result<std::unique_ptr<PingSocket>> open_ping_socket(const std::string& address, std::size_t turn,
                                                     const net::Limit& limit) {
  auto addresses = net::resolve(address, 0, limit);
  if (!addresses) return addresses.error();
  const auto first = static_cast<std::ptrdiff_t>(turn % addresses->size());
  std::rotate(addresses->begin(), addresses->begin() + first, addresses->end());
  Error last;
  // A name may have an address of a family that this machine has not.
  for (const net::Address& one : *addresses) {
    auto socket = open_to(address, one, limit.clock);
    if (socket) return socket;
    last = socket.error();
  }
  return last;
}

}  // namespace vigile
