// SPDX-License-Identifier: Apache-2.0
#include "drivers/tcp/tcp.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "net/connect_any.h"

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
  // Milliseconds.
  Result<double> connect(const SampleContext& context) {
    const BootTime deadline = std::min(context.deadline, context.started + timeout_);
    const auto connected = net::connect_any(target_.host, target_.port, {clock_, deadline, context.stop});
    if (!connected) return Error{connected.error().kind, address_ + ": " + connected.error().message};
    return std::chrono::duration<double, std::milli>(connected->took).count();
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
  return HostPort{std::string(host), static_cast<std::uint16_t>(number)};
}

const DriverInfo kTcpDriver = {.name = "tcp",
                               .summary = "Whether a TCP port accepts connections, and how fast.",
                               .options = kOptions,
                               .metrics = kMetrics,
                               .may_block = true,
                               .decides_availability = true,
                               .series = [](const Options& options) { return options.text("address"); },
                               .make = make};

}  // namespace vigile
