// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "ctl/commands.h"
#include "ctl/json_access.h"
#include "ctl/text.h"

namespace vigile {

namespace {

std::string page_target(const std::string& sink, std::uint64_t after, std::uint64_t limit) {
  return "/api/agent/dead-letters?after=" + std::to_string(after) + "&limit=" + std::to_string(limit) +
         (sink.empty() ? "" : "&sink=" + percent_encode(sink));
}

}  // namespace

int list_dead_letters_command(const CommandContext& context, const DeadLetterOptions& options) {
  return show(context, page_target(options.sink, options.after, options.limit), &render_dead_letters);
}

int export_dead_letters_command(const CommandContext& context, const std::string& sink) {
  std::uint64_t after = 0;
  for (;;) {
    const auto answer = context.client.request("GET", page_target(sink, after, 1000));
    if (!answer) return fail(answer.error());
    if (!answer->fine()) return refuse(*answer);
    const auto page = parse_object(answer->body);
    if (!page) return fail(page.error());
    for (const Json& letter : at(*page, "dead_letters")) {
      if (context.json) {
        print_foreign(context, letter.dump() + "\n");
        continue;
      }
      print_screen("# " + text_at(letter, "sink") + " " + text_at(letter, "refused") + ": " +
                   text_at(letter, "reason") + "\n");
      std::string line = raw_text_at(letter, "line");
      while (line.ends_with('\n')) line.pop_back();
      print_foreign(context, line + "\n");
    }
    const std::uint64_t next = count_at(*page, "next_after");
    if (next <= after) return kFine;  // null reads as 0
    after = next;
  }
}

int clear_dead_letters_command(const CommandContext& context, const std::string& sink) {
  const auto answer = context.client.request(
      "DELETE", "/api/agent/dead-letters?" + (sink.empty() ? "all=true" : "sink=" + percent_encode(sink)));
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  if (context.json) {
    print_foreign(context, answer->body);
    return kFine;
  }
  const auto body = parse_object(answer->body);
  if (!body) return fail(body.error());
  print_screen(grouped(count_at(*body, "cleared")) + " dead letters cleared.\n");
  return kFine;
}

}  // namespace vigile
