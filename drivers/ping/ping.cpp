// SPDX-License-Identifier: Apache-2.0
#include "drivers/ping/ping.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/units.h"

namespace vigile {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "address",
               .help = "Whom to ask: address or name; the equipment's ip_address if absent."},
    OptionSpec{.name = "count",
               .type = OptionType::integer,
               .help = "Packets a run.",
               .fallback = "3",
               .min = 1,
               .max = 1000},
    OptionSpec{.name = "interval",
               .type = OptionType::duration,
               .help = "Between two packets.",
               .fallback = "200ms",
               .min = 0.01,
               .max = 60},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "Of a run: what has not come back by then is lost.",
               .fallback = "2s",
               .min = 0.01,
               .max = 3600},
    OptionSpec{.name = "size",
               .type = OptionType::integer,
               .help = "Bytes of payload of a packet.",
               .fallback = "56",
               .min = 16,
               .max = 65000},
};

constexpr std::array<MetricSpec, 6> kMetrics = {
    MetricSpec{"response_time", "response_time", "float", "ms", "mean of the round trips"},
    MetricSpec{"ping_min", "min", "float", "ms", "shortest round trip"},
    MetricSpec{"ping_max", "max", "float", "ms", "longest round trip"},
    MetricSpec{"ping_jitter", "jitter", "float", "ms",
               "mean difference between a round trip and the next, from two replies on"},
    MetricSpec{"ping_loss", "loss", "float", "percent", "packets sent that were not answered"},
    MetricSpec{"ping_up", "up", "int", "1", "1: at least one packet was answered, 0: none"},
};

using Cookie = std::array<std::uint8_t, 8>;

constexpr std::size_t kMostHeaderBytes = 128;  // of IP, with options, and ICMP

struct PingSettings {
  std::string address;
  std::size_t count = 0;
  std::chrono::nanoseconds interval{};
  std::chrono::nanoseconds timeout{};
  std::size_t size_bytes = 0;
};

// What became of the packets of one run.
struct Outcome {
  struct Packet {
    BootTime sent;
    std::optional<double> round_trip_ms = {};
    bool failed = false;  // an error came back in its place
  };
  std::vector<Packet> packets;  // that were sent, by sequence number
  std::string reason;           // of the last that failed

  std::size_t replies() const {
    return static_cast<std::size_t>(
        std::count_if(packets.begin(), packets.end(), [](const Packet& one) { return one.round_trip_ms; }));
  }
  bool settled() const {
    return std::all_of(packets.begin(), packets.end(),
                       [](const Packet& one) { return one.round_trip_ms || one.failed; });
  }
};

class PingDriver final : public Driver {
 public:
  PingDriver(PingSettings settings, const Clock& clock, OpenPingSocket open)
      : settings_(std::move(settings)), clock_(clock), open_(std::move(open)) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto outcome = run(context);
    if (context.stop.stop_requested()) return Error{ErrorKind::unavailable, settings_.address + ": stopped"};
    // Not allowed to ask: that says nothing of the one who was to be asked.
    if (!outcome && outcome.error().kind == ErrorKind::permission) return outcome.error();
    const Result<void> judged = outcome ? judge(*outcome) : Result<void>(outcome.error());
    if (!judged) ++turn_;  // a name may have other addresses
    std::array<Value, kMetrics.size()> values;
    std::size_t size = 0;
    const auto add = [&](std::size_t metric, Number number) {
      values[size++] = Value{kMetrics[metric].name, kMetrics[metric].field, number};
    };
    std::optional<double> mean;
    if (judged) mean = add_round_trips(*outcome, add);
    if (outcome && !outcome->packets.empty()) {
      const auto sent = static_cast<double>(outcome->packets.size());
      add(4, 100 * (sent - static_cast<double>(outcome->replies())) / sent);
    }
    add(5, std::int64_t{judged ? 1 : 0});
    const Tag tag{"address", settings_.address};
    out.add({.measurement = "ping", .tags = {&tag, 1}, .values = {values.data(), size}});
    out.availability(judged.has_value(), mean, judged ? "" : std::string_view(judged.error().message));
    return judged;
  }

 private:
  Result<Outcome> run(const SampleContext& context) const {
    const BootTime deadline = std::min(context.deadline, context.started + settings_.timeout);
    auto socket = open_(settings_.address, turn_, {clock_, deadline, context.stop});
    if (!socket) return socket.error();
    Outcome outcome;
    std::vector<std::uint8_t> payload(settings_.size_bytes);
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::uint8_t>(i);
    Cookie cookie{};  // tells our packets from those of other runs and programs
    if (::getrandom(cookie.data(), cookie.size(), 0) < 0) return errno_error("getrandom", errno);
    std::copy(cookie.begin(), cookie.end(), payload.begin());
    std::vector<std::uint8_t> buffer(payload.size() + kMostHeaderBytes);

    BootTime next = clock_.boot();
    for (;;) {
      const BootTime now = clock_.boot();
      if (now >= deadline || context.stop.stop_requested()) return outcome;
      const bool all_sent = outcome.packets.size() == settings_.count;
      if (all_sent && outcome.settled()) return outcome;
      if (!all_sent && now >= next) {
        send(**socket, payload, outcome);
        next = std::max(next + settings_.interval, now);
        continue;
      }
      const auto arrival =
          (*socket)->receive(buffer, all_sent ? deadline : std::min(next, deadline), context.stop);
      if (!arrival) return prefixed(arrival.error());
      if (*arrival) take(**socket, **arrival, buffer, cookie, outcome);
    }
  }

  void send(PingSocket& socket, Bytes payload, Outcome& outcome) const {
    const auto sequence = static_cast<std::uint16_t>(outcome.packets.size());
    const auto packet = build_echo_request(socket.family(), socket.identifier(), sequence, payload);
    outcome.packets.push_back({.sent = clock_.boot()});
    if (const auto sent = socket.send(packet); !sent) {
      outcome.packets.back().failed = true;
      outcome.reason = sent.error().message;
    }
  }

  // A packet that is not a first answer to one of ours changes nothing.
  static void take(const PingSocket& socket, const PingSocket::Arrival& arrival, Bytes buffer,
                   const Cookie& cookie, Outcome& outcome) {
    const Bytes bytes = buffer.first(arrival.size);
    const auto message = arrival.error
                             ? Result<IcmpMessage>(parse_quoted_request(
                                   bytes, socket.family(), arrival.error->type, arrival.error->code))
                             : parse_icmp(bytes, socket.family(), socket.raw());
    if (!message || message->kind == IcmpMessage::Kind::other) return;
    if (message->id != socket.identifier() || message->sequence >= outcome.packets.size()) return;
    // Of the payload an error quotes as much as it likes.
    const std::size_t known = std::min(cookie.size(), message->payload.size());
    if (!std::equal(cookie.begin(), cookie.begin() + known, message->payload.begin())) return;
    Outcome::Packet& packet = outcome.packets[message->sequence];
    if (message->kind == IcmpMessage::Kind::error) {
      packet.failed = true;
      outcome.reason = icmp_error_text(socket.family(), message->type, message->code);
    } else if (known == cookie.size() && !packet.round_trip_ms) {
      packet.round_trip_ms = std::chrono::duration<double, std::milli>(arrival.at - packet.sent).count();
    }
  }

  Result<void> judge(const Outcome& outcome) const {
    if (outcome.replies() > 0) return {};
    const std::string packets = std::to_string(outcome.packets.size()) + " packets";
    if (outcome.reason.empty()) {
      return Error{ErrorKind::timeout, settings_.address + ": no reply to " + packets};
    }
    return Error{ErrorKind::unavailable,
                 settings_.address + ": no reply to " + packets + ": " + outcome.reason};
  }

  Error prefixed(const Error& error) const { return {error.kind, settings_.address + ": " + error.message}; }

  // The mean.
  template <class Add>
  static double add_round_trips(const Outcome& outcome, Add add) {
    double sum = 0, least = 0, most = 0, differences = 0;
    std::optional<double> previous;
    std::size_t count = 0;
    for (const Outcome::Packet& packet : outcome.packets) {
      if (!packet.round_trip_ms) continue;
      const double ms = *packet.round_trip_ms;
      sum += ms;
      least = count == 0 ? ms : std::min(least, ms);
      most = count == 0 ? ms : std::max(most, ms);
      if (previous) differences += std::abs(ms - *previous);
      previous = ms;
      ++count;
    }
    const double mean = sum / static_cast<double>(count);
    add(0, mean);
    add(1, least);
    add(2, most);
    if (count > 1) add(3, differences / static_cast<double>(count - 1));
    return mean;
  }

  const PingSettings settings_;
  const Clock& clock_;
  const OpenPingSocket open_;
  std::size_t turn_ = 0;  // of the address that is asked
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  return make_ping(options, environment, open_ping_socket);
}

}  // namespace

Result<std::unique_ptr<Driver>> make_ping(const Options& options, const DriverEnvironment& environment,
                                          OpenPingSocket open) {
  PingSettings settings;
  settings.address =
      options.text("address").empty() ? environment.equipment.ip_address : options.text("address");
  if (settings.address.empty())
    return Error{ErrorKind::config, "address: is needed, as the equipment has no ip_address"};
  settings.count = static_cast<std::size_t>(options.integer("count"));
  settings.interval = options.duration("interval");
  settings.timeout = options.duration("timeout");
  settings.size_bytes = static_cast<std::size_t>(options.integer("size"));
  if (settings.interval * static_cast<std::int64_t>(settings.count - 1) >= settings.timeout) {
    return Error{ErrorKind::config, "timeout: " + format_duration(settings.timeout) +
                                        " is too short to send " + std::to_string(settings.count) +
                                        " packets, one every " + format_duration(settings.interval)};
  }
  return std::unique_ptr<Driver>(
      std::make_unique<PingDriver>(std::move(settings), environment.clock, std::move(open)));
}

const DriverInfo kPingDriver = {
    .name = "ping",
    .summary = "Whether an address answers ICMP echo requests, how fast, and how many.",
    .options = kOptions,
    .metrics = kMetrics,
    .may_block = true,
    .decides_availability = true,
    .series = [](const Options& options) { return options.text("address"); },
    .make = make};

}  // namespace vigile
