// SPDX-License-Identifier: Apache-2.0
#include "core/clock.h"

#include <sys/timex.h>

#include <cstdio>
#include <ctime>
#include <fstream>

namespace vigile {

namespace {

std::chrono::nanoseconds read_clock(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// __DATE__ is "Mmm dd yyyy".
constexpr int kBuildYear =
    (__DATE__[7] - '0') * 1000 + (__DATE__[8] - '0') * 100 + (__DATE__[9] - '0') * 10 + (__DATE__[10] - '0');

}  // namespace

WallTime SystemClock::wall() const {
  return WallTime(read_clock(CLOCK_REALTIME));
}

BootTime SystemClock::boot() const {
  return BootTime(read_clock(CLOCK_BOOTTIME));
}

bool SystemClock::wall_is_set() const {
  if (require_sync_) {
    timex state{};
    if (adjtimex(&state) == TIME_ERROR) return false;
  }
  const auto date = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(wall()));
  return int(date.year()) >= kBuildYear;
}

std::string SystemClock::boot_id() const {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id.empty() ? "unknown" : id;
}

std::string to_iso8601(WallTime time) {
  using namespace std::chrono;
  // In seconds first: the midnight before the earliest time does not fit 64 bits of nanoseconds.
  const std::int64_t ns = to_ns(time);
  const std::int64_t whole = ns / 1'000'000'000 - (ns % 1'000'000'000 < 0 ? 1 : 0);
  const sys_seconds second{seconds(whole)};
  const auto day = floor<days>(second);
  const year_month_day date(day);
  const milliseconds rest((ns % 1'000'000'000 + 1'000'000'000) % 1'000'000'000 / 1'000'000);
  const hh_mm_ss<milliseconds> clock(second - day + rest);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()), int(clock.subseconds().count()));
  return text;
}

}  // namespace vigile
