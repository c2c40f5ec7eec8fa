// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/answer.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>

#include "point/utf8.h"

namespace vigile::influx_sink {

namespace {

constexpr std::size_t kMessageBytes = 500;

nlohmann::json parsed(std::string_view body) {
  return nlohmann::json::parse(body, nullptr, false);
}

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

// At most `most` bytes of UTF-8 without control characters (C1 too: some terminals obey them).
std::string one_line(std::string_view text, std::size_t most = kMessageBytes) {
  constexpr std::string_view kCut = "…";
  std::string line;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    const std::string_view character = text.substr(0, length);
    const bool broken = utf8_length(text) == 0;
    const auto first = static_cast<unsigned char>(character[0]);
    const bool control = first < 0x20 || first == 0x7f ||
                         (first == 0xc2 && length == 2 && static_cast<unsigned char>(character[1]) < 0xa0);
    const std::string_view kept = broken ? "?" : control ? " " : character;
    if (line.size() + kept.size() + kCut.size() > most) return line += kCut;
    line += kept;
    text.remove_prefix(length);
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

// Servers may quote what they were sent.
std::string without(std::string text, const std::string& secret) {
  for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos; at += 3) {
    text.replace(at, secret.size(), "***");
  }
  return text;
}

// RFC 9110, 10.2.3; of the forms of a date the one that servers must send. (curl_getdate() reads more, but
// its time_t has 32 bits on armhf where ours has 64.)
std::optional<std::chrono::nanoseconds> retry_after(const std::string& header, WallTime now) {
  constexpr std::int64_t kMost = 1'000'000;
  if (header.empty()) return std::nullopt;
  if (header.find_first_not_of("0123456789") == std::string::npos) {
    std::int64_t seconds = kMost;  // stays when the number is out of range
    std::from_chars(header.data(), header.data() + header.size(), seconds);
    return std::chrono::seconds(std::min(seconds, kMost));
  }
  std::tm date{};
  const char* const end = ::strptime(header.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const auto wait = std::chrono::duration_cast<std::chrono::seconds>(wall_of(date).time_since_epoch()) -
                    std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  return std::clamp<std::chrono::seconds>(wait, std::chrono::seconds(0), std::chrono::seconds(kMost));
}

// "… dropped=N" of InfluxDB 1 and 2; 0 when it is not said.
std::uint64_t dropped_count(std::string_view message) {
  const std::size_t at = message.rfind("dropped=");
  if (at == std::string_view::npos) return 0;
  std::uint64_t count = 0;
  std::from_chars(message.data() + at + 8, message.data() + message.size(), count);
  return count;
}

// The lines that InfluxDB 1 and 2 quote: unable to parse '<line>': <reason>
std::vector<RejectedLine> quoted_lines(std::string_view message, const InfluxSettings& settings) {
  constexpr std::string_view kBefore = "unable to parse '";
  std::vector<RejectedLine> lines;
  for (std::size_t at = message.find(kBefore); at != std::string_view::npos; at = message.find(kBefore, at)) {
    at += kBefore.size();
    const std::size_t end = message.find("': ", at);
    if (end == std::string_view::npos) break;
    const std::size_t reason_end = std::min(message.find('\n', end), message.size());
    lines.push_back({.text = std::string(message.substr(at, end - at)),
                     .reason = told(message.substr(end + 3, reason_end - end - 3), settings)});
    at = end;
  }
  return lines;
}

// InfluxDB 3: {"error":"partial write of line protocol
// occurred","data":[{"original_line","line_number","error_message"}]}, or "data" as one such object when
// nothing was stored.
Outcome judge_data(const nlohmann::json& data, std::string message, const InfluxSettings& settings) {
  if (data.is_object()) {
    const std::string why = text_of(data, "error_message");
    if (!why.empty()) message = told(message + ": " + why, settings);
    return Outcome{.kind = Outcome::Kind::malformed, .message = std::move(message)};
  }
  Outcome outcome{.kind = Outcome::Kind::partial, .message = std::move(message)};
  for (const auto& entry : data) {
    if (!entry.is_object()) continue;
    RejectedLine line;
    const auto number = entry.find("line_number");
    if (number != entry.end() && number->is_number_unsigned()) line.number = number->get<std::uint64_t>();
    line.text = text_of(entry, "original_line");
    line.reason = told(text_of(entry, "error_message"), settings);
    outcome.rejected.push_back(std::move(line));
  }
  // The list ends at 100 entries; below that it is complete.
  if (outcome.rejected.size() < 100) outcome.rejected_count = outcome.rejected.size();
  return outcome;
}

// What a body says of lines; nothing when it is about something else, or not of a server that was meant: then
// bad lines are not the cause, and searching for them would make dead letters of good ones.
std::optional<Outcome> judge_lines(const Answer& answer, const InfluxSettings& settings,
                                   const std::string& message) {
  const nlohmann::json body = parsed(answer.body);
  std::string said = answer.body;  // JSON of which the end is missing, too
  if (body.is_object()) {
    const auto data = body.find("data");
    // A limit of the server, not a fault of the lines.
    if (contains(answer.body, "new database would exceed")) return std::nullopt;
    if (data != body.end() && (data->is_array() || data->is_object())) {
      return judge_data(*data, message, settings);
    }
    said = text_of(body, "message") + text_of(body, "error");
  }
  if (contains(said, "partial write")) {
    Outcome outcome{
        .kind = Outcome::Kind::partial, .message = message, .rejected = quoted_lines(said, settings)};
    if (answer.whole)
      outcome.rejected_count = std::max<std::uint64_t>(dropped_count(said), outcome.rejected.size());
    return outcome;
  }
  constexpr std::string_view kOfLines[] = {"unable to parse", "field type conflict", "line protocol",
                                           "parsing failed", "too long line"};
  bool of_lines = std::any_of(std::begin(kOfLines), std::end(kOfLines),
                              [&](std::string_view words) { return contains(said, words); });
  // InfluxDB 2 words it in many ways, but marks it.
  if (body.is_object() && text_of(body, "code") == "invalid") {
    of_lines = !contains(said, "unable to read data") && !contains(said, "writing requires points");
  }
  if (!of_lines) return std::nullopt;
  return Outcome{.kind = Outcome::Kind::malformed, .message = message};
}

}  // namespace

WallTime wall_of(const std::tm& date) {
  constexpr std::int64_t kMost = 9'200'000'000;  // in 2261
  std::tm normal = date;
  return WallTime(std::chrono::seconds(std::clamp<std::int64_t>(::timegm(&normal), 0, kMost)));
}

std::string told(std::string_view text, const InfluxSettings& settings) {
  std::string safe = without(without(std::string(text), settings.token), settings.password);
  for (const auto& [name, value] : settings.headers) {
    if (value.size() >= 8) safe = without(std::move(safe), value);  // shorter ones are words of any text
  }
  return one_line(safe);
}

std::string server_message(std::string_view body, const InfluxSettings& settings) {
  const nlohmann::json object = parsed(body);
  if (object.is_object()) {
    const std::string text = text_of(object, "message");
    return told(text.empty() ? text_of(object, "error") : text, settings);
  }
  return contains(body, "<") ? "" : told(body, settings);
}

Outcome judge(const Answer& answer, const InfluxSettings& settings, WallTime now) {
  using Kind = Outcome::Kind;
  const long status = answer.status;
  if (status == 204) return Outcome{.kind = Kind::accepted};
  std::string message = "HTTP " + std::to_string(status);
  if (const std::string said = server_message(answer.body, settings); !said.empty()) message += ": " + said;
  const auto outcome = [&](Kind kind, std::string_view remedy = "") {
    return Outcome{.kind = kind,
                   .message = one_line(message, kMessageBytes - remedy.size()) + std::string(remedy)};
  };
  if (status >= 200 && status < 300) {
    // InfluxDB Cloud Serverless said so of partial writes once (201).
    if (auto of_lines = judge_lines(answer, settings, outcome(Kind::partial).message)) return *of_lines;
    return outcome(Kind::paused,
                   ": not the answer of an InfluxDB to a write (204); check url and api, or whether a portal "
                   "answers in its place");
  }
  if (status >= 300 && status < 400) {
    return outcome(Kind::paused, ": redirects are not followed, name the final url");
  }
  switch (status) {
    case 400:
    case 422:
      if (auto of_lines = judge_lines(answer, settings, outcome(Kind::partial).message)) return *of_lines;
      return outcome(Kind::paused);
    case 413:
      return outcome(Kind::too_large);
    case 408:
      return outcome(Kind::retry_later);
    case 429:
    case 503: {
      Outcome later = outcome(Kind::retry_later);
      later.retry_after = retry_after(answer.retry_after, now);
      return later;
    }
    case 500:
      // InfluxDB 1 says so of a retention policy that does not exist.
      if (contains(answer.body, "retention policy not found")) return outcome(Kind::paused);
      // InfluxDB 3 says so instead of 413.
      if (contains(answer.body, "max request size")) return outcome(Kind::too_large);
      return outcome(Kind::retry_later);
    default:
      break;
  }
  // 5xx: its fault, it may get over it. Any other 4xx: somebody has to act, nothing is dropped meanwhile.
  return outcome(status >= 500 || status < 200 ? Kind::retry_later : Kind::paused);
}

}  // namespace vigile::influx_sink
