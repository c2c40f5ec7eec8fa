// SPDX-License-Identifier: Apache-2.0
#include "drivers/modbus/tcp_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "core/tcp_probe.h"

namespace vigile::modbus {

namespace {

Result<UniqueFd> connect_to(const SocketAddress& to, const LineAddress& line, const Clock& clock,
                            BootTime deadline, std::stop_token stop) {
  UniqueFd fd(::socket(to.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error(line.shown, errno);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::stop_callback on_stop(stop, [&wake] { (void)::eventfd_write(wake.get(), 1); });
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.bytes), to.size) == 0) return fd;
  if (errno != EINPROGRESS) return errno_error(line.shown, errno);
  pollfd waiting[] = {{fd.get(), POLLOUT, 0}, {wake.get(), POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.boot()).count();
    if (left <= 0) return Error{ErrorKind::timeout, line.shown + ": cannot connect: no answer in time"};
    const int ready = ::poll(waiting, 2, static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
    if (ready < 0 && errno != EINTR) return errno_error(line.shown, errno);
    if (waiting[1].revents != 0) return Error{ErrorKind::unavailable, line.shown + ": stopped"};
    if (ready > 0 && waiting[0].revents != 0) break;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return errno_error(line.shown + ": cannot connect", error);
  return fd;
}

}  // namespace

Result<UniqueFd> connect_tcp(const LineAddress& line, const Clock& clock, BootTime deadline,
                             std::stop_token stop) {
  const auto addresses = resolve_host(line.host, static_cast<std::uint16_t>(std::stoi(line.port)));
  if (!addresses) return Error{addresses.error().kind, line.shown + ": " + addresses.error().message};
  Result<UniqueFd> fd = Error{ErrorKind::unavailable, line.shown + ": has no address"};
  for (const SocketAddress& one : *addresses) {
    fd = connect_to(one, line, clock, deadline, stop);
    if (fd || stop.stop_requested() || clock.boot() >= deadline) break;
  }
  return fd;
}

}  // namespace vigile::modbus
