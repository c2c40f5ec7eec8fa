// SPDX-License-Identifier: Apache-2.0
#include "core/file.h"

#include <fcntl.h>

#include <cerrno>

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

}  // namespace vigile
