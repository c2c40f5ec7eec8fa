// SPDX-License-Identifier: Apache-2.0
// The committed man pages and shell completions are what the programs' own options make of them. With
// UPDATE=1 in the environment they are written anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/command_line.h"
#include "command_tree.h"
#include "ctl/command_line.h"

namespace vigile {
namespace {

const std::filesystem::path kConfig = std::filesystem::path(VIGILE_SOURCE_DIR) / "config";
constexpr const char* kDate = VIGILE_VERSION_DATE;
constexpr const char* kVersion = "vigile " VIGILE_VERSION;

constexpr const char* kControlSection = R"(.SH EXIT STATUS
0: fine.
1: the answer is no.
2: wrong usage.
3: no daemon answers, or it shows no sign of life.
.SH ENVIRONMENT
.TP
.B VIGILE_SOCKET
The daemon's socket, where \-\-socket is not given.
.TP
.B NO_COLOR
Set to anything: no colours.
.SH FILES
.TP
.I /run/vigile/vigiled.sock
The daemon's socket; members of the group vigile may use it.
.SH SEE ALSO
.BR vigiled (8),
.BR vigile.yaml (5)
)";

constexpr const char* kDaemonSection = R"(.SH SIGNALS
.TP
.B SIGHUP
Reads the settings again; wrong ones change nothing and are logged.
.TP
.BR SIGTERM ", " SIGINT
Writes down what waits in memory and ends, within five seconds.
.TP
.B SIGUSR1
Opens the status socket again.
.SH EXIT STATUS
0: ended cleanly.
1: could not start.
2: wrong settings or usage.
.SH ENVIRONMENT
.TP
.BR INFLUXDB_URL ", " INFLUXDB_TOKEN ", " INFLUXDB_ORG ", " INFLUXDB_BUCKET
Where there is no settings file: this host is watched, and delivered there.
.TP
.B CREDENTIALS_DIRECTORY
Where systemd puts the secrets that the settings name as {credential: name}.
.PP
NOTIFY_SOCKET, WATCHDOG_USEC and LISTEN_FDS are systemd's (sd_notify(3), sd_listen_fds(3)).
.SH FILES
.TP
.I /etc/vigile/vigile.yaml
The settings.
.TP
.I /var/lib/vigile/vigile.db
The log.
.TP
.I /run/vigile/vigiled.sock
The status socket.
.SH SEE ALSO
.BR vigilectl (1),
.BR vigile.yaml (5)
)";

struct Said {
  int status = -1;
  std::string out;
};

Said run_shell(const std::string& command) {
  Said said;
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return said;
  std::array<char, 4096> piece{};
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe))
    said.out.append(piece.data(), count);
  said.status = ::pclose(pipe);
  return said;
}

std::string content_of(const std::filesystem::path& file) {
  std::ostringstream content;
  content << std::ifstream(file, std::ios::binary).rdbuf();
  return content.str();
}

void expect_committed(const std::filesystem::path& file, const std::string& generated) {
  if (std::getenv("UPDATE") != nullptr) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << generated;
  }
  EXPECT_TRUE(content_of(file) == generated)
      << file << " differs: run this test with UPDATE=1 and look at the difference";
}

std::vector<TreeCommand> control_tree() {
  CLI::App app;
  CommandLine line;
  describe(app, line);
  return command_tree(app);
}

std::vector<TreeCommand> daemon_tree() {
  CLI::App app;
  Arguments arguments;
  describe(app, arguments);
  return command_tree(app);
}

TEST(CommandDocuments, ManPagesAreThoseOfThePrograms) {
  expect_committed(
      kConfig / "man" / "vigilectl.1",
      man_page(control_tree(),
               {"1", kDate, kVersion,
                "Every command asks or steers the daemon over its socket, and says so when none answers.\n",
                kControlSection}));
  expect_committed(
      kConfig / "man" / "vigiled.8",
      man_page(daemon_tree(),
               {"8", kDate, kVersion,
                "Runs in the foreground, logs to standard error with systemd's priorities, and keeps "
                "every reading in its log\nuntil each sink has taken it.\n",
                kDaemonSection}));
}

TEST(CommandDocuments, TheManPageOfTheSettingsIsTheAnnotatedFile) {
  expect_committed(kConfig / "man" / "vigile.yaml.5",
                   man_page_of_file("VIGILE.YAML", "5", kDate, kVersion,
                                    ".SH NAME\nvigile.yaml \\- settings of vigiled\n.SH DESCRIPTION\nOne "
                                    "YAML file a site. This one has every key, "
                                    "each with what it means and what it is when left out.\n",
                                    content_of(kConfig / "vigile.yaml"),
                                    ".SH SEE ALSO\n.BR vigiled (8),\n.BR vigilectl (1)\n"));
}

TEST(CommandDocuments, CompletionsAreThoseOfThePrograms) {
  expect_committed(kConfig / "completion" / "vigilectl.bash", bash_completion(control_tree()));
  expect_committed(kConfig / "completion" / "_vigilectl", zsh_completion(control_tree()));
  expect_committed(kConfig / "completion" / "vigiled.bash", bash_completion(daemon_tree()));
  expect_committed(kConfig / "completion" / "_vigiled", zsh_completion(daemon_tree()));
}

TEST(CommandDocuments, GroffTakesTheManPages) {
  for (const char* page : {"vigilectl.1", "vigiled.8", "vigile.yaml.5"}) {
    const auto said =
        run_shell("groff -Kutf8 -man -Tutf8 -ww -z " + (kConfig / "man" / page).string() + " 2>&1");
    EXPECT_EQ(said.status, 0) << said.out;
    EXPECT_EQ(said.out, "") << page;
  }
}

// What bash offers after these words.
std::string offered(const std::string& program, const std::string& words) {
  return run_shell("bash -c 'source " + (kConfig / "completion" / (program + ".bash")).string() +
                   "; COMP_WORDS=(" + program + " " + words + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _" +
                   program + "; echo \"${COMPREPLY[*]}\"'")
      .out;
}

TEST(CommandDocuments, BashCompletesCommandsOptionsAndValues) {
  EXPECT_EQ(offered("vigilectl", "dri"), "drivers\n");
  EXPECT_EQ(offered("vigilectl", "drivers sh"), "show\n");
  EXPECT_EQ(offered("vigilectl", "lp decode --pre"), "--precision\n");
  EXPECT_EQ(offered("vigilectl", "lp decode --precision \"\""), "ns us ms s\n");
  EXPECT_EQ(offered("vigilectl", "--json store che"), "check\n");
  EXPECT_EQ(offered("vigilectl", "store check --path /etc/hostn"), "/etc/hostname\n");
  EXPECT_EQ(offered("vigiled", "--log-level w"), "warning\n");
}

// What zsh would be told to offer after these words: the completion system's own functions are replaced.
std::string offered_by_zsh(const std::string& program, const std::string& words) {
  return run_shell(
             "zsh -fc '_describe() { print -r -- ${(P)2}; }; compadd() { print -r -- $*; }; _files() { print "
             "files; }; "
             "words=(" +
             program + " " + words + "); CURRENT=${#words}; source " +
             (kConfig / "completion" / ("_" + program)).string() + "' 2>&1")
      .out;
}

TEST(CommandDocuments, ZshCompletesCommandsOptionsAndValues) {
  EXPECT_THAT(offered_by_zsh("vigilectl", "x"), testing::HasSubstr("drivers:"));
  EXPECT_THAT(offered_by_zsh("vigilectl", "drivers x"),
              testing::HasSubstr("show:Options, metrics and a sample of one"));
  EXPECT_THAT(offered_by_zsh("vigilectl", "drivers x"), testing::Not(testing::HasSubstr("dead-letters:")));
  EXPECT_EQ(offered_by_zsh("vigilectl", "lp decode --precision x"), "-- ns us ms s\n");
  EXPECT_EQ(offered_by_zsh("vigilectl", "store check --path x"), "files\n");
  EXPECT_THAT(offered_by_zsh("vigiled", "x"), testing::HasSubstr("--check:"));
  EXPECT_EQ(offered_by_zsh("vigiled", "-c x"), "files\n");
}

TEST(CommandDocuments, ZshTakesItsCompletions) {
  for (const char* name : {"_vigilectl", "_vigiled"}) {
    const auto said = run_shell("zsh -n " + (kConfig / "completion" / name).string() + " 2>&1");
    EXPECT_EQ(said.status, 0) << said.out;
  }
}

}  // namespace
}  // namespace vigile
