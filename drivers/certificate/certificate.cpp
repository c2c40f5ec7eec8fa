// SPDX-License-Identifier: Apache-2.0
#include "drivers/certificate/certificate.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/certificate_date.h"
#include "drivers/certificate/x509.h"
#include "drivers/line_text/line_text.h"

namespace vigile {

namespace certificate {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "address", .help = "A TLS server: host:port, or [IPv6 address]:port; this or file."},
    OptionSpec{.name = "file", .help = "A PEM file; its first certificate counts."},
    OptionSpec{
        .name = "server_name",
        .help =
            "The name to ask the server for, and that its certificate must be for; the host's if absent."},
    OptionSpec{.name = "ca_file",
               .help = "PEM file of who must have signed the server's; the system's if absent."},
    OptionSpec{.name = "min_days",
               .type = OptionType::number,
               .help = "Not good, and so an error, when it ends in fewer days than this.",
               .fallback = "0",
               .min = 0,
               .max = 3650},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "No answer after this long.",
               .fallback = "5s",
               .min = 0.01,
               .max = 60},
};

constexpr std::array kMetrics = {
    MetricSpec{"response_time", "response_time", "float", "ms", "connecting and TLS handshake; of a server"},
    MetricSpec{"certificate_days_left", "days_left", "float", "d",
               "notAfter, RFC 5280 4.1.2.5; below 0: it has ended"},
    MetricSpec{"certificate_age", "age", "float", "d", "since notBefore; below 0: it is not good yet"},
    MetricSpec{"certificate_trusted", "trusted", "int", "1",
               "1: the chain leads to an authority that is trusted; of a server"},
    MetricSpec{"certificate_name_matches", "name_matches", "int", "1",
               "1: it is for the name that was asked, RFC 6125; of a server"},
    MetricSpec{"certificate_good", "good", "int", "1",
               "1: in its time with min_days to go, trusted, and for the name"},
    MetricSpec{"certificate_subject", "subject", "string", "1", "subject, RFC 2253 form"},
    MetricSpec{"certificate_issuer", "issuer", "string", "1", "issuer, RFC 2253 form"},
    MetricSpec{"certificate_serial", "serial", "string", "1", "serial number, hexadecimal"},
};

// "2027-11-24T07:53:47.000Z"; what lies past the nanoseconds' end in 2262 as that end.
std::string shown_date(std::chrono::sys_seconds date) {
  constexpr std::chrono::seconds kEnd{9'223'372'036};
  return to_iso8601(WallTime(std::clamp(date.time_since_epoch(), -kEnd, kEnd)));
}

struct CertificateSettings {
  std::optional<Target> target;
  std::string file;
  double min_days = 0;
  std::chrono::nanoseconds timeout{};

  const std::string& shown() const { return target ? target->shown : file; }
};

class CertificateDriver final : public Driver {
 public:
  CertificateDriver(CertificateSettings settings, const Clock& clock)
      : settings_(std::move(settings)), clock_(clock) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const BootTime deadline = std::min(context.deadline, context.started + settings_.timeout);
    const auto read = settings_.target ? ask_server(*settings_.target, clock_, deadline, context.stop)
                                       : read_pem_file(settings_.file);
    if (context.stop.stop_requested()) return {};
    if (!read) {
      out.availability(false, std::nullopt, read.error().message);
      return read.error();
    }
    const Result<void> judged = judge(*read);
    emit(*read, judged.has_value(), out);
    if (judged) {
      out.availability(true, read->connect_ms, "");
    } else {
      out.availability(false, std::nullopt, judged.error().message);
    }
    return judged;
  }

 private:
  double days_left(const Certificate& certificate) const {
    return days_between(clock_.wall(), certificate.not_after);
  }

  Result<void> judge(const Certificate& certificate) const {
    const auto wrong = [&](const std::string& what) {
      return Error{ErrorKind::unavailable, settings_.shown() + ": " + what};
    };
    // While the clock is not set nobody can say whether it is in its time.
    if (clock_.wall_is_set()) {
      if (days_between(clock_.wall(), certificate.not_before) > 0)
        return wrong("is good from " + shown_date(certificate.not_before) + " on only");
      if (days_left(certificate) < 0) return wrong("has ended at " + shown_date(certificate.not_after));
      if (days_left(certificate) < settings_.min_days)
        return wrong("ends at " + shown_date(certificate.not_after) + ", in less than min_days");
    }
    if (!certificate.distrust.empty()) return wrong("is not trusted: " + certificate.distrust);
    if (!certificate.names_match)
      return wrong("is for " + shown_text(certificate.subject) + ", not for " +
                   settings_.target->server_name);
    return {};
  }

  void emit(const Certificate& certificate, bool is_good, Output& out) const {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](std::size_t metric, Number number) {
      values[count++] = {kMetrics[metric].name, kMetrics[metric].field, number};
    };
    if (certificate.connect_ms) add(0, *certificate.connect_ms);
    if (clock_.wall_is_set()) {
      add(1, days_left(certificate));
      add(2, -days_between(clock_.wall(), certificate.not_before));
    }
    if (settings_.target) {
      add(3, std::int64_t{certificate.distrust.empty() ? 1 : 0});
      add(4, std::int64_t{certificate.names_match ? 1 : 0});
    }
    add(5, std::int64_t{is_good ? 1 : 0});
    add(6, std::string_view(certificate.subject));
    add(7, std::string_view(certificate.issuer));
    add(8, std::string_view(certificate.serial));
    const Tag tag{"source", settings_.shown()};
    out.add({.measurement = "certificate", .tags = {&tag, 1}, .values = {values.data(), count}});
  }

  const CertificateSettings settings_;
  const Clock& clock_;
};

Result<Target> parse_target(const std::string& text) {
  const Error wrong{ErrorKind::config, "address: " + shown_text(text) + " is not like www.example.com:443"};
  Target target;
  target.shown = text;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || text.size() > 300 || text.find_first_of("/@ ") != std::string::npos)
    return wrong;
  target.host = text.substr(0, colon);
  if (target.host.starts_with('[') && target.host.ends_with(']'))
    target.host = target.host.substr(1, target.host.size() - 2);
  const auto parsed = std::from_chars(text.data() + colon + 1, text.data() + text.size(), target.port);
  if (target.host.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      target.port == 0)
    return wrong;
  return target;
}

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  CertificateSettings settings;
  if (options.has("address") == options.has("file"))
    return Error{ErrorKind::config, "address: either this or file says where the certificate is"};
  if (options.has("address")) {
    auto target = parse_target(options.text("address"));
    if (!target) return target.error();
    target->server_name = options.has("server_name") ? options.text("server_name") : target->host;
    target->ca_file = options.text("ca_file");
    settings.target = std::move(*target);
  } else if (options.has("server_name") || options.has("ca_file")) {
    return Error{ErrorKind::config, "file: server_name and ca_file are for a server's certificate"};
  }
  settings.file = options.text("file");
  settings.min_days = options.number("min_days");
  settings.timeout = options.duration("timeout");
  return std::unique_ptr<Driver>(std::make_unique<CertificateDriver>(std::move(settings), environment.clock));
}

}  // namespace

}  // namespace certificate

const DriverInfo kCertificateDriver = {
    .name = "certificate",
    .summary = "How long a TLS server's certificate, or one in a file, is good, and whether it is trusted.",
    .options = certificate::kOptions,
    .metrics = certificate::kMetrics,
    .may_block = true,
    .decides_availability = true,
    .series = [](const Options& options) { return options.text("address") + options.text("file"); },
    .make = certificate::make};

}  // namespace vigile
