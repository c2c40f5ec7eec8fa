// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/routes.h"

namespace vigile {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kDefaultLimit = 100;
constexpr std::uint64_t kMaxLimit = 1000;
constexpr std::size_t kReadAtOnce = 16;                     // a line may be a megabyte
constexpr std::size_t kPageBytes = std::size_t{256} << 10;  // of lines and reasons; one letter always fits

Response list(Log& log, const Request& request) {
  const auto after = request.query_number("after", 0, 0, INT64_MAX);
  if (!after) return error_response(400, after.error().message);
  const auto limit = request.query_number("limit", kDefaultLimit, 1, kMaxLimit);
  if (!limit) return error_response(400, limit.error().message);
  const std::string sink = request.query_value("sink").value_or("");
  Json letters = Json::array();
  std::uint64_t last_id = *after;
  std::size_t bytes = 0;
  bool more = true;
  while (more && letters.size() < *limit && bytes < kPageBytes) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(kReadAtOnce, *limit - letters.size()));
    const auto read = log.dead_letters(sink, last_id, wanted);
    if (!read) return error_response(read.error());
    more = read->size() == wanted;
    for (const DeadLetter& letter : *read) {
      const std::size_t size = letter.line.size() + letter.reason.size();
      if (bytes > 0 && bytes + size > kPageBytes) {
        bytes = kPageBytes;
        more = true;
        break;
      }
      bytes += size;
      last_id = letter.id;
      letters.push_back({{"id", letter.id},
                         {"sink", letter.sink},
                         {"refused", to_iso8601(wall_from_ns(letter.refused_ns))},
                         {"line", letter.line},
                         {"reason", letter.reason},
                         {"resend", letter.resend}});
    }
  }
  return json_response(
      {{"dead_letters", std::move(letters)}, {"next_after", more ? Json(last_id) : Json(nullptr)}});
}

Response clear(Log& log, const Request& request) {
  const auto sink = request.query_value("sink");
  const auto all = request.query_flag("all", false);
  if (!all) return error_response(400, all.error().message);
  if (sink.has_value() == *all) return error_response(400, "say which to clear: sink=NAME, or all=true");
  const auto cleared = log.clear_dead_letters(sink.value_or(""));
  return cleared ? json_response({{"cleared", *cleared}}) : error_response(cleared.error());
}

// The delivery takes them from the queue at its next flush, which is now.
Response resend(AgentView& agent, const Request& request) {
  DeadLetterChoice choice{.sink = request.query_value("sink").value_or(""),
                          .reason = request.query_value("reason").value_or("")};
  const auto id = request.query_number("id", 0, 1, INT64_MAX);
  if (!id) return error_response(400, id.error().message);
  choice.id = *id;
  const auto all = request.query_flag("all", false);
  if (!all) return error_response(400, all.error().message);
  const bool chosen = !choice.sink.empty() || choice.id != 0 || !choice.reason.empty();
  if (chosen == *all)
    return error_response(400, "say which to send again: sink=NAME, id=N, reason=TEXT, or all=true");
  const auto queued = agent.log().resend_dead_letters(choice);
  if (!queued) return error_response(queued.error());
  if (*queued > 0) {
    if (const auto flushed = agent.flush(); !flushed) return error_response(flushed.error());
  }
  return json_response({{"queued", *queued}});
}

}  // namespace

void add_dead_letter_routes(Router& router, AgentView& agent) {
  router.add("GET", "/api/agent/dead-letters",
             [&agent](const Request& request) { return list(agent.log(), request); },
             {.query = {"sink", "after", "limit"}});
  router.add("DELETE", "/api/agent/dead-letters",
             [&agent](const Request& request) { return clear(agent.log(), request); },
             {.query = {"sink", "all"}});
  router.add("POST", "/api/agent/dead-letters/resend",
             [&agent](const Request& request) { return resend(agent, request); },
             {.query = {"sink", "id", "reason", "all"}});
}

}  // namespace vigile
