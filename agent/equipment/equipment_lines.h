// SPDX-License-Identifier: Apache-2.0
// The lines about one equipment that no driver makes: what is recorded over the socket, and the changes of
// its status. Drivers' lines: sampling/line_writer.h; the layout's tags are the same
// (point/equipment_layout.h).
//
//                    equipment layout                          native layout
// a metric           equipment_metrics,metric_name=m value=    recorded,metric_name=m value=
// availability       equipment_metrics,metric_name=availability value=1|0   availability value=1|0
// a status change    equipment_status_changes,new_status=,old_status= status_value=,change_event=1i in both
//
// Times are nanoseconds, as the segment's clock counts. Constant after construction: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/equipment_identity.h"
#include "point/equipment_layout.h"
#include "point/point.h"
#include "store/history.h"
#include "store/segment.h"

namespace vigile {

inline constexpr std::string_view kRecordedMeasurement = "recorded";  // native layout

class EquipmentLines {
 public:
  // `tags`: the equipment's own; they never replace a tag of the layout.
  EquipmentLines(WireFormat format, const EquipmentIdentity& equipment,
                 const std::map<std::string, std::string>& tags);

  // Each appends one line; false, and nothing appended, when no field can be written (a value that is not
  // finite).

  // Tags that the layout has, and an additional field named "value", are left out.
  bool append_metric(std::string_view metric, double value, const std::map<std::string, std::string>& tags,
                     const std::vector<std::pair<std::string, FieldValue>>& additional_fields,
                     std::int64_t time_ns, std::string& out) const;
  // The reason, a text, only when there is one.
  bool append_availability(bool up, std::optional<double> response_time_ms, std::string_view reason,
                           std::int64_t time_ns, std::string& out) const;
  // `is_first`: the equipment never had a status; the line's old_status is then "new". Reason, until and
  // decided_after_ns are fields of the line when there are any; its time is when the change was decided.
  // `extra_tags` never replace a tag of the layout.
  bool append_status_change(const StatusChange& change, bool is_first, std::string& out,
                            const std::map<std::string, std::string>& extra_tags = {}) const;
  // A point as it is, with the layout's tags where it has none of that key, and `time_ns` when it has no
  // time.
  bool append_point(Point point, std::int64_t time_ns, std::string& out) const;
  const EncodeOptions& encode_options() const { return format_.encode; }

  // The metrics cpu_usage, memory_usage and response_time, those that there are: how many lines.
  std::uint32_t append_performance(std::optional<double> cpu_usage, std::optional<double> memory_usage,
                                   std::optional<double> response_time_ms, std::int64_t time_ns,
                                   std::string& out) const;

 private:
  const WireFormat format_;
  const TagList tags_;
};

// `agent_gaps,device=,site_id= from_ns=,to_ns= <to_ns>`: so that a server can be asked when no agent ran.
void append_gap(std::string_view site_id, std::string_view device, TimeSpan gap, std::string& out);

}  // namespace vigile
