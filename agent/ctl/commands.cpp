// SPDX-License-Identifier: Apache-2.0
#include "ctl/commands.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "ctl/json_access.h"
#include "ctl/text.h"

namespace vigile {

void print_screen(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_foreign(const CommandContext& context, std::string_view text) {
  if (!context.terminal) {
    print_screen(text);
    return;
  }
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    print_screen(harmless(line) + "\n");
  }
}

void complain(std::string_view text) {
  const std::string line = "vigilectl: " + harmless(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

bool agreed() {
  print_screen("Delete for good? [y/N] ");
  std::fflush(stdout);
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

int fail(const Error& error) {
  complain(error.message);
  return kNoDaemon;
}

int refuse(const Answer& answer) {
  std::string reason = "the daemon answers " + std::to_string(answer.status);
  if (const auto body = parse_object(answer.body)) {
    const std::string error = raw_text_at(*body, "error");
    if (!error.empty()) reason = error;
  }
  complain(reason);
  return answer.status == 400 ? kUsage : kAnswerIsNo;
}

int show(const CommandContext& context, const std::string& target, Renderer render) {
  const auto answer = context.client.request("GET", target);
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  if (context.json) {
    print_foreign(context, answer->body);
    return kFine;
  }
  const auto screen = render(answer->body, context.style);
  if (!screen) return fail(screen.error());
  print_screen(*screen);
  return kFine;
}

int status_command(const CommandContext& context) {
  bool healthy = false;
  const auto answer = context.client.request("GET", "/api/agent/status");
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  if (const auto body = parse_object(answer->body)) healthy = flag_at(*body, "healthy");
  const auto screen = render_status(answer->body, context.style);
  if (!screen) return fail(screen.error());
  if (context.json) {
    print_foreign(context, answer->body);
  } else {
    print_screen(*screen);
  }
  return healthy ? kFine : kAnswerIsNo;
}

int flush_command(const CommandContext& context) {
  const auto answer = context.client.request("POST", "/api/agent/flush");
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  if (context.json) {
    print_foreign(context, answer->body);
  } else {
    print_screen("All readings are committed; every sink delivers now.\n");
  }
  return kFine;
}

int reload_command(const CommandContext& context) {
  const auto answer = context.client.request("POST", "/api/agent/reload");
  if (!answer) return fail(answer.error());
  const bool refused = answer->status == 422;
  if (!refused && !answer->fine()) return refuse(*answer);
  if (context.json) {
    print_foreign(context, answer->body);
    return refused ? kAnswerIsNo : kFine;
  }
  const auto body = parse_object(answer->body);
  if (!body) return fail(body.error());
  if (refused) complain("the settings are refused; nothing has changed");
  for (const Json& message : at(*body, "messages")) {
    if (!message.is_string()) continue;
    const std::string line = harmless(message.get<std::string>()) + "\n";
    std::fwrite(line.data(), 1, line.size(), refused ? stderr : stdout);
  }
  if (!refused && at(*body, "messages").empty()) print_screen("Reloaded; nothing has changed.\n");
  return refused ? kAnswerIsNo : kFine;
}

int version_command(const CommandContext& context, const std::string& version) {
  std::string daemon;
  const auto answer = context.client.request("GET", "/api/agent/status");
  if (answer && answer->fine()) {
    if (const auto body = parse_object(answer->body)) daemon = text_at(*body, "version");
  }
  if (context.json) {
    const Json both = {{"vigilectl", version}, {"vigiled", daemon.empty() ? Json(nullptr) : Json(daemon)}};
    print_screen(both.dump() + "\n");
  } else {
    print_screen("vigilectl " + version + "\n" + (daemon.empty() ? "" : "vigiled " + daemon + "\n"));
  }
  if (!answer && answer.error().kind == ErrorKind::timeout) return fail(answer.error());
  return kFine;
}

}  // namespace vigile
