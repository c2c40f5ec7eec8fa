// SPDX-License-Identifier: Apache-2.0
// vigilectl: the daemon's command line. Exit status: 0 fine, 1 the answer is no, 2 usage, 3 no daemon.
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "ctl/commands.h"

namespace vigile {
namespace {

constexpr const char* kDefaultSocket = "/run/vigile/vigiled.sock";

ScreenStyle terminal_style(bool terminal) {
  ScreenStyle style;
  const char* no_colour = std::getenv("NO_COLOR");
  style.colour = terminal && (no_colour == nullptr || *no_colour == '\0');
  winsize size{};
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = std::clamp<std::size_t>(size.ws_col, 60, 160);
  }
  return style;
}

int run(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);  // a reader that has left is seen where it is written to
  CLI::App app("Asks and steers vigiled, the Vigile agent, over its socket.", "vigilectl");
  app.footer("Exit status: 0 fine, 1 the answer is no, 2 usage, 3 no daemon.");
  app.require_subcommand(1);
  app.fallthrough();

  std::string socket = kDefaultSocket;
  bool json = false;
  bool all = false;
  app.add_option("--socket", socket, "The daemon's socket")->envname("VIGILE_SOCKET")->capture_default_str();

  auto* status = app.add_subcommand("status", "One screen: is all well, what is delivered, what fails");
  status->add_flag("--all", all, "Every row, however many");
  status->add_flag("--json", json, "The daemon's answer as it is");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kFine : kUsage;
  }
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  CommandContext context{Client(socket), terminal_style(terminal), json, terminal};
  context.style.all = all;
  if (status->parsed()) return status_command(context);
  return kUsage;
}

}  // namespace
}  // namespace vigile

int main(int argc, char** argv) {
  return vigile::run(argc, argv);
}
