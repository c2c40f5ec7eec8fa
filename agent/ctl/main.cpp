// SPDX-License-Identifier: Apache-2.0
// vigilectl: the daemon's command line. Exit status: 0 fine, 1 the answer is no, 2 usage, 3 no daemon.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "core/units.h"
#include "ctl/command_line.h"

namespace vigile {
namespace {

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
  CLI::App app;
  CommandLine line;
  describe(app, line);
  std::ios::sync_with_stdio(false);  // lp reads in blocks; nothing else uses the streams
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return answer_parse_error(app, error);
  }
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const auto silence = parse_duration(line.timeout).value_or(std::chrono::seconds(3));
  CommandContext context{Client(line.socket, silence), terminal_style(terminal), line.json, terminal};
  context.style.whole = !terminal;
  context.style.all = line.all;
  context.style.sparklines = terminal;
  const int status = line.run(context);
  if (std::fflush(stdout) != 0) {
    complain(errno_error("standard output", errno).message);
    return kAnswerIsNo;
  }
  return status;
}

}  // namespace
}  // namespace vigile

int main(int argc, char** argv) {
  return vigile::run(argc, argv);
}
