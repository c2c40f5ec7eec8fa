// SPDX-License-Identifier: Apache-2.0
// One hour of all series as the payload of a SummaryRow: entries sorted by series, deflated together. An
// entry says its length, so that series which are not wanted cost next to nothing. Damage is told, never
// decoded: sizes are bounded before memory is asked for, and the entries have a CRC-32.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "equipment/summary.h"
#include "point/payload.h"

namespace vigile {

// Encodes rows; keeps its buffers. One thread.
class SummaryEncoder {
 public:
  // `summaries` are of the hour that starts at hour_ns; those with count 0 are left out.
  std::string encode(std::int64_t hour_ns, const SeriesSummaries& summaries);

 private:
  PayloadEncoder deflate_;
  std::string raw_;
  std::string entry_;
};

// Decodes rows; keeps its buffers, so that a year of them costs no allocation a row. One thread.
class SummaryDecoder {
 public:
  // Which series; empty views: all. `metric_wanted` may be empty.
  struct Wanted {
    std::string_view equipment_id;
    std::function<bool(std::string_view metric)> metric_wanted;
  };
  // Calls `use` with each wanted series of the row; views and summary last until it returns. Errors: corrupt;
  // `use` may have been called by then.
  Result<void> decode(std::int64_t hour_ns, std::string_view payload, const Wanted& wanted,
                      const std::function<void(const SeriesName& series, const SeriesSummary& summary)>& use);

 private:
  PayloadDecoder inflate_;
  SeriesSummary summary_;
};

// The row without that equipment, the same bytes when it holds none of it; "" when nothing is left. For
// History::remove. Errors: corrupt.
Result<std::string> strip_equipment(std::string_view payload, std::string_view equipment_id);

}  // namespace vigile
