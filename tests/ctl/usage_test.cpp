// SPDX-License-Identifier: Apache-2.0
// Help and usage errors of every command of both programs.
#include <gmock/gmock.h>

#include "app/command_line.h"
#include "ctl/command_line.h"

namespace vigile {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t columns_of(const std::string& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & '\xc0') != '\x80'; }));
}

void expect_narrow(const CLI::App& app, const std::string& path, std::size_t& commands) {
  if (app.get_name().empty()) return;  // a group of options
  ++commands;
  std::istringstream lines(app.help());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), 80U) << path << ": " << line;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    expect_narrow(*sub, path + " " + sub->get_name(), commands);
}

TEST(Help, NoLineIsPastEightyColumns) {
  std::size_t commands = 0;
  CLI::App control;
  CommandLine line;
  describe(control, line);
  expect_narrow(control, "vigilectl", commands);
  CLI::App daemon;
  Arguments arguments;
  describe(daemon, arguments);
  expect_narrow(daemon, "vigiled", commands);
  EXPECT_GT(commands, 40U);
}

TEST(Help, AGroupOfOptionsIsNamed) {
  CLI::App app;
  CommandLine line;
  describe(app, line);
  const std::string help = app.get_subcommand("dead-letters")->get_subcommand("clear")->help();
  EXPECT_THAT(help,
              HasSubstr("Whose (one of these is required):\n  --sink TEXT                 Of this sink\n"));
  EXPECT_THAT(help, Not(HasSubstr("Option Group")));
}

// What is said of a command line, after its exit status.
template <typename Target>
std::string said_of(std::vector<std::string> words) {
  CLI::App app;
  Target target;
  describe(app, target);
  std::reverse(words.begin(), words.end());  // as CLI11 wants a vector
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    testing::internal::CaptureStderr();
    const int status = answer_parse_error(app, error);
    return std::to_string(status) + " " + testing::internal::GetCapturedStderr();
  }
  return "taken";
}

std::string control(const std::vector<std::string>& words) {
  return said_of<CommandLine>(words);
}

TEST(UsageErrors, NameWhatWasLikelyMeant) {
  EXPECT_EQ(control({"stat"}),
            "2 vigilectl: vigilectl has no command \"stat\"; did you mean \"status\" or \"stats\"?\n"
            "vigilectl --help says what there is.\n");
  EXPECT_THAT(control({"statu"}), HasSubstr("did you mean \"status\"?"));
  EXPECT_THAT(control({"avail", "--json"}), HasSubstr("did you mean \"availability\"?"));
  EXPECT_THAT(control({"drivers", "shwo", "cpu"}),
              HasSubstr("vigilectl drivers has no command \"shwo\"; did you mean \"show\"?"));
  EXPECT_THAT(control({"record", "metrc", "temperature", "5"}), HasSubstr("did you mean \"metric\"?"));
  EXPECT_THAT(control({"status", "--al"}),
              HasSubstr("vigilectl status has no option \"--al\"; did you mean \"--all\"?"));
  EXPECT_THAT(control({"stats", "--perod=3h"}),
              HasSubstr("has no option \"--perod\"; did you mean \"--period\"?"));
  EXPECT_THAT(control({"--config", "site.yaml", "write"}),
              HasSubstr("\"--config\" is an option of write: it goes behind that word"));
  EXPECT_THAT(control({"--sockte", "/x", "status"}), HasSubstr("did you mean \"--socket\"?"));
  EXPECT_THAT(control({"dead-letters", "clear", "--snk", "a"}), HasSubstr("did you mean \"--sink\"?"));
  EXPECT_THAT(control({"qqqqqqqqqqqq"}), Not(HasSubstr("did you mean")));
  EXPECT_THAT(control({"help"}), HasSubstr("no command \"help\"; did you mean \"--help\"?"));
  EXPECT_THAT(control({"flush", "now"}), HasSubstr("2 vigilectl: vigilectl flush does not take \"now\"\n"));
  EXPECT_THAT(said_of<Arguments>({"--chek"}),
              HasSubstr("2 vigiled: vigiled has no option \"--chek\"; did you mean \"--check\"?"));
}

TEST(UsageErrors, NameTheWordOfAListThatWasLikelyMeant) {
  EXPECT_THAT(control({"query", "--language", "fluks", "x"}),
              HasSubstr("2 vigilectl: --language: \"fluks\" is not one of flux,influxql,sql; did you mean "
                        "\"flux\"?\n"));
  EXPECT_THAT(control({"record", "status", "onlne"}), HasSubstr("did you mean \"online\"?"));
  EXPECT_THAT(control({"metrics", "--aggregation", "everything"}),
              HasSubstr("\"everything\" is not one of none,mean,min,max,sum,count,last,p50,p95,p99\n"));
  EXPECT_EQ(control({"record", "status", "offline"}), "taken");
}

TEST(UsageErrors, NumbersThatAreNone) {
  EXPECT_THAT(control({"record", "metric", "temperature", "warm"}),
              HasSubstr("2 vigilectl: value: \"warm\" is no number"));
  EXPECT_THAT(control({"metrics", "--limit", "many"}),
              HasSubstr("2 vigilectl: --limit: \"many\" is no whole number"));
  EXPECT_THAT(control({"dead-letters", "resend", "--id", "abc"}),
              HasSubstr("--id: \"abc\" is no whole number"));
  EXPECT_THAT(control({"dead-letters", "resend", "--id", "0"}), HasSubstr("--id: \"0\" must be more than 0"));
  EXPECT_THAT(control({"metrics", "--limit=-5"}), HasSubstr("--limit: \"-5\" must not be negative"));
  EXPECT_THAT(control({"metrics", "--last", "some"}), HasSubstr("--last: \"some\" is no number"));
  EXPECT_THAT(control({"metrics", "--last", "0"}), HasSubstr("--last: \"0\" is not from 1 to 10000"));
  EXPECT_THAT(control({"simulate", "--interval", "fast"}), HasSubstr("--interval: \"fast\" is no number"));
  EXPECT_THAT(control({"--timeout", "soon", "status"}), HasSubstr("--timeout: \"soon\" is not a duration"));
  EXPECT_THAT(control({"--timeout", "0", "status"}), HasSubstr("--timeout: \"0\" must be more than 0"));
}

TEST(UsageErrors, OfEveryCommandEndWithTwo) {
  CLI::App app;
  CommandLine line;
  describe(app, line);
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    EXPECT_THAT(control({command->get_name(), "--no-such-option"}), testing::StartsWith("2 vigilectl: "));
    if (command->get_name().size() < 4) continue;  // too short to be told apart
    EXPECT_THAT(control({command->get_name().substr(1)}),
                HasSubstr("did you mean \"" + command->get_name() + "\"?"));
  }
  EXPECT_THAT(said_of<Arguments>({"--log-level", "loud"}), testing::StartsWith("2 vigiled: --log-level: "));
}

}  // namespace
}  // namespace vigile
