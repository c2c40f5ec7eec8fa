// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace vigile {

// The five field types of line protocol.
using FieldValue = std::variant<double, std::int64_t, std::uint64_t, bool, std::string>;

// Measurement, tags, fields and time as in InfluxDB line protocol. Owns its text.
struct Point {
  std::string measurement;
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::pair<std::string, FieldValue>> fields;
  std::optional<std::int64_t> time_ns;  // since the Unix epoch
  bool operator==(const Point&) const = default;
};

}  // namespace vigile
