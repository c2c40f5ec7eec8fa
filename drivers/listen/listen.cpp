// SPDX-License-Identifier: Apache-2.0
#include "drivers/listen/listen.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "drivers/line_text/line_text.h"
#include "drivers/listen/sockets.h"
#include "drivers/listen/statsd.h"

namespace vigile {

namespace listen {

namespace {

constexpr std::array<std::string_view, 2> kFormats = {"line_protocol", "statsd"};

constexpr std::array kOptions = {
    OptionSpec{.name = "address",
               .help = "Where: udp://127.0.0.1:8094, tcp://…, unix:///run/vigile/push.sock, unixgram://….",
               .required = true},
    OptionSpec{.name = "format",
               .type = OptionType::choice,
               .help = "What is pushed: line_protocol, or statsd, gathered over each interval.",
               .fallback = "line_protocol",
               .choices = kFormats},
    OptionSpec{.name = "forward",
               .type = OptionType::boolean,
               .help = "Lines are other agents' and go on as they are; else they are of this equipment.",
               .fallback = "false"},
    OptionSpec{.name = "public",
               .type = OptionType::boolean,
               .help = "Allow an address that other machines can reach; whoever does can write readings.",
               .fallback = "false"},
    OptionSpec{.name = "max_points",
               .type = OptionType::integer,
               .help = "Most points a second; those above it are refused and counted.",
               .fallback = "1000",
               .min = 1,
               .max = 1000000},
    OptionSpec{.name = "max_line",
               .type = OptionType::size,
               .help = "Longest line, and longest datagram.",
               .fallback = "64KiB",
               .min = 64,
               .max = 1048576},
    OptionSpec{.name = "max_connections",
               .type = OptionType::integer,
               .help = "Connections at a time, over TCP and Unix sockets.",
               .fallback = "32",
               .min = 1,
               .max = 1000},
    OptionSpec{.name = "receive_buffer",
               .type = OptionType::size,
               .help = "What the kernel keeps of datagrams between two intervals.",
               .fallback = "512KiB",
               .min = 4096,
               .max = 67108864},
    OptionSpec{.name = "mode", .help = "Permissions of a Unix socket, octal.", .fallback = "0660"},
};

constexpr std::array kMetrics = {
    MetricSpec{"listen_points", "points", "int", "1", "points taken in this run; of statsd, lines"},
    MetricSpec{"listen_refused", "refused", "int", "1",
               "lines refused in this run: malformed, too long, above max_points"},
    MetricSpec{"listen_lost", "lost", "int", "1",
               "datagrams that the kernel had no room for, since the socket was opened"},
    MetricSpec{"listen_connections", "connections", "int", "1", "connections now; TCP and Unix sockets"},
};

constexpr std::size_t kMostBytesARun = std::size_t{8} << 20;

struct ListenSettings {
  Address address;
  SocketLimits limits;
  bool is_statsd = false;
  PointOrigin origin = PointOrigin::here;
  double max_points_a_second = 0;
};

class ListenDriver final : public Driver {
 public:
  ListenDriver(ListenSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    if (!sockets_) {
      auto opened = Sockets::open(settings_.address, settings_.limits);
      if (!opened) return opened.error();
      sockets_ = std::move(*opened);
    }
    TextReport report;
    refill();
    const Sockets::Counts before = sockets_->counts();
    const BootTime enough = context.started + (context.deadline - context.started) / 2;
    std::size_t left = kMostBytesARun;
    // What a run reads in one go is bounded, and so is how long a flood keeps it.
    while (left > 0 && clock_.boot() < enough && !context.stop.stop_requested()) {
      const std::size_t got = sockets_->read(std::min<std::size_t>(left, std::size_t{256} << 10),
                                             [&](std::string_view text) { take(text, out, report); });
      if (got == 0) break;
      left -= std::min(left, got);
    }
    const Sockets::Counts& after = sockets_->counts();
    if (after.too_long > before.too_long) {
      report.refuse({ErrorKind::full, settings_.address.shown + ": a line of more than max_line, " +
                                          std::to_string(settings_.limits.longest_line) + " bytes"});
      report.refused += after.too_long - before.too_long - 1;
    }
    if (after.turned_away > before.turned_away) {
      report.refuse({ErrorKind::full, settings_.address.shown + ": more than max_connections, " +
                                          std::to_string(settings_.limits.connections) + ", at a time"});
      --report.refused;  // no line of it is known
    }
    if (settings_.is_statsd) emit_statsd(out);
    emit(report, out);
    return report.result();
  }

 private:
  // A bucket that holds two seconds' worth.
  void refill() {
    const BootTime now = clock_.boot();
    const double most = std::max(1.0, 2 * settings_.max_points_a_second);
    const double since = last_refill_ ? std::chrono::duration<double>(now - *last_refill_).count() : 1e9;
    // What came meanwhile is from meanwhile: an interval of any length has its share.
    allowance_ = std::min(std::max(most, since * settings_.max_points_a_second),
                          allowance_ + since * settings_.max_points_a_second);
    if (!last_refill_) allowance_ = most;
    last_refill_ = now;
  }

  void take(std::string_view text, Output& out, TextReport& report) {
    const auto most = static_cast<std::uint64_t>(std::max(0.0, allowance_));
    const std::uint64_t before = report.points;
    if (settings_.is_statsd) {
      take_statsd(text, most, report);
    } else {
      add_lines(text, settings_.origin, settings_.address.shown, out, report, most);
    }
    allowance_ -= static_cast<double>(report.points - before);
  }

  void take_statsd(std::string_view text, std::uint64_t most, TextReport& report) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(text.size(), end + 1));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty() || line.starts_with("_e{") || line.starts_with("_sc|"))
        continue;  // events are no readings
      if (most == 0) {
        report.refuse({ErrorKind::full, settings_.address.shown + ": more than max_points a second"});
        continue;
      }
      if (const auto added = statsd_.add(line); !added) {
        report.refuse({added.error().kind,
                       settings_.address.shown + ": " + shown_text(line) + " " + added.error().message});
        continue;
      }
      ++report.points;
      --most;
    }
  }

  void emit_statsd(Output& out) {
    for (const StatsdSeries& series : statsd_.take()) {
      std::vector<Tag> tags;
      for (const auto& [key, value] : series.tags) tags.push_back(Tag{key, value});
      std::vector<std::string> names;
      names.reserve(series.figures.size());  // so that views stay valid
      std::vector<Value> values;
      for (const auto& figure : series.figures) {
        names.push_back(series.name + std::string(figure.suffix));
        values.push_back({names.back(), names.back(), figure.value});
      }
      out.add({.measurement = "statsd", .tags = tags, .values = values});
    }
  }

  void emit(const TextReport& report, Output& out) const {
    const std::array<Value, 4> values = {
        Value{kMetrics[0].name, kMetrics[0].field, static_cast<std::int64_t>(report.points)},
        Value{kMetrics[1].name, kMetrics[1].field, static_cast<std::int64_t>(report.refused)},
        Value{kMetrics[2].name, kMetrics[2].field, static_cast<std::int64_t>(sockets_->counts().lost)},
        Value{kMetrics[3].name, kMetrics[3].field, static_cast<std::int64_t>(sockets_->connections())}};
    const Tag tag{"address", settings_.address.shown};
    out.add({.measurement = "listen", .tags = {&tag, 1}, .values = values});
  }

  const ListenSettings settings_;
  const Clock& clock_;
  std::unique_ptr<Sockets> sockets_;
  Statsd statsd_;
  double allowance_ = 0;
  std::optional<BootTime> last_refill_;
};

Error bad(std::string_view option, std::string_view what) {
  return Error{ErrorKind::config, std::string(option) + ": " + std::string(what)};
}

bool is_loopback(const std::string& host) {
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  return host == "::1";
}

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  ListenSettings settings;
  auto address = parse_address(options.text("address"));
  if (!address) return address.error();
  settings.address = std::move(*address);
  if (settings.address.path.empty() && !is_loopback(settings.address.host) && !options.flag("public"))
    return bad("address", settings.address.shown +
                              " can be reached by other machines, and nobody is asked for a password; "
                              "say public: true if that is meant");
  settings.is_statsd = options.text("format") == "statsd";
  if (settings.is_statsd && options.flag("forward"))
    return bad("forward", "has no effect with format: statsd");
  settings.origin = options.flag("forward") ? PointOrigin::agent : PointOrigin::here;
  settings.max_points_a_second = static_cast<double>(options.integer("max_points"));
  settings.limits.longest_line = static_cast<std::size_t>(options.size_bytes("max_line"));
  settings.limits.connections = static_cast<std::size_t>(options.integer("max_connections"));
  settings.limits.receive_buffer_bytes = options.size_bytes("receive_buffer");
  const std::string& mode = options.text("mode");
  const auto parsed = std::from_chars(mode.data(), mode.data() + mode.size(), settings.limits.mode, 8);
  if (parsed.ec != std::errc() || parsed.ptr != mode.data() + mode.size() || settings.limits.mode > 0777)
    return bad("mode", "\"" + mode.substr(0, 20) + "\" is not like \"0660\"");
  return std::unique_ptr<Driver>(std::make_unique<ListenDriver>(std::move(settings), environment.clock));
}

}  // namespace

}  // namespace listen

const DriverInfo kListenDriver = {
    .name = "listen",
    .summary = "Readings that other programs push: line protocol or StatsD over UDP, TCP or a Unix socket.",
    .options = listen::kOptions,
    .metrics = listen::kMetrics,
    .named_metrics = "Those that are pushed, by their names.",
    .may_block = true,
    .make = listen::make};

}  // namespace vigile
