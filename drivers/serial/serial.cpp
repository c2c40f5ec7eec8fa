// SPDX-License-Identifier: Apache-2.0
#include "drivers/serial/serial.h"

#include <algorithm>
#include <array>

#include "drivers/line_text/line_text.h"
#include "drivers/scale/scale.h"
#include "drivers/serial/line.h"
#include "drivers/serial/nmea.h"
#include "drivers/text_fields/text_fields.h"

namespace vigile {

namespace serial {

namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 2> kProtocols = {"lines", "nmea"};
constexpr std::array<std::string_view, 3> kParities = {"none", "even", "odd"};

constexpr std::array kColumns = {kTextFieldName, kTextFieldMatch,  kTextFieldType,
                                 kDecimalOption, kThousandsOption, kNotAvailableTextOption,
                                 kScaleOption,   kOffsetOption,    kUnitOption};

constexpr std::array kOptions = {
    OptionSpec{
        .name = "device", .help = "The line: /dev/ttyUSB0, or better /dev/serial/by-id/….", .required = true},
    OptionSpec{.name = "protocol",
               .type = OptionType::choice,
               .help = "lines: values by expressions; nmea: position and speed.",
               .fallback = "lines",
               .choices = kProtocols},
    OptionSpec{.name = "values",
               .type = OptionType::rows,
               .help = "With lines: what to take out of each.",
               .columns = kColumns},
    OptionSpec{.name = "checksum",
               .type = OptionType::boolean,
               .help = "With nmea: a sentence without a checksum is refused.",
               .fallback = "true"},
    OptionSpec{.name = "request",
               .help = "Sent at each interval before reading; \\r, \\n and \\x05 are understood."},
    OptionSpec{.name = "response_time",
               .type = OptionType::duration,
               .help = "How long to wait for the next bytes of an answer.",
               .fallback = "200ms",
               .min = 0.01,
               .max = 10},
    OptionSpec{.name = "baud",
               .type = OptionType::integer,
               .help = "Bits a second: 300 to 1000000.",
               .fallback = "9600",
               .min = 300,
               .max = 1000000},
    OptionSpec{.name = "parity",
               .type = OptionType::choice,
               .help = "none, even or odd.",
               .fallback = "none",
               .choices = kParities},
    OptionSpec{.name = "data_bits",
               .type = OptionType::integer,
               .help = "7 or 8.",
               .fallback = "8",
               .min = 7,
               .max = 8},
    OptionSpec{.name = "stop_bits",
               .type = OptionType::integer,
               .help = "1 or 2.",
               .fallback = "1",
               .min = 1,
               .max = 2},
    OptionSpec{.name = "rts_cts",
               .type = OptionType::boolean,
               .help = "Hardware flow control.",
               .fallback = "false"},
    OptionSpec{.name = "max_line",
               .type = OptionType::size,
               .help = "A longer line is refused.",
               .fallback = "1KiB",
               .min = 16,
               .max = 65536},
};

constexpr std::array kMetrics = {
    MetricSpec{"serial_lines", "lines", "int", "1", "lines of this run"},
    MetricSpec{"serial_refused", "refused", "int", "1", "of them, those that are wrong or match nothing"},
    MetricSpec{"serial_bytes", "bytes", "int", "bytes", "bytes of this run"},
    MetricSpec{"serial_not_available", kLeftOutField, "int", "1", kLeftOutSource},
    MetricSpec{"gnss_latitude", "latitude", "float", "degrees", "GGA, RMC, GNS, GLL; north is positive"},
    MetricSpec{"gnss_longitude", "longitude", "float", "degrees", "GGA, RMC, GNS, GLL; east is positive"},
    MetricSpec{"gnss_altitude", "altitude", "float", "m", "GGA, GNS: above the sea"},
    MetricSpec{"gnss_speed", "speed", "float", "m/s", "RMC, VTG: over ground"},
    MetricSpec{"gnss_course", "course", "float", "degrees", "RMC, VTG: over ground, from true north"},
    MetricSpec{"gnss_hdop", "hdop", "float", "1", "GGA, GNS: horizontal dilution of precision"},
    MetricSpec{"gnss_satellites", "satellites", "int", "1", "GGA, GNS: in use"},
    MetricSpec{"gnss_quality", "quality", "int", "1",
               "GGA: 0 no fix, 1 GNSS, 2 differential, 4 RTK fixed, 5 RTK float"},
    MetricSpec{"gnss_mode", "mode", "int", "1", "GSA: 1 no fix, 2 two dimensions, 3 three"},
    MetricSpec{"gnss_time", "satellite_time", "float", "s", "RMC, ZDA: UTC, since 1970"},
};

constexpr std::size_t kMostBytesARun = std::size_t{256} << 10;

struct SerialSettings {
  LineSettings line;
  bool is_nmea = false;
  Checksum checksum = Checksum::required;
  std::vector<TextField> values;
  std::string request;
  milliseconds response_time{};
  std::size_t max_line = 0;
};

class SerialDriver final : public Driver {
 public:
  SerialDriver(SerialSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto done = read_on(context, out);
    if (context.stop.stop_requested()) return {};
    if (!done && done.error().kind != ErrorKind::parse) {
      // Unplugged and plugged in again, it is another one; one that is silent is still the same.
      if (done.error().kind != ErrorKind::timeout) line_.reset();
      out.availability(false, std::nullopt, done.error().message);
    }
    return done;
  }

 private:
  Result<void> read_on(const SampleContext& context, Output& out) {
    if (!line_) {
      auto opened = Line::open(settings_.line);
      if (!opened) return opened.error();
      line_ = std::move(*opened);
      partial_.clear();
      // What comes first may be the end of a line; of NMEA the parser sees that.
      skipping_ = !settings_.is_nmea;
    }
    TextReport report;
    Fix fix{.status = fix_status_};
    values_.clear();
    std::int64_t bytes = 0;
    if (!settings_.request.empty()) {
      // A late answer to the last request is none to this one.
      line_->discard();
      partial_.clear();
      skipping_ = false;
      if (auto sent = line_->write(settings_.request, settings_.response_time); !sent) return sent;
    }
    // Without a request, what has come since the last run is there already.
    const BootTime enough = context.started + (context.deadline - context.started) / 2;
    const std::uint64_t lines_before = lines_;
    while (clock_.boot() < enough && bytes < static_cast<std::int64_t>(kMostBytesARun) &&
           !context.stop.stop_requested()) {
      const std::size_t had = partial_.size();
      const auto came = line_->read(partial_, 4096, settings_.response_time);
      if (!came) return came.error();
      if (!*came) break;
      bytes += static_cast<std::int64_t>(partial_.size() - had);
      take_lines(report, fix);
      // The answer is there.
      if (!settings_.request.empty() && lines_ > lines_before && partial_.empty()) break;
    }
    fix_status_ = fix.status;
    emit(report, fix, bytes, static_cast<std::int64_t>(lines_ - lines_before), out);
    if (lines_ == lines_before && report.refused == 0)
      return Error{ErrorKind::timeout, settings_.line.device + ": nothing came" + what_came(bytes)};
    out.availability(true, std::nullopt, "");
    return report.result();
  }

  std::string what_came(std::int64_t bytes) const {
    if (bytes == 0) return "";
    return std::string(settings_.is_nmea ? ", but bytes without a sentence of NMEA" : ", but half a line") +
           "; is the speed right?";
  }

  void take_lines(TextReport& report, Fix& fix) {
    for (;;) {
      const std::size_t end = partial_.find_first_of("\r\n");
      if (end == std::string::npos) break;
      const std::string line = partial_.substr(0, end);
      partial_.erase(0, partial_.find_first_not_of("\r\n", end));
      if (std::exchange(skipping_, false) || line.empty()) continue;
      take_line(line, report, fix);
    }
    if (partial_.size() > settings_.max_line && settings_.is_nmea) {
      // Binary frames between sentences; a sentence may have begun.
      const std::size_t start = partial_.find_last_of("$!");
      partial_.erase(0, start != std::string::npos && partial_.size() - start <= settings_.max_line
                            ? start
                            : partial_.size());
    } else if (partial_.size() > settings_.max_line) {
      if (!skipping_)
        report.refuse({ErrorKind::parse,
                       settings_.line.device + ": a line of more than max_line; is the speed right?"});
      partial_.clear();
      skipping_ = true;
    }
  }

  void take_line(const std::string& line, TextReport& report, Fix& fix) {
    if (settings_.is_nmea) return take_sentences(line, report, fix);
    ++lines_;
    bool is_any = false;
    for (const TextField& field : settings_.values) {
      const auto value = value_of(field, line);
      if (!value) {
        report.refuse({ErrorKind::parse, settings_.line.device + ": " + value.error().message});
        is_any = true;
      } else if (value->matches) {
        // The newest of the run.
        if (value->number) keep(field, *value->number);
        if (!value->number) left_out_.add();
        is_any = true;
      }
    }
    if (!is_any)
      report.refuse(
          {ErrorKind::parse, settings_.line.device + ": no expression matches " + shown_text(line)});
  }

  void take_sentences(const std::string& line, TextReport& report, Fix& fix) {
    const std::uint64_t before = fix.sentences;
    const auto parsed = parse_nmea(line, fix, settings_.checksum);
    if (!parsed) report.refuse({ErrorKind::parse, settings_.line.device + ": " + parsed.error().message});
    if (!parsed || fix.sentences != before) ++lines_;  // the rest is no line, but bytes between lines
  }

  struct Kept {
    const TextField* field;
    std::variant<double, bool, std::string> value;
  };
  void keep(const TextField& field, const Number& number) {
    const auto known =
        std::find_if(values_.begin(), values_.end(), [&](const Kept& one) { return one.field == &field; });
    Kept& kept = known == values_.end() ? values_.emplace_back(Kept{&field, 0.0}) : *known;
    if (const auto* text = std::get_if<std::string_view>(&number)) kept.value = std::string(*text);
    if (const auto* real = std::get_if<double>(&number)) kept.value = *real;
    if (const auto* flag = std::get_if<bool>(&number)) kept.value = *flag;
  }

  void emit(const TextReport& report, const Fix& fix, std::int64_t bytes, std::int64_t lines, Output& out) {
    std::vector<Value> values;
    for (const Kept& kept : values_) {
      values.push_back({kept.field->name, kept.field->name,
                        std::visit([](const auto& value) { return Number(value); }, kept.value)});
    }
    const auto add = [&](std::string_view metric, auto number) {
      const auto* const spec =
          std::find_if(kMetrics.begin(), kMetrics.end(), [&](const auto& one) { return one.name == metric; });
      values.push_back({spec->name, spec->field, number});
    };
    const auto add_if = [&](std::string_view metric, const auto& number) {
      if (number) add(metric, *number);
    };
    add_if("gnss_latitude", fix.latitude);
    add_if("gnss_longitude", fix.longitude);
    add_if("gnss_altitude", fix.altitude_m);
    add_if("gnss_speed", fix.speed_m_per_s);
    add_if("gnss_course", fix.course_degrees);
    add_if("gnss_hdop", fix.hdop);
    add_if("gnss_satellites", fix.satellites);
    add_if("gnss_quality", fix.quality);
    add_if("gnss_mode", fix.mode);
    add_if("gnss_time", fix.time_s);
    add("serial_lines", lines);
    add("serial_refused", static_cast<std::int64_t>(report.refused));
    add("serial_bytes", bytes);
    add_if("serial_not_available", left_out_.end_run());
    const Tag tag{"device", settings_.line.device};
    out.add({.measurement = "serial", .tags = {&tag, 1}, .values = values});
  }

  const SerialSettings settings_;
  const Clock& clock_;
  std::unique_ptr<Line> line_;
  std::string partial_;
  bool skipping_ = true;
  Fix::Status fix_status_ = Fix::Status::unknown;
  std::uint64_t lines_ = 0;
  std::vector<Kept> values_;
  LeftOut left_out_;
};

Error bad(std::string_view option, std::string_view what) {
  return Error{ErrorKind::config, std::string(option) + ": " + std::string(what)};
}

Result<std::string> read_request(const std::string& text) {
  std::string request;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      request += text[i];
      continue;
    }
    const char c = ++i < text.size() ? text[i] : '\0';
    if (c == 'r' || c == 'n' || c == '\\') {
      request += c == 'r' ? '\r' : c == 'n' ? '\n' : '\\';
    } else if (c == 'x' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
               std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      request += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      return bad("request", shown_text(text) + ": after \\ comes r, n, \\ or x with two hexadecimal digits");
    }
  }
  return request;
}

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  SerialSettings settings;
  settings.line.device = options.text("device");
  if (!settings.line.device.starts_with('/')) return bad("device", "must begin with /");
  settings.line.baud = static_cast<int>(options.integer("baud"));
  if (!is_speed(settings.line.baud))
    return bad("baud", std::to_string(settings.line.baud) +
                           " is no usual speed: 4800, 9600, 19200, 38400, 57600, 115200, …");
  settings.line.parity = options.text("parity") == "even" ? 'E' : options.text("parity") == "odd" ? 'O' : 'N';
  settings.line.data_bits = static_cast<int>(options.integer("data_bits"));
  settings.line.stop_bits = static_cast<int>(options.integer("stop_bits"));
  settings.line.rts_cts = options.flag("rts_cts");
  settings.is_nmea = options.text("protocol") == "nmea";
  if (!options.flag("checksum")) settings.checksum = Checksum::optional;
  if (!options.flag("checksum") && !settings.is_nmea) return bad("checksum", "needs protocol: nmea");
  for (const Options& row : options.rows("values")) {
    auto field = read_text_field(row, "values");
    if (!field) return field.error();
    const bool is_own = std::any_of(kMetrics.begin(), kMetrics.end(), [&](const MetricSpec& one) {
      return one.name == field->name || one.field == field->name;
    });
    if (is_own)
      return bad("values", "\"" + field->name + "\" is the name of a metric that the driver itself has");
    settings.values.push_back(std::move(*field));
  }
  if (settings.is_nmea != settings.values.empty())
    return bad("values", settings.is_nmea ? "has no effect with protocol: nmea"
                                          : "there must be one, or protocol: nmea");
  auto request = read_request(options.text("request"));
  if (!request) return request.error();
  settings.request = std::move(*request);
  settings.response_time = std::chrono::duration_cast<milliseconds>(options.duration("response_time"));
  settings.max_line = static_cast<std::size_t>(options.size_bytes("max_line"));
  return std::unique_ptr<Driver>(std::make_unique<SerialDriver>(std::move(settings), environment.clock));
}

}  // namespace

}  // namespace serial

const DriverInfo kSerialDriver = {
    .name = "serial",
    .summary = "A device on a serial line that speaks in lines of text, or NMEA 0183.",
    .options = serial::kOptions,
    .metrics = serial::kMetrics,
    .named_metrics = "Each entry of `values` is one, by its name.",
    .named_by_rows = true,
    .may_block = true,
    .decides_availability = true,
    .series = [](const Options& options) { return options.text("device"); },
    .make = serial::make};

}  // namespace vigile
