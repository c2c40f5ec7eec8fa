// SPDX-License-Identifier: Apache-2.0
// The keys of any driver instance that say which of its readings are written down (core/reading_rules.h).
// What is wrong is reported with its place.
#pragma once

#include "core/reading_rules.h"
#include "settings/values.h"

namespace vigile {

// `options`: as read by driver_keys() from `section`.
MetricRules read_metric_rules(const Options& options, const Section& section, ReadContext& context);
// `report: always`, `on_change` or `{on_change: {…}}`.
ReportRules read_report(const YamlEntry& report, ReadContext& context);

// As people read them, for the effective settings: ", only cpu_*"; empty when there is nothing to say.
std::string format_rules(const MetricRules& metrics, const ReportRules& report);

}  // namespace vigile
