// SPDX-License-Identifier: Apache-2.0
// Driver `process`: whether a program runs, and what it takes of the machine: by name, command, pid file,
// systemd unit or control group.
// Sources: /proc/<pid>/{stat,cmdline,fd}, proc(5); /sys/fs/cgroup, Documentation/admin-guide/cgroup-v2.rst;
// org.freedesktop.systemd1 on the system bus.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kProcessDriver;

}  // namespace vigile
