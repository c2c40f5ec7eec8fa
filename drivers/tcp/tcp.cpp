// SPDX-License-Identifier: Apache-2.0
#include "drivers/tcp/tcp.h"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "core/unique_fd.h"

namespace vigile {

namespace {

constexpr std::array kOptions = {
    OptionSpec{
        .name = "address", .help = "Where to connect: host:port, or [IPv6 address]:port.", .required = true},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "Not reachable after this long.",
               .fallback = "5s",
               .min = 0.001,
               .max = 3600},
};

constexpr std::array<MetricSpec, 2> kMetrics = {
    MetricSpec{"response_time", "response_time", "float", "ms", "from the SYN to the connection, connect(2)"},
    MetricSpec{"tcp_up", "up", "int", "1", "1: it accepted a connection, 0: it did not"},
};

struct Addresses {
  addrinfo* list = nullptr;
  ~Addresses() {
    if (list != nullptr) ::freeaddrinfo(list);
  }
};

class TcpDriver final : public Driver {
 public:
  TcpDriver(std::string address, HostPort target, std::chrono::nanoseconds timeout, const Clock& clock)
      : address_(std::move(address)), target_(std::move(target)), timeout_(timeout), clock_(clock) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto took = connect(context);
    const Tag tag{"address", address_};
    std::array<Value, 2> values = {Value{kMetrics[1].name, kMetrics[1].field, std::int64_t{took ? 1 : 0}}};
    if (took) values[1] = Value{kMetrics[0].name, kMetrics[0].field, *took};
    if (context.stop.stop_requested()) return Error{ErrorKind::unavailable, address_ + ": stopped"};
    out.add({.measurement = "tcp", .tags = {&tag, 1}, .values = {values.data(), took ? 2U : 1U}});
    if (!took) {
      out.availability(false, std::nullopt, took.error().message);
      return took.error();
    }
    out.availability(true, *took, "");
    return {};
  }

 private:
  // Milliseconds. Tries the addresses that the name has, one after another, until one answers.
  Result<double> connect(const SampleContext& context) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    Addresses addresses;
    if (const int code = ::getaddrinfo(target_.host.c_str(), target_.port.c_str(), &hints, &addresses.list);
        code != 0) {
      return Error{ErrorKind::unavailable, address_ + ": " + ::gai_strerror(code)};
    }
    const BootTime deadline = std::min(context.deadline, context.started + timeout_);
    Error last{ErrorKind::unavailable, address_ + ": has no address"};
    for (const addrinfo* one = addresses.list; one != nullptr; one = one->ai_next) {
      auto took = connect_to(*one, deadline, context.stop);
      if (took || took.error().kind == ErrorKind::timeout) return took;
      last = took.error();
    }
    return last;
  }

  Result<double> connect_to(const addrinfo& to, BootTime deadline, std::stop_token stop) {
    const UniqueFd fd(::socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno_error(address_, errno);
    const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const std::stop_callback on_stop(stop, [&wake] { (void)::eventfd_write(wake.get(), 1); });
    const BootTime begin = clock_.boot();
    if (::connect(fd.get(), to.ai_addr, to.ai_addrlen) != 0) {
      if (errno != EINPROGRESS) return errno_error(address_, errno);
      pollfd waiting[] = {{fd.get(), POLLOUT, 0}, {wake.get(), POLLIN, 0}};
      for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_.boot()).count();
        if (left <= 0) return Error{ErrorKind::timeout, address_ + ": no answer within the timeout"};
        const int ready = ::poll(waiting, 2, static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
        if (ready < 0 && errno != EINTR) return errno_error(address_, errno);
        if (waiting[1].revents != 0) return Error{ErrorKind::unavailable, address_ + ": stopped"};
        if (ready > 0 && waiting[0].revents != 0) break;
      }
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return errno_error(address_, error);
    }
    return std::chrono::duration<double, std::milli>(clock_.boot() - begin).count();
  }

  const std::string address_;
  const HostPort target_;
  const std::chrono::nanoseconds timeout_;
  const Clock& clock_;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  auto target = parse_host_port(options.text("address"));
  if (!target) return target.error();
  return std::unique_ptr<Driver>(std::make_unique<TcpDriver>(options.text("address"), std::move(*target),
                                                             options.duration("timeout"), environment.clock));
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  const Error bad{ErrorKind::config,
                  "address: \"" + std::string(text) + "\" is not like host:22 or [2001:db8::1]:22"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad;
  }
  unsigned number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (host.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || number < 1 ||
      number > 65535) {
    return bad;
  }
  return HostPort{std::string(host), std::string(port)};
}

const DriverInfo kTcpDriver = {.name = "tcp",
                               .summary = "Whether a TCP port accepts connections, and how fast.",
                               .options = kOptions,
                               .metrics = kMetrics,
                               .may_block = true,
                               .decides_availability = true,
                               .make = make};

}  // namespace vigile
