// SPDX-License-Identifier: Apache-2.0
// A program that a driver runs: in a process group of its own, without what the agent has (environment,
// files, signals), and ended with all that it started, also when the agent is killed (watchdog.h).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/equipment_identity.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "drivers/program/watchdog.h"

namespace vigile::program {

inline constexpr std::size_t kMostComplaint = 4096;  // of standard error that is kept, a run

struct Account {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};
// Errors: not_found.
Result<Account> find_account(const std::string& user);

inline constexpr std::string_view kPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/nagios/plugins";
// What a program finds in its environment, unless `more` says otherwise.
std::vector<std::string> environment_for(const EquipmentIdentity& equipment,
                                         const std::map<std::string, std::string>& more);

struct ProgramOptions {
  std::vector<std::string> command;      // the program first: a path, or a name to be found in PATH
  std::vector<std::string> environment;  // NAME=value; all that it gets
  std::string path;                      // where a name is looked for
  std::string directory = "/";
  std::optional<Account> account;  // the agent's own, if absent
  std::uint64_t memory_bytes = 0;  // of address space; 0: no limit
};

// How a program ended, in words: "ended with status 3", "was killed by signal 9".
struct Ended {
  int status = 0;  // of exit()
  int signal = 0;  // 0: it ended by itself
  std::string text() const;
};

// One thread.
class Program {
 public:
  // Errors: not_found, permission, io; they name the program.
  static Result<std::unique_ptr<Program>> start(const ProgramOptions& options);
  ~Program();  // end()

  // Waits until something comes, it ends, or `limit` is over, and appends what came to `out` and `err`. What
  // would make `out` larger than `most_bytes` stays in the pipe; of `err` only the beginning is kept. False
  // when it has ended.
  bool read(std::string& out, std::string& err, std::size_t most_bytes, std::chrono::milliseconds limit);
  // Absent while it runs.
  std::optional<Ended> ended();
  // Asks the group to end, and kills it `patience` later. Returns how the program ended.
  Ended end(std::chrono::milliseconds patience);

 private:
  Program(pid_t pid, Watchdog watchdog, UniqueFd out, UniqueFd err);

  const pid_t pid_;  // and process group
  Watchdog watchdog_;
  UniqueFd exit_;  // readable when it has ended; absent on kernels before 5.3
  UniqueFd out_;
  UniqueFd err_;
  std::optional<Ended> ended_;
};

}  // namespace vigile::program
