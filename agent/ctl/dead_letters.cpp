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

namespace {

// Asks for a change, and says how many letters it was about.
int change(const CommandContext& context, const std::string& method, const std::string& target,
           const char* counter, std::string_view one, std::string_view many) {
  const auto answer = context.client.request(method, target);
  if (!answer) return fail(answer.error());
  if (!answer->fine()) return refuse(*answer);
  if (context.json) {
    print_foreign(context, answer->body);
    return kFine;
  }
  const auto body = parse_object(answer->body);
  if (!body) return fail(body.error());
  const std::uint64_t count = count_at(*body, counter);
  print_screen(grouped(count) + std::string(count == 1 ? one : many));
  return kFine;
}

}  // namespace

int resend_dead_letters_command(const CommandContext& context, const ResendOptions& options) {
  std::string target = "/api/agent/dead-letters/resend";
  char separator = '?';
  const auto add = [&](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    target += separator + name + "=" + percent_encode(value);
    separator = '&';
  };
  add("sink", options.sink);
  add("id", options.id == 0 ? "" : std::to_string(options.id));
  add("reason", options.reason);
  if (options.all) add("all", "true");
  return change(context, "POST", target, "queued", " dead letter is sent again.\n",
                " dead letters are sent again.\n");
}

int clear_dead_letters_command(const CommandContext& context, const std::string& sink) {
  return change(context, "DELETE",
                "/api/agent/dead-letters?" + (sink.empty() ? "all=true" : "sink=" + percent_encode(sink)),
                "cleared", " dead letter cleared.\n", " dead letters cleared.\n");
}

}  // namespace vigile
