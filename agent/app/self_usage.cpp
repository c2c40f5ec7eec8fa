// SPDX-License-Identifier: Apache-2.0
#include "app/self_usage.h"

#include <sys/resource.h>

#include <charconv>
#include <string>
#include <string_view>

#include "core/file.h"

namespace vigile {

namespace {

// The number behind "<key>" at the start of a line; 0 when there is none.
std::uint64_t number_after(std::string_view text, std::string_view key) {
  std::size_t at = text.starts_with(key) ? 0 : text.find(std::string("\n") + std::string(key));
  if (at == std::string_view::npos) return 0;
  if (text[at] == '\n') ++at;
  at = text.find_first_of("0123456789", at + key.size());
  if (at == std::string_view::npos) return 0;
  std::uint64_t number = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), number);
  return number;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::uint64_t read_write_bytes(const std::filesystem::path& proc_root) {
  const auto io = read_file(proc_root / "self" / "io");
  return io ? number_after(*io, "write_bytes:") : 0;
}

SelfUsage read_self_usage(const std::filesystem::path& proc_root) {
  SelfUsage usage;
  const auto self = proc_root / "self";
  usage.write_bytes = read_write_bytes(proc_root);
  if (const auto status = read_file(self / "status")) {
    usage.resident_bytes = number_after(*status, "VmRSS:") * 1024;
  }
  if (const auto smaps = read_file(self / "smaps_rollup")) {
    usage.private_dirty_bytes = number_after(*smaps, "Private_Dirty:") * 1024;
  }
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) usage.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  return usage;
}

void FlashMeter::update(WallTime now, std::uint64_t write_bytes) {
  const std::int64_t day = std::chrono::floor<std::chrono::days>(now).time_since_epoch().count();
  if (day_ != 0 && day != day_) day_start_ = total_;
  day_ = day;
  total_ = write_bytes;
}

}  // namespace vigile
