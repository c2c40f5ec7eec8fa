// SPDX-License-Identifier: Apache-2.0
#include "core/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/unique_fd.h"

namespace vigile {

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error(path.string(), errno);
  std::string content;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got == 0) return content;
    if (got < 0) {
      if (errno == EINTR) continue;
      return errno_error(path.string(), errno);
    }
    if (content.size() + static_cast<std::size_t>(got) > limit_bytes) {
      return Error{ErrorKind::full,
                   path.string() + ": larger than " + std::to_string(limit_bytes) + " bytes"};
    }
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

namespace {

Result<void> write_and_sync(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd) return errno_error(path.string(), errno);
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno_error(path.string(), errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd.get()) != 0) return errno_error(path.string(), errno);
  return {};
}

}  // namespace

Result<void> replace_file(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  const std::string beside = path.string() + ".new";
  Result<void> done = write_and_sync(beside, content, mode);
  if (done && std::rename(beside.c_str(), path.c_str()) != 0) done = errno_error(path.string(), errno);
  if (!done) {
    ::unlink(beside.c_str());
    return done;
  }
  return sync_directory(path.parent_path());
}

Result<void> sync_directory(const std::filesystem::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return errno_error(directory.string(), errno);
  return {};
}

}  // namespace vigile
