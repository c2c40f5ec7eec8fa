// SPDX-License-Identifier: Apache-2.0
#include "point/metric_name.h"

#include "point/line_encode.h"

namespace vigile {

std::string metric_name_of(const MetricNamer& namer, std::string_view measurement, std::string_view field) {
  if (measurement == "availability") return field == "value" ? "availability" : "";
  if (field == kTimeKeyWritten) field = kTimeKey;
  if (namer) {
    if (auto known = namer(measurement, field)) return *std::move(known);
  }
  return std::string(measurement) + "_" + std::string(field);
}

}  // namespace vigile
