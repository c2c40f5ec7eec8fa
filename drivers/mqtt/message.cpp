// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt/message.h"

#include <algorithm>
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

std::string in_small_letters(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

struct StateWord {
  std::string_view text;
  bool is_on;
};
constexpr StateWord kStateWords[] = {
    {"true", true},     {"false", false},    {"on", true},        {"off", false},
    {"1", true},        {"0", false},        {"yes", true},       {"no", false},
    {"open", true},     {"opened", true},    {"closed", false},   {"close", false},
    {"online", true},   {"offline", false},  {"connected", true}, {"disconnected", false},
    {"active", true},   {"inactive", false}, {"enabled", true},   {"disabled", false},
    {"detected", true}, {"clear", false},
};

std::string_view to_string(ValueType type) {
  return type == ValueType::number ? "a number" : type == ValueType::boolean ? "true or false" : "a text";
}

std::string text_of(const Json& json) {
  return json.is_string() ? json.get<std::string>()
                          : json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

// A bare nan is no JSON, but Python, ESPHome and others write it: it is null.
std::string with_null_for_nan(std::string_view text) {
  constexpr std::string_view kNoNumbers[] = {"-infinity", "infinity", "-inf", "inf", "-nan", "nan"};
  std::string out;
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_quoted && text[i] == '\\' && i + 1 < text.size()) {
      out += text.substr(i, 2);
      i += 2;
      continue;
    }
    if (text[i] == '"') is_quoted = !is_quoted;
    const std::string here = is_quoted ? "" : in_small_letters(text.substr(i, 9));
    const auto* const found = std::find_if(std::begin(kNoNumbers), std::end(kNoNumbers),
                                           [&](std::string_view word) { return here.starts_with(word); });
    if (found != std::end(kNoNumbers)) {
      out += "null";
      i += found->size();
    } else {
      out += text[i++];
    }
  }
  return out;
}

Result<Json> parse_payload(std::string_view payload) {
  auto json = parse_json(payload, kDeepest);
  if (json) return json;
  auto without_nan = parse_json(with_null_for_nan(payload), kDeepest);
  return without_nan ? without_nan : json;
}

Result<std::int64_t> parse_iso_time(const MessageSettings& settings, const std::string& text) {
  const auto time = parse_iso8601(text);
  if (time) return to_ns(time->time);
  const auto local = parse_iso8601(text + "Z");
  if (!local || !settings.time_zone) return time.error();
  return to_ns(settings.time_zone->to_utc(local->time));
}

// Of a number where a date is expected. Times of this century tell: in seconds they have ten digits, in
// milliseconds thirteen.
TimeUnit unit_of(double since_1970) {
  return since_1970 < 1e11   ? TimeUnit::s
         : since_1970 < 1e14 ? TimeUnit::ms
         : since_1970 < 1e17 ? TimeUnit::us
                             : TimeUnit::ns;
}

Result<WallTime> parse_time(const MessageSettings& settings, const Json& json,
                            std::optional<std::int64_t> now_ns) {
  const bool is_counted = settings.time_unit == TimeUnit::iso8601 && json.is_number();
  const TimeUnit unit = is_counted ? unit_of(json.get<double>()) : settings.time_unit;
  std::int64_t time_ns = 0;
  const std::string text = text_of(json);
  // A date is one in whatever unit numbers are: Zigbee2MQTT writes either, by a setting of its own.
  const bool is_date = json.is_string() && text.size() >= 10 && text[4] == '-';
  if (unit == TimeUnit::iso8601 || is_date) {
    const auto time = parse_iso_time(settings, text);
    if (!time) return time.error();
    time_ns = *time;
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
      const auto number = parse_number_text(text);
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
  Reader(const MessageSettings& settings, const Message& message, Output& out, MessageReport& report)
      : settings_(settings), message_(message), out_(out), report_(report) {}

  void add_json(std::optional<std::int64_t> now_ns) {
    if (trimmed(message_.payload).empty()) return;  // what was retained is deleted
    const auto json = parse_payload(message_.payload);
    if (!json) return refuse(json.error().message + ": " + shown_text(message_.payload));
    std::optional<WallTime> time;
    const Json* const found = settings_.time_path ? settings_.time_path->find(*json) : nullptr;
    if (found != nullptr && !found->is_null() && !is_no_value(text_of(*found))) {
      const auto parsed = parse_time(settings_, *found, now_ns);
      if (parsed) {
        time = *parsed;
      } else if (!note_time_without_zone(text_of(*found))) {
        return refuse(settings_.time_path->text() + ": " + parsed.error().message);
      }
    }
    std::vector<std::string> texts;
    texts.reserve(settings_.values.size());  // so that views stay valid
    std::vector<Value> values;
    for (const WantedValue& wanted : settings_.values) {
      const Json* const at = wanted.path.find(*json);
      if (at == nullptr || at->is_null()) continue;
      texts.push_back(text_of(*at));
      const auto number = at->is_structured() && wanted.type != ValueType::text
                              ? not_this("is a list or an object: the path ends before the value")
                              : value_of(wanted, texts.back(), at->is_number());
      if (!number) {
        refuse(wanted.path.text() + ": " + number.error().message);
      } else if (*number) {
        values.push_back({wanted.name, wanted.name, **number});
      }
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
    const auto number = value_of(settings_.bare, message_.payload, false);
    if (!number) return refuse(number.error().message);
    if (!*number) return;
    const Value value{name, name, **number};
    add({&value, 1}, tags, std::nullopt);
  }

 private:
  void refuse(const std::string& what) {
    report_.refuse({ErrorKind::parse, "topic " + shown_text(message_.topic) + ": " + what});
  }
  static Error not_this(std::string what) { return Error{ErrorKind::parse, std::move(what)}; }
  // Absent: it says that there is none. A view into `text`, if it is one.
  Result<std::optional<Number>> value_of(const WantedValue& wanted, std::string_view text, bool is_number) {
    const std::string_view bare = trimmed(text);
    const auto left_out = [&] {
      ++report_.left_out;
      return std::optional<Number>();
    };
    if (!wanted.words.empty()) {
      const auto word = wanted.words.find(in_small_letters(bare.substr(0, kLongestText)));
      if (word != wanted.words.end()) return std::optional<Number>(word->second);
    }
    if (wanted.not_available.has_text(bare)) return left_out();
    if (wanted.type == ValueType::text) return std::optional<Number>(text.substr(0, kLongestText));
    if (is_no_value(bare)) return left_out();
    if (wanted.type == ValueType::boolean) {
      if (const auto is_on = parse_state_word(bare)) return std::optional<Number>(*is_on);
      return not_this(shown_text(text) + " is not " + std::string(to_string(wanted.type)));
    }
    const auto number = parse_number_text(bare, is_number ? NumberFormat{} : wanted.format);
    if (!number) {
      const auto is_on = parse_state_word(bare);
      if (!is_on) return number.error();
      return std::optional<Number>(*is_on ? 1.0 : 0.0);
    }
    if (wanted.not_available.has_number(*number)) return left_out();
    return std::optional<Number>(scaled(*number, wanted.scale, wanted.offset));
  }
  // A time that lacks nothing but its zone costs no reading: the time of arrival stands for it.
  bool note_time_without_zone(const std::string& text) {
    if (settings_.time_zone || !parse_iso8601(text + "Z")) return false;
    report_.note({ErrorKind::parse, "topic " + shown_text(message_.topic) + ": " +
                                        settings_.time_path->text() + ": " + shown_text(text) +
                                        " has no zone, the time of arrival is taken; set time_zone"});
    return true;
  }
  void add(std::span<const Value> values, std::span<const Tag> tags, std::optional<WallTime> time) {
    if (values.empty()) return;
    out_.add({.measurement = "mqtt", .tags = tags, .values = values, .wall_time = time});
    report_.points += values.size();
  }

  const MessageSettings& settings_;
  const Message& message_;
  Output& out_;
  MessageReport& report_;
};

}  // namespace

std::optional<bool> parse_state_word(std::string_view text) {
  const std::string lower = in_small_letters(trimmed(text).substr(0, 16));
  for (const StateWord& word : kStateWords) {
    if (word.text == lower) return word.is_on;
  }
  return std::nullopt;
}

bool is_no_value(std::string_view text) {
  const std::string lower = in_small_letters(trimmed(text).substr(0, 16));
  constexpr std::string_view kNone[] = {"",          "nan",         "-nan",  "inf",  "-inf",
                                        "infinity",  "-infinity",   "null",  "none", "unknown",
                                        "undefined", "unavailable", "undef", "n/a"};
  return std::find(std::begin(kNone), std::end(kNone), lower) != std::end(kNone);
}

void add_message(const MessageSettings& settings, const Message& message, std::optional<std::int64_t> now_ns,
                 Output& out, MessageReport& report) {
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
