// SPDX-License-Identifier: Apache-2.0
// The wire layout (DESIGN §8): turns the samples of one driver instance into lines of line protocol.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "drivers/driver.h"
#include "point/equipment_layout.h"
#include "point/point.h"

namespace vigile {

// Encodes into lines(), which the caller takes and clears. One thread at a time.
class LineWriter {
 public:
  // `tags`: the equipment's and the instance's own; they never replace a tag of the layout.
  LineWriter(const WireFormat& format, const EquipmentIdentity& equipment,
             const std::map<std::string, std::string>& tags);

  // A sample with a time of its own (wall_time) keeps that.
  void write(const Sample& sample, std::int64_t time_ns);
  void write_availability(bool up, std::optional<double> response_time_ms, std::int64_t time_ns);

  // A point that came as a whole; `time_ns` is for one without a time. `now_ns`: of the wall clock, absent
  // while that is not known. Errors: config, see point/recordable.h.
  Result<void> write_point(Point point, PointOrigin origin, std::int64_t time_ns,
                           std::optional<std::int64_t> now_ns);

  struct Lines {
    std::string text;
    std::uint32_t points = 0;
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    void count(std::int64_t time_ns);
    void clear();
  };
  // What was written since the last clear(): stamped by us, and with times that came from elsewhere, which
  // are of the wall clock whatever ours says.
  const Lines& lines() const { return lines_; }
  const Lines& dated_lines() const { return dated_lines_; }
  void clear();
  // Numbers past int64 that were left out, ever (EncodeOptions says when they are not).
  std::uint64_t left_out() const { return left_out_; }

 private:
  const std::string& head(std::string_view measurement, std::string_view metric, std::span<const Tag> tags);
  bool append_fields(const Sample& sample, const Value& value, std::string& out);
  bool append_number(std::string_view key, const Number& number, std::string& out);
  void append_extra(std::span<const ExtraField> extra, std::string& out);

  const bool native_;
  const EncodeOptions encode_;
  const std::string equipment_id_;
  const TagList fixed_tags_;  // of the layout, the equipment and the instance
  // Measurement and sorted tags up to the space, by what tells the series apart. Bounded: see head().
  std::unordered_map<std::string, std::string> heads_;
  std::string key_;
  Lines lines_;
  Lines dated_lines_;
  std::uint64_t left_out_ = 0;
};

}  // namespace vigile
