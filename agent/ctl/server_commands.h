// SPDX-License-Identifier: Apache-2.0
// Commands that speak to the sinks' servers themselves, by the settings, and need no daemon.
#pragma once

#include <memory>
#include <string>

#include "ctl/commands.h"
#include "ctl/remote_data.h"

namespace vigile {

struct ServerOptions {
  std::string config;  // empty: as vigiled finds it
  std::string sink;    // empty: all (check), else the only influx sink
  std::string query;
  std::string language;  // empty: the server's own
  std::string precision = "ns";
  std::string start;  // ISO 8601
  std::string stop;
  std::string predicate;
  bool csv = false;
  bool dry_run = false;
  bool yes = false;
};

// Tries each sink step by step; 1 when a step fails.
int check_command(const CommandContext& context, const ServerOptions& options);
// Rows as a table, with --json one object a row, with --csv a header before rows of the same columns.
int query_command(const CommandContext& context, const ServerOptions& options);
// Line protocol on standard input. Complains of the lines that are refused; the others are written.
int write_command(const CommandContext& context, const ServerOptions& options);
// Says what would go and asks, unless told `yes`; without a terminal to ask on nothing goes (2).
int delete_command(const CommandContext& context, const ServerOptions& options);

// Reads the settings when it is first used; `config` outlives it.
std::unique_ptr<RemoteData> server_data(const std::string& config);

}  // namespace vigile
