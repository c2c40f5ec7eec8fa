// SPDX-License-Identifier: Apache-2.0
// A server's answer to a batch: "<status>\n<Retry-After>\n<body>". It may end in nothing but one of DESIGN
// §7's outcomes, in words that are fit to be shown.
#include <array>
#include <charconv>
#include <cmath>

#include "input.h"
#include "point/utf8.h"
#include "sinks/influx/answer.h"
#include "targets.h"

namespace vigile {
namespace {

using influx_sink::Answer;
using influx_sink::InfluxSettings;

constexpr std::string_view kToken = "token-of-the-sink";
constexpr std::string_view kPassword = "pass-of-the-sink";

Fault words_fault(std::string_view words) {
  if (words.size() > 500) return "a message of " + std::to_string(words.size()) + " bytes";
  for (const std::string_view secret : {kToken, kPassword}) {
    if (words.find(secret) != std::string_view::npos) return "a secret in a message";
  }
  while (!words.empty()) {
    const std::size_t length = utf8_length(words);
    if (length == 0) return "a message that is not UTF-8";
    if (length == 1 && (static_cast<unsigned char>(words[0]) < 0x20 || words[0] == 0x7f))
      return "a control character in a message";
    words.remove_prefix(length);
  }
  return std::nullopt;
}

Fault outcome_fault(const Outcome& outcome, const Answer& answer) {
  using Kind = Outcome::Kind;
  if ((outcome.kind == Kind::accepted) != (answer.status == 204))
    return "success that is none, or none that is";
  if (outcome.kind != Kind::accepted && outcome.message.empty()) return "no cause";
  if (Fault fault = words_fault(outcome.message)) return fault;
  if (outcome.retry_after &&
      (outcome.retry_after->count() < 0 || *outcome.retry_after > std::chrono::hours(24 * 30)))
    return "a wait out of all bounds";
  if (outcome.kind != Kind::partial && !outcome.rejected.empty())
    return "lines refused of what is not partial";
  if (outcome.rejected_count > 0 && outcome.rejected_count < outcome.rejected.size())
    return "more lines named than refused";
  if (outcome.kind == Kind::partial || outcome.kind == Kind::malformed) {
    const bool may =
        answer.status == 400 || answer.status == 422 || (answer.status >= 200 && answer.status < 300);
    if (!may) return "lines refused by an answer that cannot";
  }
  for (const RejectedLine& line : outcome.rejected) {
    if (Fault fault = words_fault(line.reason)) return fault;
  }
  return std::nullopt;
}

}  // namespace

Fault write_answer_fault(std::string_view input) {
  Input in(input);
  Answer answer;
  const std::string_view status = in.until('\n');
  std::from_chars(status.data(), status.data() + status.size(), answer.status);
  answer.status = std::abs(answer.status % 1000);
  answer.retry_after = in.until('\n');
  answer.body = in.rest();
  for (const influx_sink::Api api : {influx_sink::Api::v1, influx_sink::Api::v2, influx_sink::Api::v3}) {
    InfluxSettings settings;
    settings.api = api;
    settings.token = kToken;
    settings.password = kPassword;
    for (const bool whole : {true, false}) {
      answer.whole = whole;
      const Outcome outcome = influx_sink::judge(answer, settings, wall_from_ns(1793491200'000000000));
      if (Fault fault = outcome_fault(outcome, answer)) return fault;
    }
  }
  return std::nullopt;
}

}  // namespace vigile
