// SPDX-License-Identifier: Apache-2.0
#include "ctl/commands.h"

#include <cstdio>
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
  return kAnswerIsNo;
}

int status_command(const CommandContext& context) {
  const auto answer = context.client.request("GET", "/api/agent/status");
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  const auto body = parse_object(answer->body);
  if (!body) return fail(body.error());
  if (context.json) {
    print_foreign(context, answer->body);
  } else {
    const auto screen = render_status(answer->body, context.style);
    if (!screen) return fail(screen.error());
    print_screen(*screen);
  }
  return flag_at(*body, "healthy") ? kFine : kAnswerIsNo;
}

}  // namespace vigile
