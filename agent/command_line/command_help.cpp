// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "command_line/command_line.h"

namespace vigile {

namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kDescriptionColumn = 30;  // CLI11's, for options and commands

// Where the next part of a line goes on: under the description, or under the text.
std::size_t continuation(const std::string& line) {
  const std::size_t text = line.find_first_not_of(' ');
  if (text == 0 || text == std::string::npos) return 0;
  return line.size() > kDescriptionColumn && line[kDescriptionColumn - 1] == ' ' ? kDescriptionColumn
                                                                                 : text + 2;
}

void append_broken(std::string line, std::string& out) {
  const std::size_t indent = continuation(line);
  while (line.size() > kWidth) {
    const std::size_t text = line.find_first_not_of(' ');
    std::size_t blank = line.rfind(' ', kWidth);
    if (blank == std::string::npos || blank <= text) blank = line.find(' ', text);
    if (blank == std::string::npos) break;
    out += line.substr(0, line.find_last_not_of(' ', blank) + 1) + "\n";
    line = std::string(indent, ' ') + line.substr(line.find_first_not_of(' ', blank));
  }
  out += line + "\n";
}

class PlainHelp final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::istringstream lines(CLI::Formatter::make_help(app, std::move(name), mode));
    std::string out;
    for (std::string line; std::getline(lines, line);) append_broken(std::move(line), out);
    return out;
  }
  // Groups of options only: commands are listed on a line each.
  std::string make_expanded(const CLI::App* group) const override {
    const bool one = group->get_require_option_min() == 1 && group->get_require_option_max() == 1;
    std::string out = group->get_group() + (one ? " (one of these is required):\n" : ":\n");
    for (const CLI::Option* option : group->get_options()) {
      if (option != group->get_help_ptr()) out += make_option(option, false);
    }
    return "\n" + out;
  }
};

}  // namespace

void lay_out_help(CLI::App& app) {
  app.formatter(std::make_shared<PlainHelp>());
}

}  // namespace vigile
