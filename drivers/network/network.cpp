// SPDX-License-Identifier: Apache-2.0
#include "drivers/network/network.h"

#include <algorithm>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"

namespace vigile {

namespace {

constexpr std::array<OptionSpec, 2> kOptions = {
    OptionSpec{.name = "interfaces",
               .type = OptionType::list,
               .help = "names or patterns of the interfaces to watch; all, if absent",
               .fallback = ""},
    OptionSpec{.name = "exclude",
               .type = OptionType::list,
               .help = "names or patterns to leave out; a name spelled out in interfaces counts all the same",
               .fallback = "[lo, \"veth*\", \"docker*\", \"br-*\", \"virbr*\", \"cni*\", \"cali*\", "
                           "\"flannel*\", \"ifb*\", \"dummy*\", \"sit*\", \"tunl*\", \"ip6*\", \"gre*\", "
                           "\"erspan*\"]"},
};

// First the counters, in the order of NetCounter.
constexpr std::array<MetricSpec, 10> kMetrics = {
    MetricSpec{"network_rx_bytes_per_s", "rx_bytes_per_s", "float", "bytes/s",
               "/proc/net/dev, receive bytes"},
    MetricSpec{"network_tx_bytes_per_s", "tx_bytes_per_s", "float", "bytes/s",
               "/proc/net/dev, transmit bytes"},
    MetricSpec{"network_rx_packets_per_s", "rx_packets_per_s", "float", "1/s",
               "/proc/net/dev, receive packets"},
    MetricSpec{"network_tx_packets_per_s", "tx_packets_per_s", "float", "1/s",
               "/proc/net/dev, transmit packets"},
    MetricSpec{"network_rx_errors_per_s", "rx_errors_per_s", "float", "1/s", "/proc/net/dev, receive errs"},
    MetricSpec{"network_tx_errors_per_s", "tx_errors_per_s", "float", "1/s", "/proc/net/dev, transmit errs"},
    MetricSpec{"network_rx_drops_per_s", "rx_drops_per_s", "float", "1/s", "/proc/net/dev, receive drop"},
    MetricSpec{"network_tx_drops_per_s", "tx_drops_per_s", "float", "1/s", "/proc/net/dev, transmit drop"},
    MetricSpec{"network_up", "up", "bool", "1", "/sys/class/net/<interface>/carrier"},
    MetricSpec{"network_speed", "speed", "int", "Mbit/s", "/sys/class/net/<interface>/speed"},
};
constexpr std::size_t kUp = 8;
constexpr std::size_t kSpeed = 9;

constexpr int kHeaderLines = 2;
constexpr std::size_t kColumns = 16;
// Where each NetCounter stands: bytes packets errs drop fifo frame compressed multicast, then transmit's.
constexpr std::array<std::size_t, kNetCounters> kColumnOf = {0, 8, 1, 9, 2, 10, 3, 11};

constexpr std::uint64_t kTwoTo32 = std::uint64_t{1} << 32;
constexpr std::int64_t kUnknownSpeedMbit = 1000;
constexpr double kBytesPerMbit = 125'000;
constexpr double kSmallestPacketBytes = 60;

struct Link {
  std::optional<bool> up;
  std::optional<std::int64_t> speed_mbit;
};

class NetworkDriver final : public Driver {
 public:
  NetworkDriver(const Options& options, const DriverEnvironment& environment)
      : clock_(environment.clock),
        filter_(options.list("interfaces"), options.list("exclude")),
        class_net_((environment.sys_root / "class/net/").string()),
        file_(environment.proc_root / "net/dev") {}

  Result<void> sample(const SampleContext& /*context*/, Output& out) override {
    const auto text = file_.read();
    const BootTime now = clock_.boot();
    if (!text) return text.error();
    auto parsed = parse_net_dev(*text, file_.path(), interfaces_);
    std::erase_if(interfaces_, [&](const InterfaceCounters& one) { return !filter_.accepts(one.name); });
    const double seconds = std::chrono::duration<double>(now - previous_time_).count();
    for (const InterfaceCounters& one : interfaces_) emit(one, seconds, out);
    std::swap(interfaces_, previous_);
    previous_time_ = now;
    if (!parsed) return parsed;
    return all_there();
  }

 private:
  void emit(const InterfaceCounters& one, double seconds, Output& out) {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](std::size_t metric, Number number) {
      values[count++] = Value{kMetrics[metric].name, kMetrics[metric].field, number};
    };
    const Link link = read_link(one.name);
    const auto before = std::find_if(previous_.begin(), previous_.end(),
                                     [&](const InterfaceCounters& old) { return old.name == one.name; });
    if (before != previous_.end() && seconds > 0) {
      if (const auto risen = counters_risen(before->counters, one.counters, seconds, link.speed_mbit)) {
        for (std::size_t i = 0; i < kNetCounters; ++i) {
          add(i, two_decimals(static_cast<double>((*risen)[i]) / seconds));
        }
      }
    }
    if (link.up) add(kUp, *link.up);
    if (link.speed_mbit) add(kSpeed, *link.speed_mbit);
    if (count == 0) return;
    const Tag tag{"interface", one.name};
    out.add({.measurement = "network", .tags = {&tag, 1}, .values = {values.data(), count}});
  }

  // Both files say EINVAL while the interface is down; a virtual one has no speed, or -1.
  Link read_link(const std::string& name) {
    Link link;
    char buffer[64];
    path_ = class_net_ + name + "/carrier";
    const auto carrier = read_attribute(path_.c_str(), buffer, sizeof buffer);
    if (carrier) {
      link.up = *carrier == "1";
    } else if (carrier.error().kind == ErrorKind::io) {
      link.up = false;
    }
    path_ = class_net_ + name + "/speed";
    const auto speed = read_attribute(path_.c_str(), buffer, sizeof buffer);
    if (speed) {
      const auto mbit = to_signed(*speed);
      // Before Linux 4.20 some drivers gave the unknown speed as 65535 or as a large unsigned number.
      if (mbit && *mbit > 0 && *mbit != 65'535 && *mbit < 0x7fff'ffff) link.speed_mbit = *mbit;
    }
    return link;
  }

  // An interface asked for by name, or a choice that matches nothing, must not go unnoticed.
  Result<void> all_there() const {
    for (const std::string& wanted : filter_.chosen()) {
      if (!is_plain_name(wanted)) continue;
      if (std::none_of(previous_.begin(), previous_.end(),
                       [&](const InterfaceCounters& one) { return one.name == wanted; })) {
        return Error{ErrorKind::not_found, file_.path() + ": no interface \"" + wanted + "\""};
      }
    }
    if (filter_.chooses() && previous_.empty()) {
      return Error{ErrorKind::not_found, file_.path() + ": no interface matches the option \"interfaces\""};
    }
    return {};
  }

  const Clock& clock_;
  const NameFilter filter_;
  const std::string class_net_;
  KernelFile file_;
  std::string path_;
  std::vector<InterfaceCounters> interfaces_;
  std::vector<InterfaceCounters> previous_;
  BootTime previous_time_;
};

Result<std::unique_ptr<Driver>> make_network(const Options& options, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<NetworkDriver>(options, environment));
}

}  // namespace

const DriverInfo kNetworkDriver = {
    .name = "network",
    .summary = "Traffic, errors and drops of each network interface, and the state of its link.",
    .options = kOptions,
    .metrics = kMetrics,
    .make = make_network,
};

Result<void> parse_net_dev(std::string_view text, std::string_view file,
                           std::vector<InterfaceCounters>& out) {
  out.clear();
  Lines lines(text);
  while (lines.next()) {
    const auto bad = [&](std::string_view expected) {
      return parse_error(file, lines.number(), expected, lines.line());
    };
    if (!lines.is_whole()) return bad("a whole line");
    if (lines.number() <= kHeaderLines) {
      if (lines.line().find('|') == std::string_view::npos) return bad("a heading with |");
      continue;
    }
    // Only numbers follow the last colon; a name may hold one (an alias).
    const std::size_t colon = lines.line().rfind(':');
    if (colon == std::string_view::npos) return bad("<interface>: and 16 numbers");
    std::string_view before = lines.line().substr(0, colon);
    std::string_view rest = lines.line().substr(colon + 1);
    const std::string_view name = take_word(before);
    if (name.empty() || name.find('/') != std::string_view::npos) return bad("the name of an interface");
    std::array<std::uint64_t, kColumns> columns{};
    for (std::uint64_t& column : columns) {
      const auto number = to_unsigned(take_word(rest));
      if (!number) return bad("<interface>: and 16 numbers");
      column = *number;
    }
    InterfaceCounters& one = out.emplace_back();
    one.name = name;
    for (std::size_t i = 0; i < kNetCounters; ++i) one.counters[i] = columns[kColumnOf[i]];
  }
  if (lines.number() < kHeaderLines) return parse_error(file, 0, "two lines of heading", text);
  return {};
}

std::optional<NetCounters> counters_risen(const NetCounters& before, const NetCounters& now, double seconds,
                                          std::optional<std::int64_t> speed_mbit) {
  NetCounters risen{};
  int went_back = 0;
  for (std::size_t i = 0; i < kNetCounters; ++i) {
    risen[i] = now[i] - before[i];
    if (now[i] >= before[i]) continue;
    if (++went_back > 1 || before[i] < kTwoTo32 / 2 || before[i] >= kTwoTo32) return std::nullopt;
    risen[i] += kTwoTo32;
    const double most_bytes =
        seconds * kBytesPerMbit * static_cast<double>(speed_mbit.value_or(kUnknownSpeedMbit));
    const bool counts_bytes = i <= static_cast<std::size_t>(NetCounter::tx_bytes);
    if (static_cast<double>(risen[i]) * (counts_bytes ? 1 : kSmallestPacketBytes) > most_bytes) {
      return std::nullopt;
    }
  }
  return risen;
}

}  // namespace vigile
