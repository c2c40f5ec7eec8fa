// SPDX-License-Identifier: Apache-2.0
// One input, and where it comes from: libgpiod, or a test.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"

namespace vigile::gpio {

struct LineSettings {
  std::string name;  // of the metric
  std::string chip;  // gpiochip0, or /dev/gpiochip0, or its label
  std::string line;  // offset, or the line's name
  enum class Bias { as_is, pull_up, pull_down, disabled } bias = Bias::as_is;
  bool is_active_low = false;
  enum class Count { none, rising, falling, both } count = Count::none;
  std::int64_t debounce_ns = 0;
  double scale = 1;
};

// One thread. Errors: not_found, permission, unavailable (busy); they name chip and line.
class Line {
 public:
  virtual ~Line() = default;
  virtual Result<bool> level() = 0;  // of counted lines, too
  // The kernel's time of the next edge that waits; absent when none does.
  virtual Result<std::optional<std::int64_t>> next_edge_ns() = 0;
  virtual int fd() const = 0;  // readable when an edge waits; -1: edges are not counted
};

using OpenLine = std::function<Result<std::unique_ptr<Line>>(const LineSettings&)>;

Result<std::unique_ptr<Line>> open_line(const LineSettings& settings);

}  // namespace vigile::gpio
