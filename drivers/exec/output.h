// SPDX-License-Identifier: Apache-2.0
// What a program prints, as readings: line protocol, JSON, or a Nagios plugin's output.
// Sources: drivers/exec/README.md for JSON; Monitoring Plugins Development Guidelines, "Plugin Output" and
// "Performance data" for Nagios. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/driver.h"
#include "drivers/line_text/line_text.h"
#include "drivers/text_fields/number_text.h"

namespace vigile::exec {

inline constexpr std::size_t kMostValues = 4000;  // of one object, or of one plugin

struct JsonSource {
  std::string_view place;              // begins each error
  std::string_view separator = "_";    // between the names of nested members
  std::optional<std::int64_t> now_ns;  // of the wall clock; absent while that is not known
  bool integers = false;               // what is printed without point or exponent stays whole
};
// One object, or a list of objects. Members of nested objects and lists are metrics by all their names:
// {"temperature": {"current": 38}} is temperature_current. What is wrong is refused by place:
// "check.sh: /1/temperature: …".
void add_json(std::string_view text, const JsonSource& source, Output& out, TextReport& report);

struct PluginOutput {
  struct Figure {
    std::string label;
    double value = 0;
    std::string unit;                            // "s", "bytes", "percent", "1", or the plugin's own
    std::optional<double> warn, crit, min, max;  // where they are plain numbers
  };
  std::string text;  // the first line, without figures
  std::vector<Figure> figures;
};
struct PluginFormat {
  std::string_view place;                                             // begins each error
  NumberFormat::Thousands thousands = NumberFormat::Thousands::none;  // none: a comma is a decimal one
};
// Figures that cannot be read are refused, the others taken. "U" (unknown) is left out.
PluginOutput parse_plugin_output(std::string_view text, const PluginFormat& format, TextReport& report);

}  // namespace vigile::exec
