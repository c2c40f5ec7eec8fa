// SPDX-License-Identifier: Apache-2.0
// Answers on equipment as tables, and as CSV. Pure, like screen.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "ctl/screen.h"

namespace vigile {

// `style.sparklines`: a curve beside each series.
Result<std::string> render_metrics(std::string_view json, const ScreenStyle& style);
Result<std::string> render_stats(std::string_view json, const ScreenStyle& style);
Result<std::string> render_availability(std::string_view json, const ScreenStyle& style);
Result<std::string> render_history(std::string_view json, const ScreenStyle& style);
Result<std::string> render_equipment_dashboard(std::string_view json, const ScreenStyle& style);
Result<std::string> render_dashboard(std::string_view json, const ScreenStyle& style);
Result<std::string> render_report(std::string_view json, const ScreenStyle& style);
Result<std::string> render_removal(std::string_view json, const ScreenStyle& style);

// The array `rows` of an answer as CSV with a header; `columns` are keys, "performance.cpu_avg" goes into
// objects; what is null is empty.
Result<std::string> csv_table(std::string_view json, const char* rows,
                              const std::vector<std::string>& columns);

}  // namespace vigile
