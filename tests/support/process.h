// SPDX-License-Identifier: Apache-2.0
// Real programs started by tests, and stopped by process id. In whatever links this, the search path (PATH)
// begins with the folder into which .ci/install unpacks the servers, so that their names are enough; programs
// that are installed, also in /usr/sbin, come after them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/unique_fd.h"

namespace vigile {

// A child process with its output in a file. Killed (SIGKILL) and reaped by the destructor; dies with its
// parent (PR_SET_PDEATHSIG). Throws std::runtime_error when it cannot be started.
class ChildProcess {
 public:
  ChildProcess(std::vector<std::string> arguments, std::filesystem::path output_file,
               std::vector<std::string> extra_environment = {});
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  // Waits for the end; the exit status, or 128 + signal. Absent when it still runs after `limit`.
  std::optional<int> wait(std::chrono::seconds limit);
  // SIGTERM, then SIGKILL after `limit`.
  void stop(std::chrono::seconds limit = std::chrono::seconds(10));
  std::string output() const;

 private:
  pid_t pid_ = -1;
  std::filesystem::path output_file_;
  std::optional<int> status_;
};

// A TCP port on 127.0.0.1 that was free a moment ago.
std::uint16_t free_port();

// A listener on 127.0.0.1. `port` 0: one that is free, which it becomes. Throws std::runtime_error.
UniqueFd listen_on_loopback(std::uint16_t& port);

// Tries until `condition` holds; false when it does not within `limit`. For events of other processes that
// cannot be waited for.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds limit = std::chrono::seconds(60));

// Whether something accepts connections there.
bool port_answers(std::uint16_t port);

}  // namespace vigile
