// SPDX-License-Identifier: Apache-2.0
// vigilectl store: what the log holds, whether it is sound, and what can be saved of a damaged one.
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/units.h"
#include "ctl/commands.h"
#include "ctl/configured_sinks.h"
#include "ctl/json_access.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "store/inspection_json.h"
#include "store/log.h"

namespace vigile {

namespace {

std::string lost(const Json& json) {
  return (flag_at(json, "lost_at_least") ? "at least " : "") + grouped(count_at(json, "lost_points")) +
         " points lost";
}

// `json`: as inspection_json() writes it.
int show_inspection(const CommandContext& context, const std::string& what, const std::string& text) {
  const auto json = parse_object(text);
  if (!json) return fail(json.error());
  const bool is_sound = flag_at(*json, "sound");
  if (context.json) {
    print_foreign(context, text + "\n");
    return is_sound ? kFine : kAnswerIsNo;
  }
  std::string out =
      what + ": " +
      coloured(is_sound ? "sound" : "damaged", is_sound ? Colour::green : Colour::red, context.style.colour) +
      ", " + grouped(count_at(*json, "points")) + " points in " + grouped(count_at(*json, "segments")) +
      " segments (" + format_size(count_at(*json, "payload_bytes")) + ")";
  if (!is_sound) out += ", " + lost(*json);
  out += "\n";
  for (const Json& problem : at(*json, "problems")) {
    if (!problem.is_string()) continue;
    for (const std::string& line : wrapped(harmless(problem.get<std::string>()), context.style.width - 2)) {
      out += "  " + line + "\n";
    }
  }
  if (const auto more = count_at(*json, "more_problems"); more > 0)
    out += "  and " + grouped(more) + " more\n";
  print_screen(out);
  return is_sound ? kFine : kAnswerIsNo;
}

// The daemon's log, while it goes on. Absent when no daemon answers.
std::optional<int> check_with_daemon(const CommandContext& context) {
  const auto answer = context.client.request("GET", "/api/agent/store/check");
  if (!answer && answer.error().kind == ErrorKind::timeout) return fail(answer.error());
  if (!answer) return std::nullopt;
  if (!answer->fine()) return refuse(*answer);
  return show_inspection(context, "the daemon's log", answer->body);
}

}  // namespace

int store_command(const CommandContext& context) {
  return show(context, "/api/agent/store", &render_store);
}

int forget_command(const CommandContext& context, const std::string& sink) {
  const auto answer = context.client.request("DELETE", "/api/agent/store/sinks/" + percent_encode(sink));
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  if (context.json) {
    print_foreign(context, answer->body);
  } else {
    print_screen("Sink " + harmless(sink) + " is forgotten, with what it had not delivered.\n");
  }
  return kFine;
}

int check_store_command(const CommandContext& context, const StoreFileOptions& options) {
  std::string file = options.file;
  if (file.empty()) {
    if (const auto status = check_with_daemon(context)) return *status;
    const auto settings = configured_settings(options.config);
    if (!settings) {
      complain("no daemon answers, and the settings do not say where its log is:\n" +
               settings.error().message);
      return kUsage;
    }
    file = settings->store.path.string();
  }
  const auto found = inspect_store(file);
  if (!found) {
    complain(found.error().message +
             (found.error().kind == ErrorKind::unavailable ? "; without --path it is asked" : ""));
    return kUsage;
  }
  return show_inspection(context, file, inspection_json(*found));
}

int salvage_store_command(const CommandContext& context, const StoreFileOptions& options) {
  const std::string into = options.into.empty() ? options.file + ".salvaged" : options.into;
  LogOptions log;
  log.path = into;
  log.max_size_bytes = std::uint64_t{1} << 60;
  const auto report = Log::salvage(options.file, log, SystemClock());
  if (!report) {
    complain(report.error().message);
    return report.error().kind == ErrorKind::config || report.error().kind == ErrorKind::not_found
               ? kUsage
               : kAnswerIsNo;
  }
  const Json json = {{"into", into},
                     {"segments", report->segments},
                     {"points", report->points},
                     {"lost_segments", report->lost_segments},
                     {"lost_points", report->lost_points},
                     {"lost_at_least", report->lost_at_least}};
  if (context.json) {
    print_foreign(context, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    return kFine;
  }
  print_screen(harmless(into) + ": " + grouped(report->points) + " points in " + grouped(report->segments) +
               " segments saved, " + lost(json) + " in " + grouped(report->lost_segments) + " segments" +
               "\nvigiled delivers what was not delivered when store.path is this file.\n");
  return kFine;
}

}  // namespace vigile
