// SPDX-License-Identifier: Apache-2.0
#include "store/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/file.h"

namespace vigile {

namespace {

Result<void> take(const UniqueFd& fd, int how, const std::filesystem::path& database) {
  if (::flock(fd.get(), how | LOCK_NB) == 0) return {};
  const std::string path = database.string() + ".lock";
  if (errno != EWOULDBLOCK) return errno_error(path, errno);
  std::string pid = read_file(path).value_or("");
  while (pid.ends_with('\n')) pid.pop_back();
  return Error{ErrorKind::unavailable,
               database.string() + ": in use by another vigiled, process " + (pid.empty() ? "unknown" : pid)};
}

}  // namespace

Result<UniqueFd> lock_store(const std::filesystem::path& database) {
  const std::string path = database.string() + ".lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd) return errno_error(path, errno);
  if (auto taken = take(fd, LOCK_EX, database); !taken) return taken.error();
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) {
    // A full disk: the lock holds all the same, only its holder is not named.
    if (errno != ENOSPC) return errno_error(path, errno);
  }
  return fd;
}

Result<UniqueFd> lock_to_look(const std::filesystem::path& database) {
  const std::string path = database.string() + ".lock";
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return fd;
  if (!fd) return errno_error(path, errno);
  if (auto taken = take(fd, LOCK_SH, database); !taken) return taken.error();
  return fd;
}

}  // namespace vigile
