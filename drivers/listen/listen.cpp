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
#include "point/recordable.h"
#include "point/repeated_key.h"

namespace vigile {

namespace listen {

namespace {

constexpr std::string_view kMeasurements[] = {"statsd"};
constexpr std::array<std::string_view, 2> kFormats = {"line_protocol", "statsd"};
constexpr std::array<std::string_view, 2> kDialects = {"statsd", "dogstatsd"};

constexpr std::array kOptions = {
    OptionSpec{.name = "address",
               .help = "Where: udp://127.0.0.1:8094, tcp://…, unix:///run/vigile/push.sock, unixgram://….",
               .required = true},
    OptionSpec{.name = "format",
               .type = OptionType::choice,
               .help = "What is pushed: line_protocol, or statsd, gathered over each interval.",
               .fallback = "line_protocol",
               .choices = kFormats},
    OptionSpec{
        .name = "dialect",
        .type = OptionType::choice,
        .help = "What a gauge with a sign does: in statsd -5 changes it by -5, in dogstatsd it sets it.",
        .fallback = "statsd",
        .choices = kDialects},
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
    OptionSpec{.name = "idle_timeout",
               .type = OptionType::duration,
               .help = "A connection that sends nothing for so long is closed.",
               .fallback = "10m",
               .min = 1,
               .max = 31536000},
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
    MetricSpec{"listen_passed_over", "passed_over", "int", "1",
               "events and service checks of DogStatsD in this run, which are no readings; statsd"},
    MetricSpec{"listen_connections_refused", "connections_refused", "int", "1",
               "connections above max_connections, since the socket was opened"},
    MetricSpec{"listen_connections_closed", "connections_closed", "int", "1",
               "connections closed for their silence, since the socket was opened"},
};

constexpr std::size_t kMostBytesARun = std::size_t{8} << 20;

struct ListenSettings {
  Address address;
  SocketLimits limits;
  bool is_statsd = false;
  StatsdDialect dialect = StatsdDialect::statsd;
  std::string equipment_id;
  PointOrigin origin = PointOrigin::here;
  double max_points_a_second = 0;
};

class ListenDriver final : public Driver {
 public:
  ListenDriver(ListenSettings settings, const Clock& clock)
      : settings_(std::move(settings)), clock_(clock), statsd_(settings_.dialect) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    if (!sockets_) {
      auto opened = Sockets::open(settings_.address, settings_.limits);
      if (!opened) return opened.error();
      sockets_ = std::move(*opened);
    }
    TextReport report;
    passed_over_ = 0;
    refill();
    const Sockets::Counts before = sockets_->counts();
    const BootTime enough = context.started + (context.deadline - context.started) / 2;
    std::size_t left = kMostBytesARun;
    // What a run reads in one go is bounded, and so is how long a flood keeps it.
    while (left > 0 && clock_.boot() < enough && !context.stop.stop_requested()) {
      const std::size_t got =
          sockets_->read(std::min<std::size_t>(left, std::size_t{256} << 10), clock_.boot(),
                         [&](std::string_view text) { take(text, out, report); });
      if (got == 0) break;
      left -= std::min(left, got);
    }
    report_counts(before, sockets_->counts(), report);
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

  // Those of which no line is known are errors, and no refused lines.
  void report_counts(const Sockets::Counts& before, const Sockets::Counts& after, TextReport& report) const {
    const auto add = [&](std::uint64_t count, bool is_lines, const std::string& what) {
      if (count == 0) return;
      const std::uint64_t refused = report.refused + (is_lines ? count : 0);
      report.refuse({ErrorKind::full, settings_.address.shown + ": " + what});
      report.refused = refused;
    };
    const SocketLimits& limits = settings_.limits;
    const std::string connections = std::to_string(limits.connections);
    add(after.too_long - before.too_long, true,
        "a line of more than max_line, " + std::to_string(limits.longest_line) + " bytes");
    add(after.unfinished - before.unfinished, true,
        "a connection was silent in the middle of a line, and is closed");
    add(after.turned_away - before.turned_away, false,
        "more than max_connections, " + connections + ", at a time");
    add(after.lost - before.lost, false,
        std::to_string(after.lost - before.lost) +
            " datagrams came when receive_buffer was full, and are lost");
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
      if (line.empty()) continue;
      if (is_statsd_notice(line)) {
        ++passed_over_;
        continue;
      }
      if (most == 0) {
        report.refuse({ErrorKind::full, settings_.address.shown + ": more than max_points a second"});
        continue;
      }
      if (const auto added = add_statsd(line); !added) {
        report.refuse({added.error().kind,
                       settings_.address.shown + ": " + shown_text(line) + " " + added.error().message});
        continue;
      }
      ++report.points;
      --most;
    }
  }

  Result<void> add_statsd(std::string_view line) {
    const auto read = parse_statsd_line(line);
    if (!read) return read.error();
    if (auto valid = check_recorded_name("its name", read->name); !valid) return valid;
    for (const auto& [key, value] : read->tags) {
      if (auto valid = check_recorded_tag(key, value, settings_.equipment_id); !valid) return valid;
    }
    if (const std::string* const twice = repeated_key(read->tags))
      return Error{ErrorKind::parse, "has the tag " + twice->substr(0, 60) + " twice, as tags are written"};
    if (read->time_s) {
      std::optional<std::int64_t> now_ns;
      if (clock_.wall_is_set()) now_ns = to_ns(clock_.wall());
      if (auto valid = check_recorded_time(time_ns(*read->time_s), now_ns); !valid) return valid;
    }
    return statsd_.add(*read);
  }

  static std::int64_t time_ns(std::int64_t time_s) { return time_s * 1'000'000'000; }

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
      std::optional<WallTime> time;
      if (series.time_s) time = wall_from_ns(time_ns(*series.time_s));
      out.add({.measurement = "statsd", .tags = tags, .values = values, .wall_time = time});
    }
  }

  void emit(const TextReport& report, Output& out) const {
    const Sockets::Counts& counts = sockets_->counts();
    std::vector<Value> values;
    const auto add = [&](std::string_view metric, std::uint64_t count) {
      const auto* const spec =
          std::find_if(kMetrics.begin(), kMetrics.end(), [&](const auto& one) { return one.name == metric; });
      values.push_back({spec->name, spec->field, static_cast<std::int64_t>(count)});
    };
    add("listen_points", report.points);
    add("listen_refused", report.refused);
    add("listen_lost", counts.lost);
    add("listen_connections", sockets_->connections());
    if (settings_.is_statsd) add("listen_passed_over", passed_over_);
    if (is_stream(settings_.address)) {
      add("listen_connections_refused", counts.turned_away);
      add("listen_connections_closed", counts.closed);
    }
    const Tag tag{"address", settings_.address.shown};
    out.add({.measurement = "listen", .tags = {&tag, 1}, .values = values});
  }

  const ListenSettings settings_;
  const Clock& clock_;
  std::unique_ptr<Sockets> sockets_;
  Statsd statsd_;
  std::uint64_t passed_over_ = 0;  // in this run
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
  settings.dialect =
      options.text("dialect") == "dogstatsd" ? StatsdDialect::dogstatsd : StatsdDialect::statsd;
  if (!settings.is_statsd && settings.dialect != StatsdDialect::statsd)
    return bad("dialect", "has no effect without format: statsd");
  settings.equipment_id = environment.equipment.id;
  settings.origin = options.flag("forward") ? PointOrigin::agent : PointOrigin::here;
  settings.max_points_a_second = static_cast<double>(options.integer("max_points"));
  settings.limits.longest_line = static_cast<std::size_t>(options.size_bytes("max_line"));
  settings.limits.connections = static_cast<std::size_t>(options.integer("max_connections"));
  settings.limits.idle = options.duration("idle_timeout");
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
    .measurements = listen::kMeasurements,
    .may_block = true,
    .make = listen::make};

}  // namespace vigile
