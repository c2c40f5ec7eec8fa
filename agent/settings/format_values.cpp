// SPDX-License-Identifier: Apache-2.0
// Values as they are written in YAML, for people.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/units.h"
#include "settings/secret.h"
#include "settings/values.h"

namespace vigile {

std::string format_number(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end.ptr};
}

std::string format_exact_size(std::uint64_t bytes) {
  constexpr std::array<std::pair<std::uint64_t, std::string_view>, 4> kUnits = {{
      {std::uint64_t{1} << 40, "TiB"},
      {std::uint64_t{1} << 30, "GiB"},
      {std::uint64_t{1} << 20, "MiB"},
      {std::uint64_t{1} << 10, "KiB"},
  }};
  for (const auto& [factor, unit] : kUnits) {
    if (bytes >= factor && bytes % factor == 0) return std::to_string(bytes / factor) + std::string(unit);
  }
  return std::to_string(bytes) + "B";
}

std::string format_value(const OptionSpec& spec, const OptionValue& value) {
  const auto* const end = kMayHoldSecrets.end();
  if (spec.secret || std::find(kMayHoldSecrets.begin(), end, spec.name) != end) return "(secret)";
  struct Formatter {
    const OptionSpec& spec;
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return format_number(number); }
    std::string operator()(const std::string& text) const { return "\"" + mask_credentials(text) + "\""; }
    std::string operator()(std::chrono::nanoseconds duration) const { return format_duration(duration); }
    std::string operator()(std::uint64_t bytes) const { return format_exact_size(bytes); }
    std::string operator()(const std::vector<std::string>& list) const {
      std::string out;
      bool is_secret = false;  // [--token, abc]
      for (const std::string& item : list) {
        const auto value = is_secret ? std::optional<std::string_view>(item) : secret_in_argument(item);
        out += out.empty() ? "" : ", ";
        out += value ? item.substr(0, item.size() - value->size()) + "***" : mask_credentials(item);
        is_secret = announces_a_secret(item);
      }
      return "[" + out + "]";
    }
    std::string operator()(const std::map<std::string, std::string>& map) const {
      std::string out;
      for (const auto& [key, item] : map) {
        out += (out.empty() ? "" : ", ") + key + ": " + mask_credentials(item);
      }
      return "{" + out + "}";
    }
    std::string operator()(const std::vector<Options>& rows) const {
      std::string out;
      for (const Options& row : rows) {
        std::string cells;
        for (const OptionSpec& column : spec.columns) {
          const auto cell = row.values().find(column.name);
          if (cell == row.values().end() || default_value(column) == cell->second) continue;
          cells += (cells.empty() ? "" : ", ") + std::string(column.name) + ": " +
                   format_value(column, cell->second);
        }
        out += (out.empty() ? "{" : ", {") + cells + "}";
      }
      return "[" + out + "]";
    }
  };
  if (spec.type == OptionType::choice) return std::get<std::string>(value);
  return std::visit(Formatter{spec}, value);
}

}  // namespace vigile
