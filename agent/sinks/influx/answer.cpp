// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/answer.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

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

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (text.size() > kMessageBytes) {
    text.resize(kMessageBytes);
    text += "…";
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

std::optional<std::chrono::nanoseconds> retry_after(const std::string& header, WallTime now) {
  if (header.empty()) return std::nullopt;
  std::int64_t seconds = 0;
  const auto number = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (number.ec == std::errc() && number.ptr == header.data() + header.size()) {
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 1'000'000));
  }
  const time_t date = curl_getdate(header.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const auto wait = std::chrono::seconds(date) - now.time_since_epoch();
  return std::max<std::chrono::nanoseconds>(wait, std::chrono::nanoseconds(0));
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
std::vector<RejectedLine> quoted_lines(std::string_view message) {
  constexpr std::string_view kBefore = "unable to parse '";
  std::vector<RejectedLine> lines;
  for (std::size_t at = message.find(kBefore); at != std::string_view::npos; at = message.find(kBefore, at)) {
    at += kBefore.size();
    const std::size_t end = message.find("': ", at);
    if (end == std::string_view::npos) break;
    const std::size_t reason_end = std::min(message.find('\n', end), message.size());
    lines.push_back({.text = std::string(message.substr(at, end - at)),
                     .reason = one_line(std::string(message.substr(end + 3, reason_end - end - 3)))});
    at = end;
  }
  return lines;
}

// InfluxDB 3: {"error":"partial write of line protocol
// occurred","data":[{"original_line","line_number","error_message"}]}, or "data" as one such object when
// nothing was stored.
std::optional<Outcome> judge_v3(const nlohmann::json& body, const std::string& message) {
  const auto data = body.find("data");
  if (data == body.end() || (!data->is_array() && !data->is_object())) return std::nullopt;
  Outcome outcome{.kind = data->is_array() ? Outcome::Kind::partial : Outcome::Kind::malformed,
                  .message = message};
  if (data->is_object()) return outcome;
  for (const auto& entry : *data) {
    if (!entry.is_object()) continue;
    RejectedLine line;
    const auto number = entry.find("line_number");
    if (number != entry.end() && number->is_number_unsigned()) line.number = number->get<std::uint64_t>();
    line.text = text_of(entry, "original_line");
    line.reason = one_line(text_of(entry, "error_message"));
    outcome.rejected.push_back(std::move(line));
  }
  // The list ends at 100 entries; below that it is complete.
  if (outcome.rejected.size() < 100) outcome.rejected_count = outcome.rejected.size();
  return outcome;
}

Outcome judge_400(const Answer& answer, const InfluxSettings& settings, std::string message) {
  const nlohmann::json body = parsed(answer.body);
  if (settings.api == Api::v3 && body.is_object()) {
    if (auto outcome = judge_v3(body, message)) return *outcome;
  }
  std::string whole = body.is_object() ? text_of(body, "message") + text_of(body, "error") : answer.body;
  if (contains(whole, "partial write")) {
    Outcome outcome{
        .kind = Outcome::Kind::partial, .message = std::move(message), .rejected = quoted_lines(whole)};
    outcome.rejected_count = std::max<std::uint64_t>(dropped_count(whole), outcome.rejected.size());
    return outcome;
  }
  if (settings.api == Api::v1 && contains(whole, "database is required")) {
    return Outcome{.kind = Outcome::Kind::paused, .message = std::move(message)};
  }
  return Outcome{.kind = Outcome::Kind::malformed, .message = std::move(message)};
}

}  // namespace

std::string server_message(std::string_view body) {
  const nlohmann::json object = parsed(body);
  std::string text;
  if (object.is_object()) {
    text = text_of(object, "message");
    if (text.empty()) text = text_of(object, "error");
  } else if (body.find('<') == std::string_view::npos) {
    text = body.substr(0, kMessageBytes + 1);
  }
  return one_line(std::move(text));
}

Outcome judge(const Answer& answer, const InfluxSettings& settings, WallTime now) {
  const long status = answer.status;
  if (status >= 200 && status < 300) return Outcome{.kind = Outcome::Kind::accepted};
  std::string message = "HTTP " + std::to_string(status);
  if (const std::string said = server_message(answer.body); !said.empty()) message += ": " + said;
  const auto outcome = [&](Outcome::Kind kind) { return Outcome{.kind = kind, .message = message}; };

  if (status >= 300 && status < 400) {
    message += ": redirects are not followed, name the final url";
    return outcome(Outcome::Kind::paused);
  }
  switch (status) {
    case 400:
      return judge_400(answer, settings, std::move(message));
    case 413:
      return outcome(Outcome::Kind::too_large);
    case 422: {
      Outcome partial = judge_400(answer, settings, message);
      partial.kind = Outcome::Kind::partial;
      return partial;
    }
    case 408:
      return outcome(Outcome::Kind::retry_later);
    case 429:
    case 503: {
      Outcome later = outcome(Outcome::Kind::retry_later);
      later.retry_after = retry_after(answer.retry_after, now);
      return later;
    }
    case 500:
      // InfluxDB 1 says so of a retention policy that does not exist.
      if (contains(answer.body, "retention policy not found")) return outcome(Outcome::Kind::paused);
      return outcome(Outcome::Kind::retry_later);
    default:
      break;
  }
  // 5xx: its fault, it may get over it. Any other 4xx: somebody has to act, nothing is dropped meanwhile.
  return outcome(status >= 500 || status < 200 ? Outcome::Kind::retry_later : Outcome::Kind::paused);
}

}  // namespace vigile::influx_sink
