// SPDX-License-Identifier: Apache-2.0
#include "drivers/modbus/scripted_unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <stdexcept>

namespace vigile {

namespace {

constexpr std::size_t kTcpHeader = 7;

// CRC-16 of Modbus over Serial Line V1.02 §6.2.2.
void add_checksum(std::vector<std::uint8_t>& frame) {
  unsigned crc = 0xffff;
  for (const std::uint8_t byte : frame) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xa001 : crc >> 1;
  }
  frame.push_back(static_cast<std::uint8_t>(crc & 0xff));
  frame.push_back(static_cast<std::uint8_t>(crc >> 8));
}

}  // namespace

ScriptedUnit::ScriptedUnit(Line line, Script script)
    : line_(line), script_(std::move(script)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (line != Line::serial) {
    listening_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof to;
    if (::bind(listening_.get(), reinterpret_cast<sockaddr*>(&to), size) != 0 ||
        ::listen(listening_.get(), 16) != 0 ||
        ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&to), &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    address_ = (line == Line::tcp ? "tcp://127.0.0.1:" : "rtu+tcp://127.0.0.1:") +
               std::to_string(ntohs(to.sin_port));
  } else {
    listening_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    char name[64];
    termios raw{};
    if (!listening_ || ::grantpt(listening_.get()) != 0 || ::unlockpt(listening_.get()) != 0 ||
        ::ptsname_r(listening_.get(), name, sizeof name) != 0 || ::tcgetattr(listening_.get(), &raw) != 0) {
      throw std::runtime_error("no pseudo terminal");
    }
    ::cfmakeraw(&raw);
    ::tcsetattr(listening_.get(), TCSANOW, &raw);
    address_ = std::string("rtu://") + name;
  }
  thread_ = std::jthread([this] { run(); });
}

ScriptedUnit::~ScriptedUnit() {
  (void)::eventfd_write(stop_.get(), 1);
  thread_.join();
}

ScriptedUnit::Reply ScriptedUnit::words(const Asked& asked, int more) {
  Reply reply;
  reply.pdu = {static_cast<std::uint8_t>(asked.function), static_cast<std::uint8_t>(2 * asked.count)};
  for (int i = 0; i < asked.count; ++i) {
    reply.pdu.push_back(static_cast<std::uint8_t>((asked.first + i + more) >> 8));
    reply.pdu.push_back(static_cast<std::uint8_t>(asked.first + i + more));
  }
  return reply;
}

ScriptedUnit::Reply ScriptedUnit::exception(const Asked& asked, int code) {
  return {{static_cast<std::uint8_t>(asked.function | 0x80), static_cast<std::uint8_t>(code)}};
}

void ScriptedUnit::run() {
  std::vector<UniqueFd> open;
  for (;;) {
    std::vector<pollfd> waiting = {{stop_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
    for (const UniqueFd& fd : open) waiting.push_back({fd.get(), POLLIN, 0});
    // A terminal that nobody has open hangs up all the time.
    ::poll(waiting.data(), waiting.size(), line_ == Line::serial ? 20 : -1);
    if (waiting[0].revents != 0) return;
    for (std::size_t i = waiting.size(); i-- > 2;) {
      if (waiting[i].revents != 0 && !serve(waiting[i].fd))
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(i - 2));
    }
    if (line_ == Line::serial) {
      if ((waiting[1].revents & POLLIN) != 0) {
        serve(listening_.get());
      } else if (waiting[1].revents != 0) {
        ::poll(waiting.data(), 1, 1);
      }
    } else if (waiting[1].revents != 0) {
      open.emplace_back(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      ++connections_;
    }
  }
}

bool ScriptedUnit::serve(int fd) {
  const bool tcp = line_ == Line::tcp;
  std::vector<std::uint8_t> query(tcp ? 12 : 8);
  for (std::size_t got = 0; got < query.size();) {
    const ssize_t size = ::read(fd, query.data() + got, query.size() - got);
    if (size <= 0) return false;
    got += static_cast<std::size_t>(size);
  }
  const std::uint8_t* const q = query.data() + (tcp ? kTcpHeader - 1 : 0);
  const Asked asked{q[0], q[1], q[2] << 8 | q[3], q[4] << 8 | q[5]};
  ++asked_;
  Reply reply = script_(asked);
  using Then = Reply::Then;
  if (reply.then == Then::silence) return true;
  if (reply.then == Then::close) return false;
  std::vector<std::uint8_t> frame;
  if (tcp) {
    const std::size_t size = reply.pdu.size() + 1;
    frame = {query[0], query[1], 0, 0, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    if (reply.then == Then::damaged) frame[1] ^= 0x55;  // another transaction
  }
  frame.push_back(static_cast<std::uint8_t>(asked.unit + (reply.then == Then::wrong_unit ? 1 : 0)));
  frame.insert(frame.end(), reply.pdu.begin(), reply.pdu.end());
  if (!tcp) {
    add_checksum(frame);
    if (reply.then == Then::damaged) frame.back() ^= 0x55;
  }
  if (reply.then == Then::half) frame.resize(frame.size() / 2);
  if (reply.then == Then::twice) frame.insert(frame.end(), frame.begin(), frame.end());
  const ssize_t sent = line_ == Line::serial ? ::write(fd, frame.data(), frame.size())
                                             : ::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(frame.size());
}

}  // namespace vigile
