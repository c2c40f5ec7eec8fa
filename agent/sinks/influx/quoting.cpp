// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/quoting.h"

#include <chrono>
#include <cstdio>

namespace vigile::influx_sink {

namespace {

// InfluxQL knows these four escapes and refuses any other; a bare newline ends nothing but is refused too.
std::string influxql_quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == '\0') continue;
    if (c == '\n') {
      quoted += "\\n";
      continue;
    }
    if (c == quote || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += quote;
}

std::string doubled(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == '\0') continue;
    if (c == quote) quoted += c;
    quoted += c;
  }
  return quoted += quote;
}

}  // namespace

std::string influxql_identifier(std::string_view name) {
  return influxql_quoted(name, '"');
}

std::string influxql_string(std::string_view text) {
  return influxql_quoted(text, '\'');
}

std::string flux_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '\0':
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '$':
        quoted += "\\x24";  // "${" would begin an expression
        break;
      default:
        quoted += c;
    }
  }
  return quoted += '"';
}

std::string sql_identifier(std::string_view name) {
  return doubled(name, '"');
}

std::string sql_string(std::string_view text) {
  return doubled(text, '\'');
}

std::string rfc3339(std::int64_t time_ns) {
  using namespace std::chrono;
  const sys_time<nanoseconds> time{nanoseconds(time_ns)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<nanoseconds> clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()), int(clock.subseconds().count()));
  return text;
}

}  // namespace vigile::influx_sink
