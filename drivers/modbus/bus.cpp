// SPDX-License-Identifier: Apache-2.0
#include "drivers/modbus/bus.h"

#include <modbus/modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/units.h"
#include "core/wakeup.h"
#include "net/connect_any.h"

namespace vigile::modbus {

namespace {

struct Shared {
  LineAddress line;
  std::weak_ptr<Bus> bus;
};

Mutex shared_mutex;
// Process-wide, as the lines are: instances are made one by one and know nothing of each other.
std::vector<Shared>& shared_buses() REQUIRES(shared_mutex) {
  static std::vector<Shared> list;
  return list;
}

std::string place(const LineAddress& line, const Request& request) {
  std::string text = line.shown + " unit " + std::to_string(request.unit_id) + ", " +
                     std::string(to_string(request.kind)) + " " + std::to_string(request.first);
  if (request.count > 1) text += "-" + std::to_string(request.first + request.count - 1);
  return text;
}

Error stopped(const LineAddress& line) {
  return Error{ErrorKind::unavailable, line.shown + ": stopped"};
}

Error late(const LineAddress& line) {
  return Error{ErrorKind::timeout, line.shown + ": not read within the deadline"};
}

bool is_exception(int code) {
  return code >= MODBUS_ENOBASE && code < MODBUS_ENOBASE + MODBUS_EXCEPTION_MAX;
}

// The answer was damaged, or not of our question; what follows on the line may be too.
bool is_damage(int code) {
  return code == EMBBADCRC || code == EMBBADDATA || code == EMBBADSLAVE || code == EMBMDATA ||
         code == EMBUNKEXC;
}

std::string cause_of(int code, std::chrono::nanoseconds timeout) {
  switch (code) {
    case ETIMEDOUT:
      return "no answer within " +
             format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
    case ECONNRESET:
    case EPIPE:
      return "the connection was closed";
    case EMBBADCRC:
      return "the answer is damaged (checksum)";
    case EMBBADDATA:
      return "the answer does not fit the question";
    case EMBBADSLAVE:
      return "another unit answered";
    case EMBBADEXC:
      return "an exception of no known code";
    default:
      return ::modbus_strerror(code);
  }
}

// False when the peer has ended the connection: libmodbus writes RTU frames with write(2), which would raise
// SIGPIPE.
bool drain(int fd) {
  std::array<char, 256> unwanted{};
  for (;;) {
    const ssize_t got = ::recv(fd, unwanted.data(), unwanted.size(), MSG_DONTWAIT);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  }
}

ErrorKind kind_of(int exception) {
  return exception == MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS ? ErrorKind::not_found : ErrorKind::unavailable;
}

}  // namespace

std::string_view exception_name(int code) {
  constexpr std::array<std::string_view, MODBUS_EXCEPTION_MAX> kNames = {
      "exception 0",        "illegal function",         "illegal data address",
      "illegal data value", "server device failure",    "acknowledge, not ready yet",
      "server device busy", "negative acknowledge",     "memory parity error",
      "exception 9",        "gateway path unavailable", "gateway target device failed to respond"};
  return code >= 0 && code < MODBUS_EXCEPTION_MAX ? kNames[static_cast<std::size_t>(code)] : "exception";
}

std::shared_ptr<Bus> Bus::shared(const LineAddress& line, const Clock& clock) {
  const MutexLock lock(shared_mutex);
  auto& list = shared_buses();
  std::erase_if(list, [](const Shared& one) { return one.bus.expired(); });
  for (const Shared& one : list) {
    if (!(one.line == line)) continue;
    if (auto bus = one.bus.lock()) return bus;
  }
  auto bus = std::make_shared<Bus>(line, clock);
  list.push_back({line, bus});
  return bus;
}

Bus::~Bus() {
  close();
}

Result<Bus::Turn> Bus::take_turn(const Patience& patience) {
  const std::stop_callback wake(patience.stop, [this] {
    { const MutexLock lock(mutex_); }  // whoever looked at the token before it stopped waits by now
    freed_.notify_all();
  });
  const MutexLock lock(mutex_);
  while (taken_) {
    if (patience.stop.stop_requested()) return stopped(line_);
    const auto left = patience.deadline - clock_.boot();
    if (left <= left.zero()) return Error{ErrorKind::timeout, line_.shown + ": in use by other instances"};
    freed_.wait_for(mutex_, left);
  }
  taken_ = true;
  return Turn(this);
}

void Bus::give_back() {
  {
    const MutexLock lock(mutex_);
    taken_ = false;
  }
  freed_.notify_all();
}

void Bus::close() {
  if (context_ == nullptr) return;
  ::modbus_close(context_);
  ::modbus_free(context_);
  context_ = nullptr;
  used_ = false;
}

Result<void> Bus::open_serial() {
  context_ =
      ::modbus_new_rtu(line_.device.c_str(), line_.baud, line_.parity, line_.data_bits, line_.stop_bits);
  if (context_ == nullptr) return errno_error(line_.shown, errno);
  if (::modbus_connect(context_) != 0) {
    const int code = errno;
    ::modbus_free(context_);
    context_ = nullptr;
    return errno_error(line_.shown, code);
  }
  const int fd = ::modbus_get_socket(context_);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close();
    return Error{ErrorKind::unavailable,
                 line_.shown + ": in use by another program, or by an instance with other line settings"};
  }
  if (line_.rs485 && ::modbus_rtu_set_serial_mode(context_, MODBUS_RTU_RS485) != 0) {
    const int code = errno;
    close();
    return errno_error(line_.shown + ": RS-485 mode", code);
  }
  return {};
}

Result<void> Bus::open_tcp(std::chrono::nanoseconds timeout, const Patience& patience) {
  const BootTime deadline = std::min(patience.deadline, clock_.boot() + timeout);
  auto connected = net::connect_any(line_.host, line_.port, {clock_, deadline, patience.stop});
  if (!connected) {
    return Error{connected.error().kind, line_.shown + ": cannot connect: " + connected.error().message};
  }
  const int on = 1;
  ::setsockopt(connected->fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Of what is to be opened nothing is used: the socket is ours.
  context_ = line_.is_rtu_over_tcp ? ::modbus_new_rtu("/dev/null", 9600, 'N', 8, 1)
                                   : ::modbus_new_tcp("127.0.0.1", MODBUS_TCP_DEFAULT_PORT);
  if (context_ == nullptr) return errno_error(line_.shown, errno);
  ::modbus_set_socket(context_, connected->fd.release());
  return {};
}

Result<void> Bus::connect(std::chrono::nanoseconds timeout, const Patience& patience) {
  if (auto opened = line_.is_serial() ? open_serial() : open_tcp(timeout, patience); !opened) return opened;
  if (::modbus_get_socket(context_) >= FD_SETSIZE) {  // libmodbus waits with select(2)
    close();
    return Error{ErrorKind::unavailable, line_.shown + ": this process has too many open files"};
  }
  ::modbus_set_byte_timeout(context_, 0, 0);  // the whole answer within the response time-out
  return {};
}

int Bus::exchange(const Request& request, std::chrono::nanoseconds timeout, const Patience& patience,
                  Values& out) {
  // The library takes 0 for an error.
  const auto us = std::max<std::int64_t>(timeout.count() / 1000, 1000);
  ::modbus_set_response_timeout(context_, static_cast<std::uint32_t>(us / 1'000'000),
                                static_cast<std::uint32_t>(us % 1'000'000));
  if (::modbus_set_slave(context_, request.unit_id) != 0) return errno;
  const int fd = ::modbus_get_socket(context_);
  if (line_.is_serial()) ::modbus_flush(context_);  // an answer that came too late, or noise
  // Likewise: its frames do not say which question they answer.
  if (line_.is_rtu_over_tcp && !drain(fd)) return ECONNRESET;
  const bool is_serial = line_.is_serial();
  const std::stop_callback wake(patience.stop, [fd, is_serial] {
    if (!is_serial) ::shutdown(fd, SHUT_RDWR);
  });
  int got = 0;
  switch (request.kind) {
    case Kind::coil:
      got = ::modbus_read_bits(context_, request.first, request.count, out.bits.data());
      break;
    case Kind::discrete:
      got = ::modbus_read_input_bits(context_, request.first, request.count, out.bits.data());
      break;
    case Kind::holding:
      got = ::modbus_read_registers(context_, request.first, request.count, out.words.data());
      break;
    case Kind::input:
      got = ::modbus_read_input_registers(context_, request.first, request.count, out.words.data());
      break;
  }
  if (got == request.count) return 0;
  return got < 0 ? errno : EMBBADDATA;
}

Outcome Bus::read(const Request& request, const Manner& manner, const Patience& patience, Values& out) {
  using What = Outcome::What;
  out.words.resize(kMostWords);
  out.bits.resize(kMostBits);
  Outcome outcome;
  const auto failed = [&](What what, Error error) {
    outcome.what = what;
    outcome.error = std::move(error);
    return outcome;
  };
  for (int attempt = 0;;) {
    if (manner.delay > manner.delay.zero()) {
      Wakeup nobody;
      nobody.wait_until(clock_, std::min(silent_since_ + manner.delay, patience.deadline), patience.stop);
    }
    if (patience.stop.stop_requested()) return failed(What::given_up, stopped(line_));
    if (clock_.boot() >= patience.deadline) return failed(What::given_up, late(line_));
    if (context_ == nullptr) {
      if (auto connected = connect(manner.timeout, patience); !connected)
        return failed(What::unreachable, connected.error());
    }
    const bool kept = used_;
    const BootTime begin = clock_.boot();
    const auto timeout = std::min(manner.timeout, patience.deadline - begin);
    ++outcome.requests;
    const int code = exchange(request, timeout, patience, out);
    silent_since_ = clock_.boot();
    outcome.response_ms = std::chrono::duration<double, std::milli>(silent_since_ - begin).count();
    if (code == 0) {
      used_ = true;
      return outcome;
    }
    if (patience.stop.stop_requested()) {
      close();
      return failed(What::given_up, stopped(line_));
    }
    const bool was_closed = code == ECONNRESET || code == EPIPE || code == EBADF;
    if (was_closed && kept) {  // the peer ends idle connections: that is no failure yet
      close();
      continue;
    }
    ++outcome.errors;
    const std::string where = place(line_, request) + ": ";
    if (is_exception(code) || code == EMBBADEXC) {
      used_ = true;
      outcome.exception = code == EMBBADEXC ? -1 : code - MODBUS_ENOBASE;
      const bool from_gateway = code == EMBXGPATH || code == EMBXGTAR;
      std::string cause = cause_of(code, timeout);
      if (code != EMBBADEXC) {
        cause = std::string(exception_name(outcome.exception)) + " (exception " +
                std::to_string(outcome.exception) + ")";
      }
      return failed(from_gateway ? What::absent : What::refused, {kind_of(outcome.exception), where + cause});
    }
    // Over TCP what comes too late would be taken for the next answer; a serial line is emptied before use.
    const bool stays = line_.is_serial() && (code == ETIMEDOUT || is_damage(code));
    if (!stays) close();
    if (++attempt <= manner.retries) continue;
    if (code == ETIMEDOUT) return failed(What::silent, {ErrorKind::timeout, where + cause_of(code, timeout)});
    return failed(What::wrong, {ErrorKind::unavailable, where + cause_of(code, timeout)});
  }
}

}  // namespace vigile::modbus
