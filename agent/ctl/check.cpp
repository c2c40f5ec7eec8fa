// SPDX-License-Identifier: Apache-2.0
// vigilectl check: each sink step by step, and how far the log is behind.
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "ctl/configured_sinks.h"
#include "ctl/json_access.h"
#include "ctl/server_commands.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "sinks/registry.h"

namespace vigile {

namespace {

using Kind = CheckStep::Kind;

std::string_view word(Kind kind) {
  return kind == Kind::ok ? "ok" : kind == Kind::warning ? "warning" : "failed";
}

void print_step(const CommandContext& context, const CheckStep& step) {
  constexpr std::size_t kIndent = 11;
  const Colour colour = step.kind == Kind::ok        ? Colour::green
                        : step.kind == Kind::warning ? Colour::yellow
                                                     : Colour::red;
  const std::string mark(word(step.kind));
  const auto width = std::max<std::size_t>(context.style.width, 40) - kIndent;
  std::string indent =
      "  " + coloured(mark, colour, context.style.colour) + std::string(9 - mark.size(), ' ');
  for (const std::string& line : wrapped(step.name + ": " + harmless(step.detail), width)) {
    print_screen(indent + line + "\n");
    indent.assign(kIndent, ' ');
  }
  if (step.remedy.empty()) return;
  for (const std::string& line : wrapped("-> " + harmless(step.remedy), width))
    print_screen(indent + line + "\n");
}

// What the daemon says of the sink.
CheckStep lag_of(const Json& status, const std::string& sink) {
  for (const Json& view : at(status, "sinks")) {
    if (raw_text_at(view, "name") != sink) continue;
    const std::uint64_t points = count_at(view, "lag_points");
    std::string detail = points == 0 ? "everything is delivered" : grouped(points) + " points wait";
    if (const auto lag = number_at(view, "lag_s"); points > 0 && lag) {
      detail += ", the oldest for " + age(*lag);
    }
    const std::string state = raw_text_at(view, "state");
    const std::string reason = raw_text_at(view, "reason");
    if (reason.empty()) return {Kind::ok, "lag of the log", detail, ""};
    return {Kind::warning, "lag of the log", detail + "; " + state + ": " + reason,
            "once this check is clean, vigilectl flush makes the daemon try again at once"};
  }
  return {Kind::warning, "lag of the log", "the daemon does not know this sink",
          "it runs by other settings: vigilectl reload, or --config with its file"};
}

}  // namespace

int check_command(const CommandContext& context, const ServerOptions& options) {
  const auto settings = configured_settings(options.config);
  if (!settings) {
    complain(settings.error().message);
    return kUsage;
  }
  std::string names;
  bool found = false;
  for (const SinkSettings& sink : settings->sinks) {
    names += (names.empty() ? "" : ", ") + sink.name;
    found = found || options.sink.empty() || sink.name == options.sink;
  }
  if (settings->sinks.empty() || !found) {
    complain(names.empty() ? "there are no sinks in the settings"
                           : "there is no sink " + options.sink + "; there is " + names);
    return names.empty() ? kAnswerIsNo : kUsage;
  }

  Json status;
  if (const auto answer = context.client.request("GET", "/api/agent/status"); answer && answer->fine()) {
    if (auto body = parse_object(answer->body)) status = std::move(*body);
  }
  const SystemClock clock(settings->require_clock_sync);
  Json report = {{"ok", true}, {"daemon", !status.is_null()}, {"sinks", Json::array()}};
  bool all_fine = true;
  bool first = true;
  for (const SinkSettings& sink : settings->sinks) {
    if (!options.sink.empty() && sink.name != options.sink) continue;
    Json steps = Json::array();
    if (!context.json) print_screen((first ? "" : "\n") + harmless(sink.name) + " (" + sink.kind + ")\n");
    first = false;
    const auto tell = [&](const CheckStep& step) {
      if (context.json) {
        steps.push_back({{"step", step.name},
                         {"result", word(step.kind)},
                         {"detail", step.detail},
                         {"remedy", step.remedy}});
      } else {
        print_step(context, step);
        std::fflush(stdout);  // a step may take its time
      }
    };
    const SinkInfo* const info = find_sink(sink.kind);
    const bool fine =
        info != nullptr &&
        info->check(sink.options, {clock, sink.name, settings->site_id, settings->device}, tell);
    if (!status.is_null()) tell(lag_of(status, sink.name));
    all_fine = all_fine && fine;
    report["sinks"].push_back(
        {{"name", sink.name}, {"kind", sink.kind}, {"ok", fine}, {"steps", std::move(steps)}});
  }
  if (context.json) {
    report["ok"] = all_fine;
    print_foreign(context, report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  } else if (status.is_null()) {
    print_screen("\nThe daemon does not answer: how far the log is behind is not known.\n");
  }
  return all_fine ? kFine : kAnswerIsNo;
}

}  // namespace vigile
