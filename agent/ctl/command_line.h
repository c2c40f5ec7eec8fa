// SPDX-License-Identifier: Apache-2.0
// The command line as it is read. Only the program itself and the test of its manual include this: CLI11 is
// slow to compile.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "command_line/command_line.h"
#include "ctl/commands.h"
#include "ctl/equipment_commands.h"
#include "ctl/server_commands.h"
#include "point/line_encode.h"

namespace vigile {

// `run` is set by the subcommand that was given.
struct CommandLine {
  std::string socket;
  std::string timeout = "3s";
  bool json = false;
  bool all = false;
  TailOptions tail;
  DeadLetterOptions letters;
  std::uint64_t letter_id = 0;
  std::string reason;
  std::string precision = "ns";
  EncodeOptions encode;
  std::string name;
  DriverTestOptions driver_test;
  StoreFileOptions store;
  SupportOptions support;
  SignOptions sign;
  QuestionOptions question;
  RecordOptions record;
  CleanupOptions cleanup;
  std::unique_ptr<RemoteData> remote;  // null: no server can be asked
  SimulateOptions simulate;
  ServerOptions server;
  std::function<int(const CommandContext&)> run;
};

// All of vigilectl's commands and options. `line` lives as long as `app`.
void describe(CLI::App& app, CommandLine& line);

CLI::App* add_command(CLI::App& parent, CommandLine& line, const std::string& name, const std::string& help,
                      std::function<int(const CommandContext&)> run);
void add_json(CLI::App* command, CommandLine& line);
// metrics, stats, availability, history, dashboard, report, record, cleanup, simulate
void add_equipment_commands(CLI::App& app, CommandLine& line);
// check, query, write, delete; and the server's part of cleanup: after the above
void add_server_commands(CLI::App& app, CommandLine& line);

}  // namespace vigile
