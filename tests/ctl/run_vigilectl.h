// SPDX-License-Identifier: Apache-2.0
// vigilectl as a program.
#pragma once

#include <chrono>
#include <string>

#include "core/file.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {

struct Ran {
  int status = -1;  // -1: it did not end
  std::string out;
  std::string err;
};

// `command` is words of the shell after "vigilectl". `socket` is in VIGILE_SOCKET.
inline Ran run_vigilectl(const std::string& socket, const std::string& command) {
  const TempDir directory;
  const std::string script = "exec >" + (directory / "out").string() + " 2>" + (directory / "err").string() +
                             "\n" VIGILE_BINARY_DIR "/bin/vigilectl " + command;
  ChildProcess child({"/bin/sh", "-c", script}, directory / "both", {"VIGILE_SOCKET=" + socket});
  Ran ran;
  ran.status = child.wait(std::chrono::seconds(60)).value_or(-1);
  ran.out = read_file(directory / "out", 64 << 20).value_or("");
  ran.err = read_file(directory / "err").value_or("");
  return ran;
}

}  // namespace vigile
