// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program under test (LD_PRELOAD): answers what it asks of the wall clock, of the time since
// boot, of the kernel's synchronisation and of the boot's id from a file that the test writes
// (preloaded_clock.h). CLOCK_MONOTONIC stays the kernel's.
//
// Plain types: else fopen is another name of fopen64, and both are defined here.
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "support/preloaded_clock.h"

namespace {

using vigile::PreloadedClock;

const PreloadedClock::Shared* shared() {
  static const PreloadedClock::Shared* const mapped = []() -> const PreloadedClock::Shared* {
    const char* const path = std::getenv(PreloadedClock::kVariable);
    if (path == nullptr) return nullptr;
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* const memory = ::mmap(nullptr, sizeof(PreloadedClock::Shared), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return memory == MAP_FAILED ? nullptr : static_cast<const PreloadedClock::Shared*>(memory);
  }();
  return mapped;
}

void add(timespec* time, std::int64_t ns) {
  const std::int64_t sum = time->tv_sec * 1'000'000'000 + time->tv_nsec + ns;
  time->tv_sec = sum / 1'000'000'000;
  time->tv_nsec = sum % 1'000'000'000;
}

FILE* open_file(const char* path, const char* mode) {
  using Open = FILE* (*)(const char*, const char*);
  static const Open next = reinterpret_cast<Open>(::dlsym(RTLD_NEXT, "fopen64"));
  const bool is_boot_id = std::strcmp(path, "/proc/sys/kernel/random/boot_id") == 0;
  const char* const replaced = is_boot_id ? std::getenv(PreloadedClock::kBootIdVariable) : nullptr;
  return next(replaced == nullptr ? path : replaced, mode);
}

int kernel_state(timex* state) {
  const long result = ::syscall(SYS_adjtimex, state);
  if (shared() == nullptr || result < 0) return static_cast<int>(result);
  return shared()->is_synchronised.load() ? TIME_OK : TIME_ERROR;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* now) noexcept {
  const long result = ::syscall(SYS_clock_gettime, id, now);
  if (result != 0 || shared() == nullptr) return static_cast<int>(result);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) add(now, shared()->wall_error_ns.load());
  if (id == CLOCK_BOOTTIME) add(now, -shared()->booted_ns.load());
  return 0;
}

int gettimeofday(timeval* __restrict now, void* __restrict) noexcept {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int adjtimex(timex* state) noexcept {
  return kernel_state(state);
}
int ntp_adjtime(timex* state) noexcept {
  return kernel_state(state);
}

FILE* fopen(const char* path, const char* mode) {
  return open_file(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return open_file(path, mode);
}
}
