// SPDX-License-Identifier: Apache-2.0
// What ends a program's process group when the agent is gone, kill -9 included. PR_SET_PDEATHSIG does so for
// the program alone, not for what it started.
//
// A process of its own in that group reads a pipe that the agent alone holds open, prctl(2) and pipe(7): at
// its end it kills its group, itself among it. Being in the group, it also keeps the group's number from
// being given to others, and ends whenever the group is killed. It is /bin/sh, so that it costs little
// memory; without one it is a copy of the agent that does the same.
//
// Not reached: what leaves the group (setsid(2), a daemon). systemd ends that, too, with the unit's cgroup.
#pragma once

#include <sys/types.h>

#include "core/result.h"
#include "core/unique_fd.h"

namespace vigile::program {

// One thread.
class Watchdog {
 public:
  // `group` is there, and its leader has not been reaped. Errors: io.
  static Result<Watchdog> start(pid_t group);

  // Waits for its end and reaps it; after the group was killed. Once.
  void reap();

 private:
  Watchdog(pid_t pid, UniqueFd agent) : pid_(pid), agent_(std::move(agent)) {}

  pid_t pid_;
  UniqueFd agent_;  // closed when the agent ends, whichever way
};

}  // namespace vigile::program
