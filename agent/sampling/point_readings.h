// SPDX-License-Identifier: Apache-2.0
// The readings of a point that came as a whole, under the names that the settings know them by
// (point/metric_name.h). A line of equipment_metrics holds one reading, its field `value`; of any other line
// each field is one.
#pragma once

#include <string>

#include "core/clock.h"
#include "point/metric_name.h"
#include "point/point.h"
#include "sampling/change_filter.h"
#include "sampling/metric_selection.h"

namespace vigile {

bool is_metrics_point(const Point& point);

// The name of the reading that field `key` is; "" when it is none.
std::string reading_name(const Point& point, std::string_view key, const MetricNamer& namer);

// Leaves what `only` and `except` let on, under the names of `rename`: those of equipment_metrics in the tag
// metric_name, others as the key of the field. False when nothing is left.
bool select_readings(Point& point, MetricSelection& selection, const MetricNamer& namer);

// Leaves the readings that have changed (`report: on_change`). False when none has.
bool keep_changed_readings(Point& point, ChangeFilter& changes, const MetricNamer& namer, BootTime at);

}  // namespace vigile
