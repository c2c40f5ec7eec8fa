// SPDX-License-Identifier: Apache-2.0
// Short texts with a grammar of their own: the first byte says which, the rest is the text.
#include <cctype>
#include <cmath>

#include "core/certificate_date.h"
#include "core/clock.h"
#include "core/iso_time.h"
#include "core/units.h"
#include "drivers/http/expectation.h"
#include "drivers/http/http_settings.h"
#include "drivers/tcp/tcp.h"
#include "input.h"
#include "sinks/influx/predicate.h"
#include "sinks/influx/quoting.h"
#include "targets.h"

namespace vigile {
namespace {

Fault duration_fault(std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) return std::nullopt;
  if (duration->count() < 0) return "a negative duration";
  const std::string shown = format_duration(*duration);
  const auto again = parse_duration(shown);
  if (!again || *again != *duration) return "a duration that reads back as another: " + shown;
  return std::nullopt;
}

Fault size_fault(std::string_view text) {
  const auto size = parse_size(text);
  if (!size) return std::nullopt;
  if (*size > std::uint64_t{1} << 63) return "a size past what was said";
  if (format_size(*size).size() > 20) return "a size that takes a line";
  const auto again = parse_size(std::to_string(*size));
  if (!again || *again != *size) return "a size that reads back as another: " + std::to_string(*size);
  return std::nullopt;
}

Fault time_fault(std::string_view text) {
  const auto time = parse_iso8601(text);
  if (!time) return time.error().message.size() > 300 ? Fault("a long error") : std::nullopt;
  const std::int64_t ns = to_ns(time->time);
  const std::string shown = to_iso8601(time->time);
  if (!std::isdigit(static_cast<unsigned char>(shown.front()))) return "a year that is none: " + shown;
  const auto again = parse_iso8601(shown);
  // An offset may lead out of the years that can be written.
  if (ns < 0 || shown.starts_with("2262")) return std::nullopt;
  if (!again || to_ns(again->time) != ns - ns % 1'000'000)
    return "a time that reads back as another: " + shown;
  return std::nullopt;
}

Fault certificate_fault(std::string_view text) {
  const auto time = parse_certificate_date(text);
  const std::chrono::sys_days end = std::chrono::year(10'000) / 1 / 1;
  if (time && *time >= end) return "a date that is none";
  return std::nullopt;
}

Fault status_fault(std::string_view text) {
  const auto set = StatusSet::parse(text);
  if (!set) return std::nullopt;
  bool any = false;
  for (long status = 100; status < 1000; ++status) any = any || set->contains(status);
  if (!any) return "a set that no answer can be in";
  return std::nullopt;
}

Fault host_fault(std::string_view text) {
  const auto address = parse_host_port(text);
  if (!address) return std::nullopt;
  if (address->host.empty() || address->port == 0) return "half an address";
  return std::nullopt;
}

Fault url_fault(std::string_view text) {
  const auto url = http_driver::parse_http_url(std::string(text));
  if (!url) {
    if (text.find('@') != std::string_view::npos && url.error().message.find(text) != std::string::npos)
      return "a URL in an error";
    return std::nullopt;
  }
  // A host is written in small letters; one that is the password too may show. So may one beside a password
  // that is written with %.
  std::string small(text);
  std::string password = url->password;
  for (std::string* const one : {&small, &password}) {
    std::transform(one->begin(), one->end(), one->begin(), [](unsigned char c) { return std::tolower(c); });
  }
  const bool is_plain =
      std::all_of(password.begin(), password.end(), [](unsigned char c) { return std::isalnum(c); });
  const bool is_once = small.find('%') == std::string::npos && small.find(password) == small.rfind(password);
  if (is_plain && password.size() >= 6 && is_once) {
    for (const std::string& part : {url->text, url->shown, url->origin}) {
      if (part.find(url->password) != std::string::npos) return "a password that shows: " + part;
    }
  }
  for (const char c : url->shown) {
    if (static_cast<unsigned char>(c) < 0x20) return "a control character in a URL";
  }
  return std::nullopt;
}

Fault predicate_fault(std::string_view text) {
  const auto conditions = influx_sink::parse_predicate(text);
  if (!conditions) return std::nullopt;
  const std::string written = influx_sink::predicate_text(*conditions);
  const auto again = influx_sink::parse_predicate(written);
  if (!again || *again != *conditions) return "a predicate that reads back as another: " + written;
  return std::nullopt;
}

// Whatever is quoted ends where the literal does: no quote inside stands alone.
Fault quoting_fault(std::string_view text) {
  const std::string flux = influx_sink::flux_string(text);
  const std::string influxql = influx_sink::influxql_string(text);
  const std::string identifier = influx_sink::influxql_identifier(text);
  for (const std::string& quoted : {flux, influxql, identifier}) {
    const char quote = quoted.front();
    std::size_t at = 1;
    while (at < quoted.size() && quoted[at] != quote) at += quoted[at] == '\\' ? 2 : 1;
    if (at + 1 != quoted.size()) return "a literal that ends early: " + quoted;
  }
  for (const std::string& quoted : {influx_sink::sql_string(text), influx_sink::sql_identifier(text)}) {
    const char quote = quoted.front();
    std::size_t at = 1;
    while (at < quoted.size() && (quoted[at] != quote || (at + 1 < quoted.size() && quoted[at + 1] == quote)))
      at += quoted[at] == quote ? 2 : 1;
    if (at + 1 != quoted.size()) return "a literal that ends early: " + quoted;
  }
  return std::nullopt;
}

}  // namespace

Fault literal_fault(std::string_view input) {
  Input in(input);
  switch (in.byte()) {
    case 'd':
      return duration_fault(in.rest());
    case 's':
      return size_fault(in.rest());
    case 't':
      return time_fault(in.rest());
    case 'c':
      return certificate_fault(in.rest());
    case 'e':
      return status_fault(in.rest());
    case 'h':
      return host_fault(in.rest());
    case 'u':
      return url_fault(in.rest());
    case 'p':
      return predicate_fault(in.rest());
    case 'q':
      return quoting_fault(in.rest());
    default:
      return std::nullopt;
  }
}

}  // namespace vigile
