// SPDX-License-Identifier: Apache-2.0
#include "drivers/kernel_text/kernel_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "core/unique_fd.h"

namespace vigile {

namespace {

constexpr std::size_t kFirstBuffer = 4096;

// Bytes read, 0 at the end, or an error.
Result<std::size_t> read_some(int fd, const char* path, char* to, std::size_t size) {
  for (;;) {
    const ssize_t got = ::read(fd, to, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return errno_error(path, errno);
  }
}

Error too_large(std::string_view path, std::size_t limit_bytes) {
  return Error{ErrorKind::full,
               std::string(path) + ": larger than " + std::to_string(limit_bytes) + " bytes"};
}

}  // namespace

Result<std::string_view> KernelFile::read() {
  const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error(path_, errno);
  if (buffer_.empty()) buffer_.resize(kFirstBuffer);
  std::size_t used = 0;
  for (;;) {
    const auto got = read_some(fd.get(), path_.c_str(), buffer_.data() + used, buffer_.size() - used);
    if (!got) return got.error();
    used += *got;
    if (used > limit_bytes_) return too_large(path_, limit_bytes_);
    if (*got == 0) return std::string_view(buffer_).substr(0, used);
    if (used == buffer_.size()) buffer_.resize(2 * buffer_.size());
  }
}

Result<std::string_view> read_attribute(const char* path, char* buffer, std::size_t size) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error(path, errno);
  std::size_t used = 0;
  for (;;) {
    if (used == size) return too_large(path, size - 1);
    const auto got = read_some(fd.get(), path, buffer + used, size - used);
    if (!got) return got.error();
    used += *got;
    if (*got == 0) break;
  }
  while (used > 0 && (buffer[used - 1] == '\n' || buffer[used - 1] == ' ')) --used;
  return std::string_view(buffer, used);
}

Result<std::vector<std::string>> list_folder(const std::string& path) {
  const auto close = [](DIR* folder) { ::closedir(folder); };
  const std::unique_ptr<DIR, decltype(close)> folder(::opendir(path.c_str()), close);
  if (!folder) return errno_error(path, errno);
  std::vector<std::string> names;
  errno = 0;
  // readdir is safe here: no other thread reads this stream.
  while (const dirent* const entry = ::readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe)
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    errno = 0;
  }
  if (errno != 0) return errno_error(path, errno);
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return names;
}

}  // namespace vigile
