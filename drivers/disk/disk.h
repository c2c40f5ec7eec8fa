// SPDX-License-Identifier: Apache-2.0
// Driver `disk`: how full the mounted file systems are.
// Sources: /proc/self/mountinfo, proc_pid_mountinfo(5); /proc/self/mounts, proc_pid_mounts(5) and fstab(5);
// statvfs(3).
#pragma once

#include <sys/statvfs.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kDiskDriver;

struct Mount {
  std::string device;
  std::string mount_point;
  std::string fstype;
  bool read_only = false;
  // Of mountinfo alone:
  std::string number;  // of the device: "8:1"
  std::string root;    // which part of the file system is mounted: "/"
  struct Covered {
    std::string number;
    std::string fstype;
  };
  std::vector<Covered> covered;  // those that it hides: mounted before on the same mount point
};

// Replaces `out` by the mounts, in the order of the file; of several on one mount point the last, which
// covers the others. Octal escapes (\040) are resolved. What stands before an error is kept.
// Errors: parse, with `file`, line and text.
Result<void> parse_mounts(std::string_view text, std::string_view file, std::vector<Mount>& out);

// The same of mountinfo. Whether a mount is read-only is said by its file system there, not by the mount:
// in a service's sandbox all mounts are read-only.
Result<void> parse_mountinfo(std::string_view text, std::string_view file, std::vector<Mount>& out);

// Asks a file system; 0 or an errno. Injected, so that tests need no mounts.
using StatVfs = std::function<int(const std::string& mount_point, struct statvfs& out)>;

// kDiskDriver.make is this with statvfs(3).
Result<std::unique_ptr<Driver>> make_disk_driver(const Options& options, const DriverEnvironment& environment,
                                                 StatVfs ask);

}  // namespace vigile
