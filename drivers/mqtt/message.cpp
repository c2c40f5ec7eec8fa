// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt/message.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/iso_time.h"
#include "drivers/json_text/json_text.h"
#include "drivers/scale/scale.h"
#include "point/recordable.h"

namespace vigile::mqtt_driver {

namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 32;  // levels of JSON
constexpr std::size_t kLongestText = 1024;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::optional<bool> parse_bool(std::string_view text) {
  std::string lower(trimmed(text).substr(0, 8));
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (lower == "true" || lower == "on" || lower == "1") return true;
  if (lower == "false" || lower == "off" || lower == "0") return false;
  return std::nullopt;
}

// Absent: it is not of that type. A view into `text`, if it is one.
std::optional<Number> parse_value(const JsonValue& wanted, std::string_view text) {
  switch (wanted.type) {
    case ValueType::number:
      if (const auto number = parse_number(text)) return scaled(*number, wanted.scale, wanted.offset);
      return std::nullopt;
    case ValueType::boolean:
      if (const auto is = parse_bool(text)) return *is;
      return std::nullopt;
    case ValueType::text:
      return text.substr(0, kLongestText);
  }
  return std::nullopt;
}

std::string_view to_string(ValueType type) {
  return type == ValueType::number ? "a number" : type == ValueType::boolean ? "true or false" : "a text";
}

const Json* find(const Json& json, const std::string& pointer) {
  // contains() does not throw once the pointer is one, which the settings have checked.
  const Json::json_pointer at(pointer);
  return json.contains(at) ? &json.at(at) : nullptr;
}

std::string text_of(const Json& json) {
  return json.is_string() ? json.get<std::string>()
                          : json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<WallTime> parse_time(TimeUnit unit, const Json& json, std::optional<std::int64_t> now_ns) {
  std::int64_t time_ns = 0;
  const std::string text = text_of(json);
  if (unit == TimeUnit::iso8601) {
    const auto time = parse_iso8601(text);
    if (!time) return time.error();
    time_ns = to_ns(time->time);
  } else {
    const double factor = unit == TimeUnit::s    ? 1e9
                          : unit == TimeUnit::ms ? 1e6
                          : unit == TimeUnit::us ? 1e3
                                                 : 1;
    if (json.is_number_integer()) {
      const auto whole = json.get<std::int64_t>();
      if (__builtin_mul_overflow(whole, static_cast<std::int64_t>(factor), &time_ns))
        return Error{ErrorKind::parse, text + " is no time in this unit"};
    } else {
      const auto number = parse_number(text);
      if (!number || std::fabs(*number * factor) > 9e18)
        return Error{ErrorKind::parse, shown_text(text) + " is no time in this unit"};
      time_ns = static_cast<std::int64_t>(std::llround(*number * factor));
    }
  }
  if (const auto valid = check_recorded_time(time_ns, now_ns); !valid) return valid.error();
  return wall_from_ns(time_ns);
}

class Reader {
 public:
  Reader(const MessageSettings& settings, const Message& message, Output& out, TextReport& report)
      : settings_(settings), message_(message), out_(out), report_(report) {}

  void add_json(std::optional<std::int64_t> now_ns) {
    const auto json = parse_json(message_.payload, kDeepest);
    if (!json) return refuse(json.error().message + ": " + shown_text(message_.payload));
    std::optional<WallTime> time;
    if (!settings_.time_pointer.empty()) {
      const Json* const found = find(*json, settings_.time_pointer);
      if (found == nullptr) return refuse("has no " + settings_.time_pointer + ", the time");
      const auto parsed = parse_time(settings_.time_unit, *found, now_ns);
      if (!parsed) return refuse(settings_.time_pointer + ": " + parsed.error().message);
      time = *parsed;
    }
    std::vector<std::string> texts;
    texts.reserve(settings_.values.size());  // so that views stay valid
    std::vector<Value> values;
    for (const JsonValue& wanted : settings_.values) {
      const Json* const found = find(*json, wanted.pointer);
      if (found == nullptr || found->is_null()) continue;
      texts.push_back(text_of(*found));
      const auto number = parse_value(wanted, texts.back());
      if (!number) {
        refuse(wanted.pointer + ": " + shown_text(texts.back()) + " is not " +
               std::string(to_string(wanted.type)));
        continue;
      }
      values.push_back({wanted.name, wanted.name, *number});
    }
    add(values, message_.tags, time);
  }

  void add_value() {
    std::string name = settings_.bare.name;
    std::vector<Tag> tags(message_.tags.begin(), message_.tags.end());
    if (name.empty()) {
      const auto metric =
          std::find_if(tags.begin(), tags.end(), [](const Tag& tag) { return tag.key == "metric"; });
      if (metric == tags.end() || metric->value.empty()) return refuse("has no level {metric}");
      name = metric->value;
      tags.erase(metric);
    }
    const auto number = parse_value(settings_.bare, message_.payload);
    if (!number)
      return refuse(shown_text(message_.payload) + " is not " + std::string(to_string(settings_.bare.type)));
    const Value value{name, name, *number};
    add({&value, 1}, tags, std::nullopt);
  }

 private:
  void refuse(const std::string& what) {
    report_.refuse({ErrorKind::parse, "topic " + shown_text(message_.topic) + ": " + what});
  }
  void add(std::span<const Value> values, std::span<const Tag> tags, std::optional<WallTime> time) {
    if (values.empty()) return;
    out_.add({.measurement = "mqtt", .tags = tags, .values = values, .wall_time = time});
    report_.points += values.size();
  }

  const MessageSettings& settings_;
  const Message& message_;
  Output& out_;
  TextReport& report_;
};

}  // namespace

void add_message(const MessageSettings& settings, const Message& message, std::optional<std::int64_t> now_ns,
                 Output& out, TextReport& report) {
  Reader reader(settings, message, out, report);
  switch (settings.format) {
    case Format::line_protocol:
      return add_lines(message.payload, settings.origin, "topic " + shown_text(message.topic), out, report);
    case Format::json:
      return reader.add_json(now_ns);
    case Format::value:
      return reader.add_value();
  }
}

}  // namespace vigile::mqtt_driver
