// SPDX-License-Identifier: Apache-2.0
#include "api/query_times.h"

#include <algorithm>

#include "core/iso_time.h"
#include "core/units.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

Error wrong(std::string_view name, const std::string& what) {
  return Error{ErrorKind::parse, std::string(name) + ": " + what};
}

Result<std::optional<std::int64_t>> query_time(const Request& request, std::string_view name, bool is_end) {
  auto text = request.query_value(name);
  if (!text) return std::optional<std::int64_t>();
  // A '+' that was not written as %2B has become a space.
  const std::size_t t = text->find_first_of("Tt");
  if (t != std::string::npos)
    std::replace(text->begin() + static_cast<std::ptrdiff_t>(t), text->end(), ' ', '+');
  const auto parsed = parse_iso8601(*text);
  if (!parsed) return wrong(name, parsed.error().message);
  std::int64_t ns = to_ns(parsed->time);
  if (is_end && parsed->is_date) ns += std::chrono::nanoseconds(24h).count();
  return std::optional(ns);
}

}  // namespace

Result<std::chrono::nanoseconds> query_duration(const Request& request, std::string_view name,
                                                std::chrono::nanoseconds fallback) {
  const auto text = request.query_value(name);
  if (!text) return fallback;
  const auto duration = parse_duration(*text);
  if (!duration) return wrong(name, duration.error().message);
  if (*duration <= 0ns) return wrong(name, "expected more than 0");
  return *duration;
}

Result<TimeSpan> query_span(const Request& request, const SpanParameters& parameters, std::int64_t now_ns) {
  const auto start = query_time(request, parameters.start, false);
  if (!start) return start.error();
  const auto end = query_time(request, parameters.end, true);
  if (!end) return end.error();
  const auto period = query_duration(request, parameters.period, parameters.fallback);
  if (!period) return period.error();
  const bool has_period = request.query_value(parameters.period).has_value();
  if (has_period && (*start || *end)) {
    return wrong(parameters.period, "expected alone, or " + std::string(parameters.start) + " and " +
                                        std::string(parameters.end) + " without it");
  }
  TimeSpan span;
  span.to_ns = end->value_or(now_ns);
  if (*start) {
    span.from_ns = **start;
  } else {
    span.from_ns = span.to_ns - std::min(period->count(), std::max<std::int64_t>(span.to_ns, 0));
  }
  if (span.from_ns >= span.to_ns) {
    return wrong(parameters.start,
                 "expected a time before " + (*end ? std::string(parameters.end) : std::string("now")));
  }
  return span;
}

Result<std::vector<std::string>> query_metrics(const Request& request) {
  const auto name = request.query_value("metric_name");
  const auto type = request.query_value("metric_type");
  if (name && type) return wrong("metric_type", "expected metric_name or metric_type, not both");
  std::vector<std::string> metrics;
  std::string_view rest = name ? *name : std::string_view();
  if (type) rest = *type;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (one.empty()) continue;
    if (std::find(metrics.begin(), metrics.end(), one) == metrics.end()) metrics.emplace_back(one);
  }
  return metrics;
}

AnswerSource query_source(const Request& request) {
  std::string from = request.query_value("from").value_or("");
  if (from == "log") from.clear();
  return AnswerSource{std::move(from)};
}

}  // namespace vigile
