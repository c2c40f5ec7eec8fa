// SPDX-License-Identifier: Apache-2.0
#include "ctl/command_line.h"

#include <iostream>

#include "point/lp_commands.h"

namespace vigile {

CLI::App* add_command(CLI::App& parent, CommandLine& line, const std::string& name, const std::string& help,
                      std::function<int(const CommandContext&)> run) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->fallthrough();
  command->final_callback([&line, run = std::move(run)] { line.run = run; });
  return command;
}

void add_json(CLI::App* command, CommandLine& line) {
  command->add_flag("--json", line.json, "The daemon's answer as it is");
}

namespace {

constexpr const char* kDefaultSocket = "/run/vigile/vigiled.sock";

// A command with subcommands, of which `list` may be left out.
CLI::App* add_group(CLI::App& app, CommandLine& line, const std::string& name, const std::string& help) {
  CLI::App* group = app.add_subcommand(name, help);
  group->fallthrough();
  group->require_subcommand(0, 1);
  add_json(group, line);
  return group;
}

void add_dead_letters(CLI::App& app, CommandLine& line) {
  const auto list = [&line](const CommandContext& c) { return list_dead_letters_command(c, line.letters); };
  CLI::App* group =
      add_group(app, line, "dead-letters", "Lines that a sink refuses for good: list, export, resend, clear");
  CLI::App* listed = add_command(*group, line, "list", "With their reasons (this is the default)", list);
  listed->add_option("--sink", line.letters.sink, "Only of this sink");
  listed->add_option("--after", line.letters.after, "Only with larger numbers");
  listed->add_option("--limit", line.letters.limit, "At most so many")
      ->check(a_number(1, 1000))
      ->capture_default_str();
  CLI::App* exported = add_command(
      *group, line, "export", "All as line protocol, each under its reason as a comment",
      [&line](const CommandContext& c) { return export_dead_letters_command(c, line.letters.sink); });
  exported->add_option("--sink", line.letters.sink, "Only of this sink");
  CLI::App* resent = add_command(
      *group, line, "resend", "Send them again, once their cause is mended",
      [&line](const CommandContext& c) {
        return resend_dead_letters_command(c, {line.letters.sink, line.letter_id, line.reason, line.all});
      });
  CLI::Option_group* meant = resent->add_option_group("which", "Letters that meet all of these");
  meant->add_option("--sink", line.letters.sink, "Of this sink");
  meant->add_option("--id", line.letter_id, "This one")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return text.find_first_not_of('0') == std::string::npos ? "\"" + text + "\" must be more than 0"
                                                                    : std::string();
          },
          ""));
  meant->add_option("--reason", line.reason, "With these words in their reason");
  meant->add_flag("--all", line.all, "Of every sink");
  meant->require_option(1, 3);
  CLI::App* cleared = add_command(
      *group, line, "clear", "Delete them for good",
      [&line](const CommandContext& c) { return clear_dead_letters_command(c, line.letters.sink); });
  CLI::Option_group* which = cleared->add_option_group("Whose");
  which->add_option("--sink", line.letters.sink, "Of this sink");
  which->add_flag("--all", line.all, "Of every sink");
  which->require_option(1);
  group->final_callback([&line, list] {
    if (!line.run) line.run = list;
  });
}

// Needs no daemon.
void add_settings(CLI::App& app, CommandLine& line) {
  CLI::App* group = app.add_subcommand("settings", "Settings that devices get from a broker: sign, verify");
  group->require_subcommand(1);
  CLI::App* sign =
      add_command(*group, line, "sign", "Print settings as they are to be published, signed",
                  [&line](const CommandContext& c) { return sign_settings_command(c, line.sign); });
  sign->add_option("file", line.sign.file, "YAML; - is standard input")->capture_default_str();
  sign->add_option("--key", line.sign.key, "PEM file of the private key, Ed25519")->required();
  sign->add_option("--serial", line.sign.serial, "Higher than that of all before")->required();
  sign->add_option("--for", line.sign.recipients, "<site>/<device>, where + stands for all, like 12/+")
      ->required();
  CLI::App* verify = add_command(
      *group, line, "verify", "Is the signature good; print serial and recipients; 1 if it is not",
      [&line](const CommandContext& c) { return verify_settings_command(c, line.sign); });
  verify->add_option("file", line.sign.file, "What was published; - is standard input")
      ->capture_default_str();
  verify->add_option("--key", line.sign.key, "PEM file of the public keys")->required();
}

// Needs no daemon.
void add_lp(CLI::App& app, CommandLine& line) {
  CLI::App* group = app.add_subcommand("lp", "Line protocol on standard input to JSON, and back");
  group->require_subcommand(1);
  add_command(*group, line, "decode",
              "Line protocol to one JSON object a point; bad lines go to standard error, and the exit is 1",
              [&line](const CommandContext&) {
                return lp_decode(std::cin, std::cout, std::cerr,
                                 parse_precision(line.precision).value_or(Precision::ns));
              })
      ->add_option("--precision", line.precision, "Unit of the times read")
      ->check(one_of({"ns", "us", "ms", "s"}))
      ->capture_default_str();
  add_command(
      *group, line, "encode", "One JSON object a line to line protocol",
      [&line](const CommandContext&) { return lp_encode(std::cin, std::cout, std::cerr, line.encode); })
      ->add_flag("--unsigned", line.encode.unsigned_integers,
                 "Write unsigned integers as 5u, not clamped as 5i");
}

void add_commands(CLI::App& app, CommandLine& line) {
  CLI::App* status = add_command(app, line, "status",
                                 "One screen: is all well, what is delivered, what fails", &status_command);
  status->add_flag("--all", line.all, "Every row, however many, and whole errors");
  add_json(status, line);

  CLI::App* tail = add_command(app, line, "tail", "Line protocol as it is committed, until Ctrl-C",
                               [&line](const CommandContext& c) { return tail_command(c, line.tail); });
  tail->add_option("--measurement", line.tail.measurement, "Only lines of this measurement");
  tail->add_option("--metric", line.tail.metric, "Only lines with this metric_name, or with this field");
  add_json(tail, line);
  tail->get_option("--json")->description("One object a line, as lp decode prints them");

  add_json(add_command(app, line, "flush", "Commit what waits in memory, and deliver now", &flush_command),
           line);
  add_json(
      add_command(app, line, "reload", "Read the settings again; bad ones change nothing", &reload_command),
      line);

  add_equipment_commands(app, line);
  add_server_commands(app, line);

  CLI::App* drivers = add_group(
      app, line, "drivers", "The drivers that are built in, and what runs with its errors; show NAME, test");
  add_command(*drivers, line, "list", "All of them, and what runs (this is the default)", &drivers_command);
  add_command(*drivers, line, "show", "Options, metrics and a sample of one; needs no daemon",
              [&line](const CommandContext& c) { return driver_command(c, line.name); })
      ->add_option("name", line.name, "The driver, as cpu")
      ->required();
  CLI::App* test =
      add_command(*drivers, line, "test", "Does a program print what the driver exec takes? 1 if it does not",
                  [&line](const CommandContext& c) { return test_driver_command(c, line.driver_test); });
  test->add_option("command", line.driver_test.command, "Program and arguments, after --")->required();
  test->add_option("--format", line.driver_test.format, "What it prints")
      ->check(one_of({"line_protocol", "json", "nagios"}))
      ->capture_default_str();
  test->add_option("--mode", line.driver_test.mode, "once: it ends; keep: it goes on")
      ->check(one_of({"once", "keep"}))
      ->capture_default_str();
  test->add_option("--runs", line.driver_test.runs, "Run it so often; with keep: wait for so many lines")
      ->check(a_number(1, 1000))
      ->capture_default_str();
  test->add_option("--timeout", line.driver_test.timeout, "End it after this long")->capture_default_str();
  test->add_option("--separator", line.driver_test.separator, "Between nested names of JSON")
      ->capture_default_str();
  test->add_option("--accept-status", line.driver_test.accept_status,
                   "Exit statuses that are no failure: 0,4")
      ->delimiter(',')
      ->expected(1);
  test->add_option("--accept-status-bits", line.driver_test.accept_status_bits,
                   "Nor is a status of these bits alone: 0xf8");
  drivers->final_callback([&line] {
    if (!line.run) line.run = &drivers_command;
  });

  CLI::App* store = add_group(app, line, "store", "The log: list, forget SINK, check, salvage FILE");
  add_command(*store, line, "list", "Size and backlogs (this is the default)", &store_command);
  add_command(*store, line, "forget", "Let go of a sink that is no longer in the settings",
              [&line](const CommandContext& c) { return forget_command(c, line.name); })
      ->add_option("sink", line.name, "Its name")
      ->required();
  CLI::App* check =
      add_command(*store, line, "check", "Read all of it: is it sound, what is damaged; 1 if it is",
                  [&line](const CommandContext& c) { return check_store_command(c, line.store); });
  check->add_option("--path", line.store.file, "A file that no daemon holds; default: the daemon's log");
  check->add_option("--config,-c", line.store.config,
                    "The settings, when no daemon answers; default as vigiled finds them");
  CLI::App* salvage =
      add_command(*store, line, "salvage", "Carry what still reads of a damaged log over into a new one",
                  [&line](const CommandContext& c) { return salvage_store_command(c, line.store); });
  salvage->add_option("file", line.store.file, "The damaged one, as vigile.db.corrupt-<time>; it stays")
      ->required();
  salvage->add_option("--into", line.store.into, "The new one; default: FILE.salvaged");
  store->final_callback([&line] {
    if (!line.run) line.run = &store_command;
  });

  add_dead_letters(app, line);
  add_settings(app, line);
  add_lp(app, line);
  CLI::App* support = add_command(
      app, line, "support", "Write an archive for a support ticket: status, settings, logs, without secrets",
      [&line](const CommandContext& c) { return support_command(c, line.support, VIGILE_VERSION); });
  support->add_option("--output,-o", line.support.output,
                      "Where; default vigile-support-<device>-<time>.tar.gz");
  support->add_option("--config,-c", line.support.config, "The settings; default as vigiled finds them");
  support->add_flag("--with-lines", line.support.with_lines,
                    "With the lines of dead letters, not only their reasons");
  add_json(support, line);
  add_json(add_command(app, line, "version", "This program's version, and the daemon's when there is one",
                       [](const CommandContext& c) { return version_command(c, VIGILE_VERSION); }),
           line);
}

}  // namespace

void describe(CLI::App& app, CommandLine& line) {
  lay_out_help(app);
  app.name("vigilectl");
  app.description("Asks and steers vigiled, the Vigile agent, over its socket.");
  app.footer("Exit status: 0 fine, 1 the answer is no, 2 usage, 3 no daemon.");
  app.require_subcommand(1);
  app.set_version_flag("--version", "vigilectl " VIGILE_VERSION);
  line.socket = kDefaultSocket;
  app.add_option("--socket", line.socket, "The daemon's socket")
      ->envname("VIGILE_SOCKET")
      ->capture_default_str();
  app.add_option("--timeout", line.timeout,
                 "How long the daemon may show no sign of life: 500ms, 1m; one that works on a "
                 "long answer shows one")
      ->check(a_duration())
      ->type_name("DURATION")
      ->capture_default_str();
  add_commands(app, line);
  refuse_negative_counts(app);
}

}  // namespace vigile
