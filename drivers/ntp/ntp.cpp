// SPDX-License-Identifier: Apache-2.0
#include "drivers/ntp/ntp.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timex.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/unique_fd.h"
#include "drivers/dbus/bus.h"
#include "drivers/line_text/line_text.h"
#include "drivers/ntp/offset.h"
#include "drivers/program/program.h"
#include "net/resolve.h"

namespace vigile {

namespace ntp {

namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 4> kSources = {"kernel", "server", "chrony", "timesyncd"};

constexpr std::array kOptions = {
    OptionSpec{.name = "source",
               .type = OptionType::choice,
               .help = "Who is asked: kernel, server (see there), chrony (chronyc), timesyncd (D-Bus).",
               .fallback = "kernel",
               .choices = kSources},
    OptionSpec{.name = "server", .help = "With server: host, or host:port."},
    OptionSpec{.name = "chrony_address",
               .help = "With chrony: where chronyd takes commands, as 127.0.0.1:323; its own if absent."},
    OptionSpec{.name = "bus", .help = "With timesyncd: address of the system bus; the system's if absent."},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "No answer after this long.",
               .fallback = "2s",
               .min = 0.01,
               .max = 60},
};

constexpr std::array kMetrics = {
    MetricSpec{"ntp_offset", "offset", "float", "ms",
               "the right time less this clock's: above 0 this clock is behind"},
    MetricSpec{"ntp_synchronised", "synchronised", "int", "1",
               "1: the source says so; of a server: it is itself"},
    MetricSpec{"ntp_stratum", "stratum", "int", "1",
               "RFC 5905; of a server its own, else this machine's or its source's"},
    MetricSpec{"ntp_root_delay", "root_delay", "float", "ms", "to the reference clock and back"},
    MetricSpec{"ntp_root_dispersion", "root_dispersion", "float", "ms", "what the source may be wrong by"},
    MetricSpec{"ntp_jitter", "jitter", "float", "ms",
               "chrony: RMS offset; timesyncd: jitter; kernel: adjtimex jitter"},
    MetricSpec{"ntp_frequency", "frequency", "float", "ppm",
               "correction of this clock's rate: above 0 it is slow by itself"},
    MetricSpec{"ntp_error", "error", "float", "ms", "kernel: adjtimex maxerror"},
    MetricSpec{"response_time", "response_time", "float", "ms", "of a server"},
};

constexpr milliseconds kSlice{100};
constexpr double kLongestPollUs = 2048e6;  // timesyncd.conf(5), PollIntervalMaxSec

struct NtpSettings {
  std::string source;
  std::string host;
  std::uint16_t port = 123;
  std::string shown;
  std::vector<std::string> chronyc;
  std::string bus;
  std::chrono::nanoseconds timeout{};
};

class NtpDriver final : public Driver {
 public:
  NtpDriver(NtpSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const BootTime deadline = std::min(context.deadline, context.started + settings_.timeout);
    std::optional<double> took_ms;
    const auto state = settings_.source == "server"      ? ask_server(deadline, context.stop, took_ms)
                       : settings_.source == "chrony"    ? ask_chrony(deadline, context.stop)
                       : settings_.source == "timesyncd" ? ask_timesyncd(deadline)
                                                         : ask_kernel();
    if (context.stop.stop_requested()) return {};
    if (!state) {
      out.availability(false, std::nullopt, state.error().message);
      return state.error();
    }
    emit(*state, took_ms, out);
    out.availability(state->is_synchronised, took_ms,
                     state->is_synchronised ? "" : settings_.shown + ": the clock is not synchronised");
    return {};
  }

 private:
  Error failed(ErrorKind kind, const std::string& what) const {
    return Error{kind, settings_.shown + ": " + what};
  }

  static Result<State> ask_kernel() {
    timex now{};
    const int said = ::adjtimex(&now);
    if (said < 0) return Error{ErrorKind::unavailable, std::string("adjtimex: ") + std::strerror(errno)};
    State state;
    state.is_synchronised = said != TIME_ERROR && (now.status & STA_UNSYNC) == 0;
    const double to_ms = (now.status & STA_NANO) != 0 ? 1e-6 : 1e-3;
    state.offset_ms = static_cast<double>(now.offset) * to_ms;
    if (now.jitter > 0) state.jitter_ms = static_cast<double>(now.jitter) * to_ms;
    state.frequency_ppm = static_cast<double>(now.freq) / 65'536;
    if (state.is_synchronised) state.error_ms = static_cast<double>(now.maxerror) / 1000;
    return state;
  }

  // Each of its addresses in turn, with a share of the time; beginning with the one that answered last.
  Result<State> ask_server(BootTime deadline, const std::stop_token& stop, std::optional<double>& took_ms) {
    auto addresses = net::resolve(settings_.host, settings_.port, {clock_, deadline, stop});
    if (!addresses) return addresses.error();
    net::put_first(*addresses, answered_);
    Error error;
    for (std::size_t i = 0; i < addresses->size(); ++i) {
      const net::Address& address = (*addresses)[i];
      const BootTime now = clock_.boot();
      const auto share = (deadline - now) / static_cast<std::int64_t>(addresses->size() - i);
      auto state = ask_address(address, now + share, stop, took_ms);
      if (state) {
        answered_ = address.text;
        return state;
      }
      if (stop.stop_requested()) return state;
      const std::string cause =
          addresses->size() == 1 ? state.error().message : address.text + ": " + state.error().message;
      error = i == 0 ? Error{state.error().kind, cause} : Error{error.kind, error.message + "; " + cause};
    }
    return failed(error.kind, error.message);
  }

  Result<State> ask_address(const net::Address& address, BootTime deadline, const std::stop_token& stop,
                            std::optional<double>& took_ms) const {
    const UniqueFd fd(::socket(address.bytes.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) != 0)
      return Error{ErrorKind::unavailable, std::strerror(errno)};
    std::uint64_t nonce = 0;
    (void)!::getrandom(&nonce, sizeof nonce, 0);
    const Packet request = make_request(nonce);
    const BootTime begin = clock_.boot();
    const std::int64_t sent_ns = to_ns(clock_.wall());
    if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
      return Error{ErrorKind::unavailable, std::strerror(errno)};
    while (!stop.stop_requested()) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - clock_.boot());
      if (left <= milliseconds(0)) break;
      pollfd wanted{fd.get(), POLLIN, 0};
      if (::poll(&wanted, 1, static_cast<int>(std::min(left, kSlice).count())) <= 0) continue;
      std::array<unsigned char, 512> reply{};
      const ssize_t got = ::recv(fd.get(), reply.data(), reply.size(), 0);
      // By the time since boot: the clock that is measured may be stepped meanwhile.
      const std::int64_t took_ns = (clock_.boot() - begin).count();
      if (got < 0 && errno == EAGAIN) continue;
      if (got < 0) return Error{ErrorKind::unavailable, std::strerror(errno)};
      auto state =
          parse_reply({reply.data(), static_cast<std::size_t>(got)}, nonce, sent_ns, sent_ns + took_ns);
      if (!state) return state.error();
      if (!*state) continue;
      took_ms = static_cast<double>(took_ns) / 1e6;
      (*state)->server = settings_.host;
      return std::move(**state);
    }
    return Error{ErrorKind::timeout, "no answer"};
  }

  Result<State> ask_chrony(BootTime deadline, const std::stop_token& stop) const {
    program::ProgramOptions options;
    options.command = settings_.chronyc;
    options.path = program::kPath;
    options.environment = {"PATH=" + std::string(program::kPath), "LC_ALL=C"};
    auto started = program::Program::start(options);
    if (!started) return started.error();
    std::string text, complaints;
    while ((*started)->read(text, complaints, 4096, kSlice)) {
      if (clock_.boot() >= deadline || stop.stop_requested())
        return failed(ErrorKind::timeout, "chronyc does not end");
    }
    if ((*started)->ended()->status != 0)
      return failed(ErrorKind::unavailable,
                    "chronyc: " + shown_text((complaints.empty() ? text : complaints).substr(0, 100)));
    return parse_tracking(text);
  }

  Result<State> ask_timesyncd(BootTime deadline) {
    if (!bus_) {
      auto opened = dbus::Bus::open(settings_.bus, deadline - clock_.boot());
      if (!opened) return opened.error();
      bus_ = std::move(*opened);
    }
    const auto all = bus_->ask({"org.freedesktop.timesync1",
                                "/org/freedesktop/timesync1",
                                "org.freedesktop.DBus.Properties",
                                "GetAll",
                                {"org.freedesktop.timesync1.Manager"}},
                               deadline - clock_.boot());
    if (!all) {
      bus_.reset();
      return all.error();
    }
    State state;
    if (const auto* name = all->find("ServerName"); name != nullptr && name->text() != nullptr)
      state.server = *name->text();
    if (const auto* frequency = all->find("Frequency"); frequency != nullptr && frequency->is_number())
      state.frequency_ppm = frequency->number() / 65'536;
    const auto* const message = all->find("NTPMessage");
    const auto* const fields = message == nullptr ? nullptr : message->list();
    if (fields == nullptr || fields->size() != 15)
      return failed(ErrorKind::parse, "gives no NTPMessage of 15 fields");
    const auto number = [&](std::size_t i) { return (*fields)[i].number(); };
    if (number(13) == 0) return state;  // none has come yet
    // The last packet says nothing of now when it is old.
    const auto* const poll = all->find("PollIntervalUSec");
    const double poll_us = poll != nullptr && poll->number() > 0 ? poll->number() : kLongestPollUs;
    const double age_us = static_cast<double>(to_ns(clock_.wall())) / 1000 - number(11);
    state.is_synchronised = number(0) != 3 && number(3) > 0 && number(3) < 16 && age_us < 3 * poll_us;
    state.stratum = static_cast<std::int64_t>(number(3));
    state.root_delay_ms = number(5) / 1000;
    state.root_dispersion_ms = number(6) / 1000;
    state.offset_ms = ((number(9) - number(8)) + (number(10) - number(11))) / 2 / 1000;
    state.jitter_ms = number(14) / 1000;
    return state;
  }

  void emit(const State& state, const std::optional<double>& took_ms, Output& out) const {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](std::size_t metric, const auto& number) {
      if (number) values[count++] = {kMetrics[metric].name, kMetrics[metric].field, *number};
    };
    add(0, state.offset_ms);
    add(1, std::optional<std::int64_t>(state.is_synchronised ? 1 : 0));
    add(2, state.stratum);
    add(3, state.root_delay_ms);
    add(4, state.root_dispersion_ms);
    add(5, state.jitter_ms);
    add(6, state.frequency_ppm);
    add(7, state.error_ms);
    add(8, took_ms);
    const std::array<Tag, 2> tags = {Tag{"server", state.server}, Tag{"source", settings_.source}};
    out.add({.measurement = "ntp", .tags = tags, .values = {values.data(), count}});
  }

  const NtpSettings settings_;
  const Clock& clock_;
  std::unique_ptr<dbus::Bus> bus_;
  std::string answered_;  // the address of the server that answered last
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  const auto bad = [](std::string_view option, const std::string& what) {
    return Error{ErrorKind::config, std::string(option) + ": " + what};
  };
  NtpSettings settings;
  settings.source = options.text("source");
  settings.shown = settings.source;
  const auto is_only_for = [&](std::string_view option, std::string_view source) {
    return options.has(option) && settings.source != source;
  };
  for (const auto& [option, source] : {std::pair<std::string_view, std::string_view>{"server", "server"},
                                       {"chrony_address", "chrony"},
                                       {"bus", "timesyncd"}}) {
    if (is_only_for(option, source))
      return bad(option, "has no effect without source: " + std::string(source));
  }
  const auto split = [](const std::string& text, std::string& host, std::uint16_t& port) {
    const std::size_t colon = text.rfind(':');
    const bool has_port =
        colon != std::string::npos && colon > 0 && (text.find(':') == colon || text[colon - 1] == ']');
    host = has_port ? text.substr(0, colon) : text;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (!has_port) return !host.empty();
    const auto parsed = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && port > 0 && !host.empty();
  };
  if (settings.source == "server") {
    settings.shown = options.text("server");
    if (!split(settings.shown, settings.host, settings.port))
      return bad("server", shown_text(settings.shown) + " is not like ntp.example.com or 192.0.2.1:123");
  }
  settings.chronyc = {"chronyc", "-c", "-n"};
  if (options.has("chrony_address")) {
    std::string host;
    std::uint16_t port = 323;
    if (!split(options.text("chrony_address"), host, port) || host.starts_with('-'))
      return bad("chrony_address", shown_text(options.text("chrony_address")) + " is not like 127.0.0.1:323");
    settings.chronyc.insert(settings.chronyc.end(), {"-h", host, "-p", std::to_string(port)});
  }
  settings.chronyc.push_back("tracking");
  settings.bus = options.text("bus");
  if (settings.source == "timesyncd" && !dbus::is_available())
    return bad("source", "this build cannot ask timesyncd; install libsystemd-dev and build again");
  settings.timeout = options.duration("timeout");
  return std::unique_ptr<Driver>(std::make_unique<NtpDriver>(std::move(settings), environment.clock));
}

}  // namespace

}  // namespace ntp

const DriverInfo kNtpDriver = {
    .name = "ntp",
    .summary = "How far this machine's clock is off, by the kernel, a server, chrony, or systemd-timesyncd.",
    .options = ntp::kOptions,
    .metrics = ntp::kMetrics,
    .may_block = true,
    .decides_availability = true,
    .make = ntp::make};

}  // namespace vigile
