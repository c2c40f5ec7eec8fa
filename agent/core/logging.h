// SPDX-License-Identifier: Apache-2.0
// One line an event, to standard error, in journald's priority form ("<3>text", sd-daemon(3)); on a
// terminal the priority is left out. Safe in any thread.
#pragma once

#include <string>
#include <string_view>

namespace vigile::log {

enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// Lines above this level are dropped. Default: info.
void set_level(Level level);

// Control characters in `text` are written as '?': a server's answer cannot forge a line. Lines are cut at
// 1,024 bytes.
void write(Level level, std::string_view text);

inline void error(std::string_view text) {
  write(Level::error, text);
}
inline void warning(std::string_view text) {
  write(Level::warning, text);
}
inline void notice(std::string_view text) {
  write(Level::notice, text);
}
inline void info(std::string_view text) {
  write(Level::info, text);
}
inline void debug(std::string_view text) {
  write(Level::debug, text);
}

// Says a failure once when it begins or changes, and once that it is over: no repeats in a loop.
// One per thing that may fail; used from one thread.
class Repeated {
 public:
  explicit Repeated(std::string subject) : subject_(std::move(subject)) {}
  void failed(std::string_view cause, Level level = Level::warning);
  void succeeded();

 private:
  const std::string subject_;
  std::string last_cause_;
};

}  // namespace vigile::log
