// SPDX-License-Identifier: Apache-2.0
#include "support/preloaded_clock.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <new>
#include <stdexcept>

#include "core/unique_fd.h"

namespace vigile {

namespace {

std::int64_t read_clock(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

PreloadedClock::PreloadedClock() {
  const UniqueFd fd(::open((dir_ / "clock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || ::ftruncate(fd.get(), sizeof(Shared)) != 0) throw std::runtime_error("clock: no file");
  void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) throw std::runtime_error("clock: no memory");
  shared_ = new (memory) Shared{};
  boot(true);
}

PreloadedClock::~PreloadedClock() {
  ::munmap(shared_, sizeof(Shared));
}

std::vector<std::string> PreloadedClock::environment() const {
  return {"LD_PRELOAD=" VIGILE_PRELOAD_CLOCK,
          // Else it insists on being the first library.
          "ASAN_OPTIONS=verify_asan_link_order=0", std::string(kVariable) + "=" + (dir_ / "clock").string(),
          std::string(kBootIdVariable) + "=" + (dir_ / "boot_id").string()};
}

void PreloadedClock::boot(bool has_clock) {
  std::ofstream(dir_ / "boot_id") << "boot-" << ++boots_ << "\n";
  shared_->booted_ns = read_clock(CLOCK_BOOTTIME);
  shared_->is_synchronised = has_clock;
  shared_->wall_error_ns = has_clock ? 0 : -true_ns();
}

std::int64_t PreloadedClock::true_ns() {
  return read_clock(CLOCK_REALTIME);
}

}  // namespace vigile
