// SPDX-License-Identifier: Apache-2.0
#include "drivers/gpio/line.h"

#include <gpiod.h>
#include <poll.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace vigile::gpio {

namespace {

struct CloseChip {
  void operator()(gpiod_chip* chip) const { gpiod_chip_close(chip); }
};
using Chip = std::unique_ptr<gpiod_chip, CloseChip>;

class KernelLine final : public Line {
 public:
  KernelLine(Chip chip, gpiod_line* line, bool has_edges, std::string shown)
      : chip_(std::move(chip)), line_(line), has_edges_(has_edges), shown_(std::move(shown)) {}

  Result<bool> level() override {
    const int value = gpiod_line_get_value(line_);
    if (value < 0) return fault();
    return value == 1;
  }
  Result<std::optional<std::int64_t>> next_edge_ns() override {
    pollfd wanted{fd(), POLLIN, 0};
    if (!has_edges_ || ::poll(&wanted, 1, 0) <= 0) return std::optional<std::int64_t>();
    gpiod_line_event event{};
    if (gpiod_line_event_read(line_, &event) != 0) return fault();
    return std::optional(std::int64_t{event.ts.tv_sec} * 1'000'000'000 + event.ts.tv_nsec);
  }
  int fd() const override { return has_edges_ ? gpiod_line_event_get_fd(line_) : -1; }

 private:
  Error fault() const { return Error{ErrorKind::unavailable, shown_ + ": " + std::strerror(errno)}; }

  const Chip chip_;
  gpiod_line* const line_;  // the chip's
  const bool has_edges_;
  const std::string shown_;
};

}  // namespace

Result<std::unique_ptr<Line>> open_line(const LineSettings& settings) {
  const std::string shown = settings.chip + " " + settings.line;
  const auto fault = [&](const std::string& what) {
    const ErrorKind kind = errno == ENOENT || errno == ENODEV  ? ErrorKind::not_found
                           : errno == EACCES || errno == EPERM ? ErrorKind::permission
                                                               : ErrorKind::unavailable;
    return Error{kind, what + ": " + (errno == EBUSY ? "something else holds it" : std::strerror(errno))};
  };
  Chip chip(gpiod_chip_open_lookup(settings.chip.c_str()));
  if (!chip) return fault(settings.chip);
  unsigned offset = 0;
  const auto parsed =
      std::from_chars(settings.line.data(), settings.line.data() + settings.line.size(), offset);
  const bool is_offset =
      parsed.ec == std::errc() && parsed.ptr == settings.line.data() + settings.line.size();
  errno = ENOENT;
  gpiod_line* const line = is_offset ? gpiod_chip_get_line(chip.get(), offset)
                                     : gpiod_chip_find_line(chip.get(), settings.line.c_str());
  if (line == nullptr) return Error{ErrorKind::not_found, shown + ": the chip has no such line"};
  gpiod_line_request_config config{};
  config.consumer = "vigile";
  using Count = LineSettings::Count;
  config.request_type = settings.count == Count::none      ? GPIOD_LINE_REQUEST_DIRECTION_INPUT
                        : settings.count == Count::rising  ? GPIOD_LINE_REQUEST_EVENT_RISING_EDGE
                        : settings.count == Count::falling ? GPIOD_LINE_REQUEST_EVENT_FALLING_EDGE
                                                           : GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES;
  using Bias = LineSettings::Bias;
  if (settings.is_active_low) config.flags |= GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW;
  if (settings.bias == Bias::pull_up) config.flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP;
  if (settings.bias == Bias::pull_down) config.flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN;
  if (settings.bias == Bias::disabled) config.flags |= GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE;
  if (gpiod_line_request(line, &config, 0) != 0) return fault(shown);
  return std::unique_ptr<Line>(
      std::make_unique<KernelLine>(std::move(chip), line, settings.count != Count::none, shown));
}

}  // namespace vigile::gpio
