// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program under test (LD_PRELOAD): 4 KiB of a file do not read, as on a bad sector, wherever
// the file is moved. VIGILE_TEST_MEDIUM: "OFFSET PATH", of a file that is there when the program starts.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

constexpr off_t kBytes = 4096;

struct Medium {
  bool is_bad = false;
  off_t from = 0;
  dev_t device = 0;
  ino_t file = 0;

  Medium() {
    const char* const text = std::getenv("VIGILE_TEST_MEDIUM");
    if (text == nullptr) return;
    char* path = nullptr;
    from = static_cast<off_t>(std::strtoll(text, &path, 10));
    struct stat found = {};
    if (*path != ' ' || ::stat(path + 1, &found) != 0) return;
    device = found.st_dev;
    file = found.st_ino;
    is_bad = true;
  }
  bool fails(int fd, size_t bytes, off_t at) const {
    struct stat found = {};
    if (!is_bad || ::fstat(fd, &found) != 0 || found.st_ino != file || found.st_dev != device) return false;
    if (at >= from + kBytes || at + static_cast<off_t>(bytes) <= from) return false;
    errno = EIO;
    return true;
  }
};

const Medium& medium() {
  static const Medium medium;
  return medium;
}

}  // namespace

// With 64-bit offsets pread() is pread64().
extern "C" ssize_t pread64(int fd, void* to, size_t bytes, off64_t at) {
  using Function = ssize_t (*)(int, void*, size_t, off64_t);
  static const Function next = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "pread64"));
  return medium().fails(fd, bytes, at) ? -1 : next(fd, to, bytes, at);
}

extern "C" ssize_t read(int fd, void* to, size_t bytes) {
  using Function = ssize_t (*)(int, void*, size_t);
  static const Function next = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "read"));
  if (const off_t at = medium().is_bad ? ::lseek(fd, 0, SEEK_CUR) : -1;
      at >= 0 && medium().fails(fd, bytes, at))
    return -1;
  return next(fd, to, bytes);
}
