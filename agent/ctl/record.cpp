// SPDX-License-Identifier: Apache-2.0
// vigilectl record …
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/iso_time.h"
#include "core/units.h"
#include "ctl/equipment_commands.h"
#include "ctl/json_access.h"
#include "ctl/text.h"

namespace vigile {

namespace {

constexpr std::size_t kPartBytes = std::size_t{240} << 10;  // the daemon takes 256 KiB

int record(const CommandContext& context, const RecordOptions& options, const char* what, const Json& body,
           const std::string& said) {
  int status = kFine;
  const auto id = chosen_equipment(context, options.equipment_id, status);
  if (!id) return status;
  const auto answer = context.client.send("POST", "/api/equipment/" + percent_encode(*id) + "/" + what + "/",
                                          body.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  if (context.json) {
    print_foreign(context, answer->body);
  } else {
    print_screen(said + "\n");
  }
  return kFine;
}

int misused(const std::string& what) {
  complain(what);
  return kUsage;
}

}  // namespace

int record_metric_command(const CommandContext& context, const RecordOptions& options) {
  Json body = {{"metric_type", options.metric}, {"value", options.value}};
  for (const std::string& tag : options.tags) {
    const std::size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) return misused("--tag " + tag + ": expected KEY=VALUE");
    body["tags"][tag.substr(0, equals)] = tag.substr(equals + 1);
  }
  if (!options.time.empty()) body["time"] = options.time;
  return record(context, options, "metrics", body, "Recorded.");
}

int record_availability_command(const CommandContext& context, const RecordOptions& options) {
  Json body = {{"is_available", options.available == "up"}};
  if (options.response_time) body["response_time"] = *options.response_time;
  if (!options.reason.empty()) body["reason"] = options.reason;
  return record(context, options, "availability", body, "Recorded.");
}

int record_performance_command(const CommandContext& context, const RecordOptions& options) {
  Json body = Json::object();
  if (options.cpu) body["cpu_usage"] = *options.cpu;
  if (options.memory) body["memory_usage"] = *options.memory;
  if (options.response_time) body["response_time"] = *options.response_time;
  if (body.empty()) return misused("expected --cpu, --memory or --response-time, or several");
  return record(context, options, "performance", body, "Recorded.");
}

int record_status_command(const CommandContext& context, const RecordOptions& options) {
  Json body = {{"status", options.status}};
  if (!options.reason.empty()) body["reason"] = options.reason;
  if (!options.until.empty()) {
    if (const auto time = parse_iso8601(options.until)) {
      body["until"] = to_iso8601(time->time);
    } else if (const auto duration = parse_duration(options.until)) {
      body["until"] = to_iso8601(SystemClock().wall() + *duration);
    } else {
      return misused("--until " + options.until +
                     ": expected a time like 2026-11-24T18:00:00Z, or a duration like 2h");
    }
  }
  return record(context, options, "status", body, "Recorded: " + harmless(options.status) + ".");
}

int record_points_command(const CommandContext& context, const RecordOptions& options) {
  int status = kFine;
  const auto id = chosen_equipment(context, options.equipment_id, status);
  if (!id) return status;
  const std::string target =
      "/api/equipment/" + percent_encode(*id) + "/metrics/?precision=" + options.precision;
  std::string waiting;
  std::uint64_t recorded = 0;
  std::string block(64 << 10, '\0');
  bool more = true;
  while (more || !waiting.empty()) {
    while (more && waiting.size() < kPartBytes) {
      const ssize_t size = ::read(STDIN_FILENO, block.data(), block.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) {
        complain(errno_error("standard input", errno).message);
        return kAnswerIsNo;
      }
      more = size > 0;
      waiting.append(block.data(), static_cast<std::size_t>(size));
    }
    std::size_t end = waiting.size();
    if (more || end > kPartBytes) {
      end = waiting.rfind('\n', kPartBytes - 1);
      if (end == std::string::npos) return misused("standard input: a line has more than 240 KiB");
      ++end;
    }
    const std::string part = waiting.substr(0, end);
    waiting.erase(0, end);
    if (part.find_first_not_of(" \r\n") == std::string::npos) continue;
    const auto answer = context.client.send("POST", target, part, "text/plain");
    if (!answer || !answer->fine()) {
      if (recorded > 0) complain(grouped(recorded) + " points were recorded before this:");
      if (!answer) return fail(answer.error());
      refuse(*answer);
      return kAnswerIsNo;  // bad lines are no wrong usage
    }
    const auto body = parse_object(answer->body);
    if (!body) return fail(body.error());
    recorded += count_at(*body, "recorded");
  }
  if (context.json) {
    print_screen(Json({{"equipment_id", *id}, {"recorded", recorded}}).dump() + "\n");
  } else {
    print_screen(grouped(recorded) + " points recorded.\n");
  }
  return kFine;
}

}  // namespace vigile
