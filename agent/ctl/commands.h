// SPDX-License-Identifier: Apache-2.0
// What vigilectl does once its command line is understood. Each returns the exit status.
#pragma once

#include <string>
#include <string_view>

#include "ctl/client.h"
#include "ctl/screen.h"

namespace vigile {

enum ExitStatus { kFine = 0, kAnswerIsNo = 1, kUsage = 2, kNoDaemon = 3 };

struct CommandContext {
  Client client;
  ScreenStyle style;
  bool json = false;
  bool terminal = false;  // standard output is one: what is written there is made harmless
};

int status_command(const CommandContext& context);

// To standard output; on a terminal without control characters but newlines and our own colours.
void print_screen(std::string_view text);
void print_foreign(const CommandContext& context, std::string_view text);
// "vigilectl: …" to standard error.
void complain(std::string_view text);
// Says what went wrong with a request: no daemon (3), or an answer that refuses (1).
int fail(const Error& error);
int refuse(const Answer& answer);

}  // namespace vigile
