// SPDX-License-Identifier: Apache-2.0
// Which readings lines hold, in both layouts of DESIGN §8. Made for one pass over many segments: the head of
// a line (measurement and tags) is resolved once and then found again by comparing bytes, first with the head
// that followed last time; what is not wanted is never parsed.
//
// equipment_metrics: metric = tag metric_name, value = field `value`; other fields are no series.
// Any other measurement (native layout, and points of other programs): each numeric field is a series;
// booleans count 1 and 0. Of a thinned line (point/thinned_fields.h) the mean counts, as one reading. Lines
// without equipment_id, of another site (which are forwarded), status changes and the agent's gaps hold no
// readings. The tags of a series are those that the layout does not set, and not clock=estimated: escaped as
// in line protocol, sorted by key.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "equipment/readings.h"
#include "point/line_decode.h"
#include "point/metric_name.h"

namespace vigile {

// The site as the settings have it now. Any thread.
using SiteIdSource = std::function<std::string()>;

class LineReadings {
 public:
  // Empty: all equipments, all metrics, all sites. A line that does not say its site is this one's.
  LineReadings(MetricNamer namer, std::string equipment_id, std::vector<std::string> metrics,
               std::string site_id = {});

  // Calls `use` with each wanted reading of `lines` (as the log holds them: each ends in '\n', no other
  // newline) in `span`, until it returns false; then so does this. Lines that cannot be read are passed over.
  bool read(std::string_view lines, TimeSpan span, const std::function<bool(const Reading&)>& use);

  bool wants_metric(std::string_view metric) const;

 private:
  enum class Kind { skipped, equipment, native };
  struct Field {
    std::string key;     // as written
    std::string metric;  // empty: not wanted
  };
  struct Head {
    std::string text;  // of the line, through the space before the fields
    Kind kind = Kind::skipped;
    std::string measurement;
    std::string equipment_id;
    std::string metric;
    std::string tags;
    std::vector<Field> fields;       // of the native layout
    const Head* follower = nullptr;  // the head of the line that came next
  };

  Head* head_of(const char* line, const char* newline);
  std::unique_ptr<Head> resolve(std::string_view line, std::size_t head_bytes);
  bool read_line(Head& head, std::string_view line, TimeSpan span,
                 const std::function<bool(const Reading&)>& use);
  const Field& field_of(Head& head, std::string_view key);

  const MetricNamer namer_;
  const std::string equipment_id_;
  const std::vector<std::string> metrics_;
  const std::string site_id_;
  std::unordered_map<std::string_view, std::unique_ptr<Head>> heads_;  // by their text; bounded
};

}  // namespace vigile
