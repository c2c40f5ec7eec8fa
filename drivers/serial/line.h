// SPDX-License-Identifier: Apache-2.0
// A serial line: opened with its settings, read without waiting longer than told.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/unique_fd.h"

namespace vigile::serial {

struct LineSettings {
  std::string device;
  int baud = 9600;
  int data_bits = 8;
  char parity = 'N';  // N, E, O
  int stop_bits = 1;
  bool rts_cts = false;
};

// Whether termios has that speed.
bool is_speed(int baud);

// One thread. Errors: not_found, permission, io; they name the device.
class Line {
 public:
  static Result<std::unique_ptr<Line>> open(const LineSettings& settings);

  // Appends what comes within `limit`, at most `most_bytes` of it. False: nothing came. Error: the device is
  // gone.
  Result<bool> read(std::string& to, std::size_t most_bytes, std::chrono::milliseconds limit);
  void discard();  // what has come and was not read
  Result<void> write(std::string_view bytes, std::chrono::milliseconds limit);

 private:
  Line(UniqueFd fd, std::string device) : fd_(std::move(fd)), device_(std::move(device)) {}
  const UniqueFd fd_;
  const std::string device_;
};

}  // namespace vigile::serial
