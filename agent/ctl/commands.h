// SPDX-License-Identifier: Apache-2.0
// What vigilectl does once its command line is understood. Each returns the exit status.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
int flush_command(const CommandContext& context);
int reload_command(const CommandContext& context);
int drivers_command(const CommandContext& context);
int driver_command(const CommandContext& context, const std::string& name);
struct DriverTestOptions {
  std::vector<std::string> command;
  std::string format = "line_protocol";
  std::string mode = "once";
  std::uint64_t runs = 1;
  std::string timeout = "30s";
  std::string separator = "_";
  std::vector<std::string> accept_status;
  std::string accept_status_bits;
};
// Runs a program as the driver `exec` would, and prints what it made of it: 0 when all was good.
int test_driver_command(const CommandContext& context, const DriverTestOptions& options);
int store_command(const CommandContext& context);
int forget_command(const CommandContext& context, const std::string& sink);
struct StoreFileOptions {
  std::string file;    // empty: the daemon's log
  std::string into;    // empty: beside `file`
  std::string config;  // where to look for the log's path when no daemon answers
};
// Whether a log is sound (0) or damaged (1): the daemon's while it runs, or a file that nobody holds.
int check_store_command(const CommandContext& context, const StoreFileOptions& options);
// What still reads of a damaged log, into a new one.
int salvage_store_command(const CommandContext& context, const StoreFileOptions& options);
// `version` is this program's; the daemon's is shown when there is one.
int version_command(const CommandContext& context, const std::string& version);

struct SignOptions {
  std::string file = "-";  // standard input
  std::string key;         // sign: the private one; verify: the public ones
  std::uint64_t serial = 0;
  std::string recipients;
};
int sign_settings_command(const CommandContext& context, const SignOptions& options);
// 1 when no key has signed it.
int verify_settings_command(const CommandContext& context, const SignOptions& options);

struct SupportOptions {
  std::string output;  // empty: a name of its own, here
  std::string config;
  bool with_lines = false;  // of dead letters
};
// Writes an archive for a support ticket. What cannot be had is named in it.
int support_command(const CommandContext& context, const SupportOptions& options, const std::string& version);

// Prints lines as they are committed, with --json one object a line as `lp decode` does, until interrupted
// (0), or until the reader has left (0) or the daemon ends it (3). SIGINT ends the process from here on.
struct TailOptions {
  std::string measurement;
  std::string metric;
};
int tail_command(const CommandContext& context, const TailOptions& options);

struct DeadLetterOptions {
  std::string sink;  // empty: all
  std::uint64_t after = 0;
  std::uint64_t limit = 20;
};
int list_dead_letters_command(const CommandContext& context, const DeadLetterOptions& options);
// Line protocol to standard output, each line under its reason as a comment; with --json one object a line.
int export_dead_letters_command(const CommandContext& context, const std::string& sink);
struct ResendOptions {
  std::string sink;
  std::uint64_t id = 0;
  std::string reason;
  bool all = false;
};
int resend_dead_letters_command(const CommandContext& context, const ResendOptions& options);
int clear_dead_letters_command(const CommandContext& context, const std::string& sink);

// To standard output; on a terminal without control characters but newlines and our own colours.
void print_screen(std::string_view text);
void print_foreign(const CommandContext& context, std::string_view text);
// "vigilectl: …" to standard error.
void complain(std::string_view text);
// "Delete for good? [y/N]" on the terminal.
bool agreed();
// Asks, and prints the answer: as it is with --json, else as `render` shows it.
using Renderer = Result<std::string> (*)(std::string_view json, const ScreenStyle& style);
int show(const CommandContext& context, const std::string& target, Renderer render);
// Says what went wrong with a request: no daemon (3), or an answer that refuses (1), or a question that the
// daemon calls wrong (400: 2).
int fail(const Error& error);
int refuse(const Answer& answer);

}  // namespace vigile
