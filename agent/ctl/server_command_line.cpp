// SPDX-License-Identifier: Apache-2.0
#include "ctl/command_line.h"

namespace vigile {

namespace {

using Command = int (*)(const CommandContext&, const ServerOptions&);

CLI::App* add_server_command(CLI::App& app, CommandLine& line, const std::string& name,
                             const std::string& help, Command command) {
  CLI::App* added = add_command(
      app, line, name, help, [&line, command](const CommandContext& c) { return command(c, line.server); });
  added->add_option("--config,-c", line.server.config, "The settings; default as vigiled finds them")
      ->type_name("FILE");
  added->add_option("--sink", line.server.sink, "Which; may be left out when there is one");
  return added;
}

}  // namespace

void add_server_commands(CLI::App& app, CommandLine& line) {
  ServerOptions& options = line.server;
  CLI::App* check = add_server_command(
      app, line, "check", "Try each sink: name, connection, TLS, login, writing; needs no daemon",
      &check_command);
  check->get_option("--sink")->description("Only this one");
  add_json(check, line);
  check->get_option("--json")->description("Each step as JSON");

  CLI::App* query = add_server_command(app, line, "query", "Ask an influx sink's server", &query_command);
  query->add_option("query", options.query, "In the server's language")->required();
  query->add_option("--language", options.language, "Default: influxql (v1), flux (v2), sql (v3)")
      ->check(one_of({"flux", "influxql", "sql"}));
  CLI::Option* csv = query->add_flag("--csv", options.csv, "As CSV (RFC 4180)");
  add_json(query, line);
  query->get_option("--json")->description("One object a row")->excludes(csv);

  CLI::App* write = add_server_command(app, line, "write",
                                       "Write line protocol from standard input to an influx sink's server",
                                       &write_command);
  write->add_option("--precision", options.precision, "Unit of the times")
      ->check(one_of({"ns", "us", "ms", "s"}))
      ->capture_default_str();

  CLI::App* remove = add_server_command(
      app, line, "delete", "Delete points at an influx sink's server; asks first", &delete_command);
  remove->add_option("--start", options.start, "From: 2026-11-24T08:00:00Z")->required();
  remove->add_option("--stop", options.stop, "To, not included")->required();
  remove->add_option("--predicate", options.predicate,
                     "_measurement=\"cpu\" AND equipment_id=\"1\"; default all");
  CLI::Option* dry_run = remove->add_flag("--dry-run", options.dry_run, "Only say what would go");
  remove->add_flag("--yes", options.yes, "Do not ask")->excludes(dry_run);
  add_json(remove, line);
  remove->get_option("--json")->description("What went as JSON");

  line.remote = server_data(options.config);
  app.get_subcommand("cleanup")
      ->add_option("--config,-c", options.config, "The settings, for --remote; default as vigiled finds them")
      ->type_name("FILE");
}

}  // namespace vigile
