// SPDX-License-Identifier: Apache-2.0
#include "drivers/listen/sockets.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace vigile::listen {

bool is_stream(const Address& address) {
  return address.kind == Address::Kind::tcp || address.kind == Address::Kind::unix_stream;
}

namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;  // no datagram is longer

Error fault(const Address& address, const char* what) {
  const ErrorKind kind = errno == EACCES || errno == EPERM ? ErrorKind::permission : ErrorKind::unavailable;
  return Error{kind, address.shown + ": " + what + ": " + std::strerror(errno)};
}

struct SocketName {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketName name_of(const Address& address) {
  SocketName name;
  if (!address.path.empty()) {
    auto* const un = reinterpret_cast<sockaddr_un*>(&name.storage);
    un->sun_family = AF_UNIX;
    std::memcpy(un->sun_path, address.path.c_str(), address.path.size() + 1);
    name.size = sizeof(sockaddr_un);
    return name;
  }
  auto* const in = reinterpret_cast<sockaddr_in*>(&name.storage);
  if (::inet_pton(AF_INET, address.host.c_str(), &in->sin_addr) == 1) {
    in->sin_family = AF_INET;
    in->sin_port = htons(address.port);
    name.size = sizeof(sockaddr_in);
    return name;
  }
  auto* const in6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
  ::inet_pton(AF_INET6, address.host.c_str(), &in6->sin6_addr);
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(address.port);
  name.size = sizeof(sockaddr_in6);
  return name;
}

// Whether nobody listens at a socket's file any more, so that it can go.
bool is_left_over(const Address& address, const SocketName& name) {
  struct stat status {};
  if (::lstat(address.path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const UniqueFd probe(::socket(AF_UNIX, (is_stream(address) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), name.get(), name.size) != 0 && errno == ECONNREFUSED;
}

// What waits to be read is no silence.
bool has_sent(const UniqueFd& connection) {
  char one = 0;
  return ::recv(connection.get(), &one, 1, MSG_PEEK) > 0;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  const Error wrong{
      ErrorKind::config,
      "address: \"" + std::string(text.substr(0, 200)) +
          "\" is not like udp://127.0.0.1:8094, tcp://127.0.0.1:8094, unix:///run/vigile/push.sock or "
          "unixgram:///run/vigile/push.sock"};
  Address address;
  address.shown = text.substr(0, 200);
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return wrong;
  const std::string_view scheme = text.substr(0, colon);
  std::string_view rest = text.substr(colon + 3);
  if (scheme == "unix" || scheme == "unixgram") {
    address.kind = scheme == "unix" ? Address::Kind::unix_stream : Address::Kind::unix_datagram;
    address.path = rest;
    if (!rest.starts_with('/') || rest.find('\0') != std::string_view::npos) return wrong;
    if (rest.size() >= sizeof(sockaddr_un::sun_path))
      return Error{ErrorKind::config, "address: a socket's path has at most 107 bytes"};
    return address;
  }
  if (scheme != "udp" && scheme != "tcp") return wrong;
  address.kind = scheme == "udp" ? Address::Kind::udp : Address::Kind::tcp;
  const std::size_t last = rest.rfind(':');
  if (last == std::string_view::npos) return wrong;
  address.host = rest.substr(0, last);
  const bool has_brackets = address.host.starts_with('[') && address.host.ends_with(']');
  if (has_brackets) address.host = address.host.substr(1, address.host.size() - 2);
  in6_addr probe{};
  if (::inet_pton(has_brackets ? AF_INET6 : AF_INET, address.host.c_str(), &probe) != 1) return wrong;
  const std::string_view port = rest.substr(last + 1);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) return wrong;
  return address;
}

Result<std::unique_ptr<Sockets>> Sockets::open(const Address& address, const SocketLimits& limits) {
  const SocketName name = name_of(address);
  const int type = is_stream(address) ? SOCK_STREAM : SOCK_DGRAM;
  UniqueFd fd(::socket(name.get()->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fault(address, "socket");
  const int on = 1;
  if (address.kind == Address::Kind::tcp) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (name.get()->sa_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (!is_stream(address)) {
    const int bytes = static_cast<int>(limits.receive_buffer_bytes);
    // Past the system's limit only root may.
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  }
  if (!address.path.empty()) {
    if (is_left_over(address, name)) ::unlink(address.path.c_str());
    // Nobody can connect before it has its mode: it is given by umask and folder until then.
    ::fchmod(fd.get(), limits.mode & 0600);
  }
  if (::bind(fd.get(), name.get(), name.size) != 0) return fault(address, "bind");
  if (!address.path.empty() && ::chmod(address.path.c_str(), limits.mode) != 0) return fault(address, "mode");
  if (is_stream(address) && ::listen(fd.get(), 64) != 0) return fault(address, "listen");
  return std::unique_ptr<Sockets>(new Sockets(address, limits, std::move(fd)));
}

Sockets::Sockets(Address address, const SocketLimits& limits, UniqueFd fd)
    : address_(std::move(address)), limits_(limits), fd_(std::move(fd)), buffer_(kReadBytes, '\0') {
  SocketName name;
  name.size = sizeof name.storage;
  ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name.storage), &name.size);
  const auto* const in =
      reinterpret_cast<const sockaddr_in*>(&name.storage);  // both have it in the same place
  if (address_.path.empty()) port_ = ntohs(in->sin_port);
}

Sockets::~Sockets() {
  if (!address_.path.empty()) ::unlink(address_.path.c_str());
}

void Sockets::accept(BootTime now) {
  for (;;) {
    UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (connections_.size() >= limits_.connections && !make_room(now, has_sent(fd))) {
      ++counts_.turned_away;
      continue;
    }
    connections_.push_back({std::move(fd), now, {}});
  }
}

bool Sockets::make_room(BootTime now, bool for_a_sender) {
  std::size_t longest = connections_.size();
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    const BootTime heard = connections_[i].heard;
    const bool has_only_come = for_a_sender && !connections_[i].has_sent_ever;
    if ((now - heard < kGiveWay && !has_only_come) || has_sent(connections_[i].fd)) continue;
    if (longest == connections_.size() || heard < connections_[longest].heard) longest = i;
  }
  if (longest == connections_.size()) return false;
  close_silent(longest);
  return true;
}

void Sockets::close_idle(BootTime now) {
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (now - connections_[i].heard >= limits_.idle && !has_sent(connections_[i].fd)) close_silent(i);
  }
}

void Sockets::close_silent(std::size_t at) {
  ++counts_.closed;
  // Half a line could read as another value: it is not taken.
  if (!connections_[at].partial.empty()) ++counts_.unfinished;
  connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(at));
}

std::size_t Sockets::read(std::size_t most_bytes, BootTime now, const Take& take) {
  if (!is_stream(address_)) return read_datagrams(most_bytes, take);
  // First, so that who ends with its last lines makes room.
  const std::size_t before = read_connections(most_bytes, now, take);
  close_idle(now);
  accept(now);
  return before + (before < most_bytes ? read_connections(most_bytes - before, now, take) : 0);
}

std::size_t Sockets::read_connections(std::size_t most_bytes, BootTime now, const Take& take) {
  std::size_t all = 0;
  // In turn, so that one that floods does not keep the others out.
  bool came = true;
  while (came && all < most_bytes && !connections_.empty()) {
    came = false;
    for (std::size_t i = 0; i < connections_.size() && all < most_bytes; ++i) {
      if (next_ >= connections_.size()) next_ = 0;
      bool is_open = true;
      const std::size_t got = read_connection(connections_[next_], most_bytes - all, take, is_open);
      if (got > 0) {
        connections_[next_].heard = now;
        connections_[next_].has_sent_ever = true;
      }
      all += got;
      came = came || got > 0;
      if (is_open) {
        ++next_;
      } else {
        connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(next_));
        came = true;
      }
    }
  }
  return all;
}

std::size_t Sockets::read_datagrams(std::size_t most_bytes, const Take& take) {
  std::size_t all = 0;
  while (all < most_bytes) {
    iovec place{buffer_.data(), buffer_.size()};
    alignas(cmsghdr) char control[64];
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(fd_.get(), &message, 0);
    if (got < 0) break;
    for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
      if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SO_RXQ_OVFL) continue;
      std::uint32_t drops = 0;
      std::memcpy(&drops, CMSG_DATA(one), sizeof drops);
      count_lost(drops);
    }
    const auto bytes = static_cast<std::size_t>(got);
    all += std::max<std::size_t>(bytes, 1);
    if (bytes > limits_.longest_line || (message.msg_flags & MSG_TRUNC) != 0) {
      ++counts_.too_long;
      continue;
    }
    take(std::string_view(buffer_.data(), bytes));
  }
  ask_lost();
  return all;
}

// SO_RXQ_OVFL comes with the next datagram alone, which may never come; this says it at once (Linux 4.12,
// sock_diag(7): the last of struct sk_meminfo).
void Sockets::ask_lost() {
#ifdef SO_MEMINFO
  std::uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof memory;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, memory, &size) == 0 &&
      size > SK_MEMINFO_DROPS * sizeof memory[0])
    count_lost(memory[SK_MEMINFO_DROPS]);
#endif
}

// The kernel's count is one of 32 bits, and begins again after its end.
void Sockets::count_lost(std::uint32_t drops) {
  const std::uint32_t more = drops - drops_;
  // A datagram's own count may be older than what the kernel said meanwhile.
  if (more > 0x7fff'ffff) return;
  counts_.lost += more;
  drops_ = drops;
}

std::size_t Sockets::read_connection(Connection& connection, std::size_t most_bytes, const Take& take,
                                     bool& is_open) {
  const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), std::min(buffer_.size(), most_bytes), 0);
  if (got < 0) {
    is_open = errno == EAGAIN || errno == EINTR;
    return 0;
  }
  if (got == 0) {
    is_open = false;
    // The last line may have no end.
    if (!connection.partial.empty()) take(connection.partial);
    return 0;
  }
  std::string_view text(buffer_.data(), static_cast<std::size_t>(got));
  if (connection.skipping) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return static_cast<std::size_t>(got);
    text.remove_prefix(end + 1);
    connection.skipping = false;
  }
  const std::size_t end = text.rfind('\n');
  if (end != std::string_view::npos) {
    connection.partial.append(text.substr(0, end + 1));
    // Of lines that are whole one may be too long, too; nobody but the decoder looks for it.
    take(connection.partial);
    connection.partial.assign(text.substr(end + 1));
  } else {
    connection.partial.append(text);
  }
  if (connection.partial.size() > limits_.longest_line) {
    ++counts_.too_long;
    connection.partial.clear();
    connection.skipping = true;
  }
  return static_cast<std::size_t>(got);
}

}  // namespace vigile::listen
