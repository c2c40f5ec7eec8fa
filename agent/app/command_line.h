// SPDX-License-Identifier: Apache-2.0
// vigiled's command line. Only the program itself and the test of its manual include this: CLI11 is slow to
// compile.
#pragma once

#include <string>

#include "command_line/command_line.h"

namespace vigile {

struct Arguments {
  std::string config;
  bool check = false;
  std::string with;
  bool each_device = false;
  std::string log_level = "info";
};

// `arguments` live as long as `app`.
void describe(CLI::App& app, Arguments& arguments);

}  // namespace vigile
