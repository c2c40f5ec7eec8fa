// SPDX-License-Identifier: Apache-2.0
#include "api/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace vigile {

namespace {

constexpr int kBacklog = 128;

Result<sockaddr_un> unix_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (!path.is_absolute()) {
    return Error{ErrorKind::config, "socket \"" + text + "\": expected an absolute path"};
  }
  if (text.size() >= sizeof address.sun_path) {
    return Error{ErrorKind::config, "socket " + text + ": the path has " + std::to_string(text.size()) +
                                        " bytes, at most " + std::to_string(sizeof address.sun_path - 1) +
                                        " are possible"};
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

Result<void> make_directory(const std::filesystem::path& path) {
  if (path.empty() || ::access(path.c_str(), F_OK) == 0) return {};
  if (auto made = make_directory(path.parent_path()); !made) return made;
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return errno_error("socket directory " + path.string(), errno);
  }
  return {};
}

// Removes what a dead daemon left; refuses what is alive or not ours.
Result<void> clear_stale(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return errno_error("socket " + path.string(), errno);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Error{ErrorKind::config, "socket " + path.string() + ": something that is not a socket is there"};
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return errno_error("socket " + path.string(), errno);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0;
    return Error{ErrorKind::unavailable,
                 "socket " + path.string() + ": another daemon answers there" +
                     (known ? " (pid " + std::to_string(peer.pid) + ")" : std::string())};
  }
  if (errno == EAGAIN) {  // alive, and its queue is full
    return Error{ErrorKind::unavailable, "socket " + path.string() + ": another daemon listens there"};
  }
  if (errno != ECONNREFUSED) return errno_error("socket " + path.string(), errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return errno_error("socket " + path.string() + ": cannot remove the one a dead daemon left", errno);
  }
  return {};
}

struct LoopbackAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

std::optional<LoopbackAddress> parse_loopback(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data() + colon + 1, end, port);
  if (failed != std::errc{} || stop != end) return std::nullopt;
  LoopbackAddress address;
  if (host == "localhost") host = "127.0.0.1";
  if (host == "[::1]") {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    v6->sin6_addr = in6addr_loopback;
    address.size = sizeof *v6;
    return address;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) return std::nullopt;
  if (ntohl(v4->sin_addr.s_addr) >> 24 != 127) return std::nullopt;
  address.size = sizeof *v4;
  return address;
}

}  // namespace

Result<UnixListener> UnixListener::open(const std::filesystem::path& path) {
  const auto address = unix_address(path);
  if (!address) return address.error();
  if (auto made = make_directory(path.parent_path()); !made) return made.error();
  if (auto cleared = clear_stale(path, *address); !cleared) return cleared.error();
  UnixListener listener;
  listener.fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd_) return errno_error("socket " + path.string(), errno);
  // The file gets the socket's mode less the umask when it is bound: so it is never wider than this, not
  // even until the chmod that gives back what the umask took.
  if (::fchmod(listener.fd(), 0660) != 0 ||
      ::bind(listener.fd(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return errno_error("socket " + path.string(), errno);
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    listener.path_ = path;
    listener.device_ = info.st_dev;
    listener.inode_ = info.st_ino;
  }
  if (::chmod(path.c_str(), 0660) != 0 || ::listen(listener.fd(), kBacklog) != 0) {
    return errno_error("socket " + path.string(), errno);
  }
  return listener;
}

UnixListener::UnixListener(UnixListener&& other) noexcept {
  *this = std::move(other);
}

UnixListener& UnixListener::operator=(UnixListener&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::move(other.fd_);
  path_ = std::exchange(other.path_, {});
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

UnixListener::~UnixListener() {
  close();
}

void UnixListener::close() {
  struct stat info {};
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  path_.clear();
  fd_.reset();
}

Result<UniqueFd> open_loopback_listener(const std::string& text) {
  const auto address = parse_loopback(text);
  if (!address) {
    return Error{ErrorKind::config, "listen \"" + text +
                                        "\": expected a loopback address and a port, as 127.0.0.1:8786 or "
                                        "[::1]:8786"};
  }
  UniqueFd fd(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno_error("listen " + text, errno);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address->storage), address->size) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    Error error = errno_error("listen " + text, errno);
    if (errno == EADDRINUSE) error.kind = ErrorKind::unavailable;
    return error;
  }
  return fd;
}

std::uint16_t listening_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return 0;
}

Result<UniqueFd> adopt_listener(int fd) {
  const std::string what = "inherited socket, descriptor " + std::to_string(fd);
  int listening = 0;
  int domain = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
    return Error{ErrorKind::config, what + ": it is not a listening socket"};
  }
  size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) {
    return Error{ErrorKind::config, what + ": expected a Unix socket (ListenStream=/path)"};
  }
  const int flags = ::fcntl(fd, F_GETFL);
  UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || !own) return errno_error(what, errno);
  return own;
}

Result<Listeners> Listeners::open(const std::filesystem::path& socket, int inherited_fd,
                                  const std::string& tcp) {
  Listeners listeners;
  if (inherited_fd >= 0) {
    auto adopted = adopt_listener(inherited_fd);
    if (!adopted) return adopted.error();
    listeners.inherited_ = std::move(*adopted);
  } else if (!socket.empty()) {
    auto opened = UnixListener::open(socket);
    if (!opened) return opened.error();
    listeners.unix_ = std::move(*opened);
  }
  if (!tcp.empty()) {
    auto opened = open_loopback_listener(tcp);
    if (!opened) return opened.error();
    listeners.tcp_ = std::move(*opened);
  }
  return listeners;
}

bool Listeners::somebody_waits() const {
  pollfd waiting[] = {{local_fd(), POLLIN, 0}, {tcp_fd(), POLLIN, 0}};
  return ::poll(waiting, 2, 0) > 0;
}

}  // namespace vigile
