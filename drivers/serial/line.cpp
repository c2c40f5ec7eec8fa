// SPDX-License-Identifier: Apache-2.0
#include "drivers/serial/line.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace vigile::serial {

namespace {

struct Speed {
  int baud;
  speed_t constant;
};
constexpr Speed kSpeeds[] = {{300, B300},       {600, B600},        {1200, B1200},     {2400, B2400},
                             {4800, B4800},     {9600, B9600},      {19200, B19200},   {38400, B38400},
                             {57600, B57600},   {115200, B115200},  {230400, B230400}, {460800, B460800},
                             {921600, B921600}, {1000000, B1000000}};

Error fault(const std::string& device, const char* what) {
  const ErrorKind kind = errno == ENOENT || errno == ENXIO || errno == ENODEV ? ErrorKind::not_found
                         : errno == EACCES || errno == EPERM                  ? ErrorKind::permission
                                                                              : ErrorKind::io;
  return Error{kind, device + ": " + what + std::strerror(errno)};
}

}  // namespace

bool is_speed(int baud) {
  return std::any_of(std::begin(kSpeeds), std::end(kSpeeds),
                     [&](const Speed& speed) { return speed.baud == baud; });
}

Result<std::unique_ptr<Line>> Line::open(const LineSettings& settings) {
  // Without waiting for a carrier, and not as the agent's terminal.
  UniqueFd fd(::open(settings.device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return fault(settings.device, "");
  termios mode{};
  if (::tcgetattr(fd.get(), &mode) != 0)
    return Error{ErrorKind::config, settings.device + ": is not a serial line"};
  // Nobody else's bytes among ours.
  if (::ioctl(fd.get(), TIOCEXCL) != 0) return fault(settings.device, "exclusive use: ");
  ::cfmakeraw(&mode);
  mode.c_cflag |= CLOCAL | CREAD;
  mode.c_cflag &= ~static_cast<tcflag_t>(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS);
  mode.c_cflag |= settings.data_bits == 7 ? CS7 : CS8;
  if (settings.parity != 'N') mode.c_cflag |= PARENB;
  if (settings.parity == 'O') mode.c_cflag |= PARODD;
  if (settings.stop_bits == 2) mode.c_cflag |= CSTOPB;
  if (settings.rts_cts) mode.c_cflag |= CRTSCTS;
  mode.c_cc[VMIN] = 0;
  mode.c_cc[VTIME] = 0;
  for (const Speed& speed : kSpeeds) {
    if (speed.baud == settings.baud) ::cfsetspeed(&mode, speed.constant);
  }
  if (::tcsetattr(fd.get(), TCSANOW, &mode) != 0) return fault(settings.device, "its settings: ");
  ::tcflush(fd.get(), TCIFLUSH);
  return std::unique_ptr<Line>(new Line(std::move(fd), settings.device));
}

Result<bool> Line::read(std::string& to, std::size_t most_bytes, std::chrono::milliseconds limit) {
  pollfd wanted{fd_.get(), POLLIN, 0};
  if (::poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(0, limit.count()))) <= 0) return false;
  char buffer[1024];
  const ssize_t got = ::read(fd_.get(), buffer, std::min(sizeof buffer, most_bytes));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0) return fault(device_, "");
  // A line that was unplugged reads as its end.
  if (got == 0)
    return (wanted.revents & (POLLHUP | POLLERR)) != 0
               ? Result<bool>(Error{ErrorKind::not_found, device_ + ": it is gone"})
               : false;
  to.append(buffer, static_cast<std::size_t>(got));
  return true;
}

void Line::discard() {
  ::tcflush(fd_.get(), TCIFLUSH);
}

Result<void> Line::write(std::string_view bytes, std::chrono::milliseconds limit) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno != EAGAIN && errno != EINTR) return fault(device_, "");
    if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
    pollfd wanted{fd_.get(), POLLOUT, 0};
    if (!bytes.empty() && ::poll(&wanted, 1, static_cast<int>(limit.count())) <= 0)
      return Error{ErrorKind::timeout, device_ + ": takes nothing"};
  }
  return {};
}

}  // namespace vigile::serial
