// SPDX-License-Identifier: Apache-2.0
#include "drivers/exec/exec_settings.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace vigile::exec {

namespace {

using program::environment_for;
using program::kPath;

constexpr std::array<std::string_view, 2> kModes = {"once", "keep"};  // as Mode
constexpr std::array<std::string_view, 4> kThousands = {"none", "comma", "point", "apostrophe"};
constexpr std::array<std::string_view, 3> kFormats = {"line_protocol", "json", "nagios"};  // as Format

std::string shown_name(const std::string& program) {
  return program.substr(program.rfind('/') + 1).substr(0, 100);
}

Error bad(std::string_view option, std::string_view what) {
  return Error{ErrorKind::config, std::string(option) + ": " + std::string(what)};
}

// How its output is read, and its end.
Result<void> read_format(const Options& options, ExecSettings& settings) {
  const auto accepted =
      read_accepted_status(options.list("accept_status"), options.text("accept_status_bits"));
  if (!accepted) return accepted.error();
  settings.accepted = *accepted;
  const bool is_default = settings.accepted == AcceptedStatus(1);
  if (!is_default && settings.format == Format::nagios)
    return bad("accept_status", "a nagios plugin's is 0 fine, 1 warning, 2 critical, 3 unknown");
  if (!is_default && settings.mode == Mode::keep)
    return bad("accept_status",
               "has no effect with mode: keep: whatever it is, the program is started again");
  settings.keeps_on_failure = options.flag("keep_on_failure");
  if (settings.keeps_on_failure && (settings.format != Format::json || settings.mode == Mode::keep))
    return bad("keep_on_failure", "has an effect only with mode: once and format: json");
  const auto numbers = read_number_format(options);
  if (!numbers) return numbers.error();
  settings.thousands = numbers->thousands;
  if (settings.thousands != NumberFormat::Thousands::none && settings.format != Format::nagios)
    return bad("thousands", "has an effect only with format: nagios");
  settings.integers = options.flag("integers");
  if (settings.integers && settings.format != Format::json)
    return bad("integers", "has an effect only with format: json");
  settings.separator = options.text("separator");
  if (settings.separator.empty() || settings.separator.size() > 8 ||
      std::any_of(settings.separator.begin(), settings.separator.end(),
                  [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }))
    return bad("separator", "has 1 to 8 bytes, like \"_\" or \".\"");
  return {};
}

}  // namespace

constexpr std::array<OptionSpec, 15> kExecOptions = {
    OptionSpec{.name = "command",
               .type = OptionType::list,
               .help = "Program and arguments: [/opt/press/read, --fast]; no shell reads it.",
               .required = true},
    OptionSpec{
        .name = "mode",
        .type = OptionType::choice,
        .help = "once: run at each interval until it ends; keep: kept running, and read at each interval.",
        .fallback = "once",
        .choices = kModes},
    OptionSpec{.name = "format",
               .type = OptionType::choice,
               .help = "What it prints: line_protocol, json, or a nagios plugin's line and figures.",
               .fallback = "line_protocol",
               .choices = kFormats},
    OptionSpec{.name = "separator",
               .help = "Between the names of nested members of JSON: temperature_current.",
               .fallback = "_"},
    OptionSpec{.name = "integers",
               .type = OptionType::boolean,
               .help = "JSON's numbers without point or exponent are integers, exact; else all are floats.",
               .fallback = "false"},
    OptionSpec{.name = "thousands",
               .type = OptionType::choice,
               .help = "What a plugin prints between groups of three digits; none: a comma is a decimal one.",
               .fallback = "none",
               .choices = kThousands},
    OptionSpec{.name = "accept_status",
               .type = OptionType::list,
               .help = "Exit statuses that are no failure; with once, and not of a nagios plugin.",
               .fallback = "[0]"},
    OptionSpec{.name = "accept_status_bits",
               .help = "Nor is a status of these bits alone: 0xf8 for 8, 64, 72 …"},
    OptionSpec{
        .name = "keep_on_failure",
        .type = OptionType::boolean,
        .help = "With once: what was printed as JSON is taken though the program fails; lines always are.",
        .fallback = "false"},
    OptionSpec{.name = "environment",
               .type = OptionType::map,
               .help = "More variables; it gets none of the agent's."},
    OptionSpec{.name = "directory", .help = "Where it runs.", .fallback = "/"},
    OptionSpec{.name = "user", .help = "Run as this user, with its groups; needs an agent that is root."},
    OptionSpec{
        .name = "timeout",
        .type = OptionType::duration,
        .help =
            "With once: ended, with all that it started, after this long; the deadline if that is sooner.",
        .fallback = "30s",
        .min = 0.01,
        .max = 3600},
    OptionSpec{.name = "memory",
               .type = OptionType::size,
               .help = "Most address space that it may have; 0: no limit.",
               .fallback = "0",
               .max = 1e12},
    OptionSpec{.name = "max_output",
               .type = OptionType::size,
               .help = "Most that is read in a run; with keep also the longest line.",
               .fallback = "256KiB",
               .min = 256,
               .max = 16777216},
};

std::string series_of(const Options& options) {
  const std::vector<std::string>& command = options.list("command");
  const std::string& format = options.text("format");
  return format == "json" || command.empty() ? format : format + " " + shown_name(command[0]);
}

Result<ExecSettings> read_exec_settings(const Options& options, const EquipmentIdentity& equipment) {
  ExecSettings settings;
  settings.program.command = options.list("command");
  if (settings.program.command.empty() || settings.program.command[0].empty())
    return bad("command", "names no program");
  const std::string& program = settings.program.command[0];
  if (program.find_first_of(" \t") != std::string::npos && settings.program.command.size() == 1)
    return bad("command", "write arguments apart: [" + program.substr(0, program.find_first_of(" \t")) +
                              ", …]; no shell reads it");
  settings.shown = shown_name(program);
  settings.mode = options.text("mode") == "keep" ? Mode::keep : Mode::once;
  const auto format = std::find(kFormats.begin(), kFormats.end(), options.text("format"));
  settings.format = static_cast<Format>(format - kFormats.begin());
  if (settings.format == Format::nagios && settings.mode == Mode::keep)
    return bad("mode", "a nagios plugin ends by itself: once");
  if (auto read = read_format(options, settings); !read) return read.error();
  std::string path(kPath);
  for (const auto& [name, value] : options.map("environment")) {
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
      return bad("environment", "\"" + name + "\" is not the name of a variable");
    if (name == "PATH") path = value;
  }
  settings.program.environment = environment_for(equipment, options.map("environment"));
  settings.program.path = path;
  settings.program.directory = options.text("directory");
  if (!settings.program.directory.starts_with('/')) return bad("directory", "must begin with /");
  settings.user = options.text("user");
  settings.program.memory_bytes = options.size_bytes("memory");
  settings.timeout = options.duration("timeout");
  settings.max_output_bytes = static_cast<std::size_t>(
      std::min<std::uint64_t>(options.size_bytes("max_output"), std::numeric_limits<std::size_t>::max() / 4));
  return settings;
}

}  // namespace vigile::exec
