// SPDX-License-Identifier: Apache-2.0
#include "core/logging.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace vigile::log {

namespace {

constexpr std::size_t kMaxLine = 1024;
std::atomic<int> g_level{static_cast<int>(Level::info)};  // NOLINT: the one process-wide setting

}  // namespace

void set_level(Level level) {
  g_level = static_cast<int>(level);
}

void write(Level level, std::string_view text) {
  if (static_cast<int>(level) > g_level) return;
  static const bool terminal = ::isatty(STDERR_FILENO) == 1;
  std::string line;
  line.reserve(text.size() + 5);
  if (!terminal) {
    line += '<';
    line += static_cast<char>('0' + static_cast<int>(level));
    line += '>';
  }
  for (const char c : text.substr(0, kMaxLine)) {
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  line += '\n';
  // One write a line keeps lines of several threads whole. A log that cannot be written has nobody to tell.
  while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

void Repeated::failed(std::string_view cause, Level level) {
  if (cause == last_cause_) return;
  last_cause_ = cause;
  log::write(level, subject_ + ": " + last_cause_);
}

void Repeated::succeeded() {
  if (last_cause_.empty()) return;
  last_cause_.clear();
  log::write(Level::notice, subject_ + ": works again");
}

}  // namespace vigile::log
