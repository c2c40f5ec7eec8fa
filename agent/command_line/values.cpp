// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <sstream>
#include <string_view>
#include <utility>

#include "command_line/command_line.h"
#include "core/nearest.h"
#include "core/units.h"

namespace vigile {

namespace {

// As people write it: 86400, 0.01, 1e+08.
std::string shortest(double number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

std::string of_digits(const std::string& text) {
  if (text.starts_with('-')) return "\"" + text + "\" must not be negative";
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "\"" + text + "\" is no whole number";
}

}  // namespace

CLI::Validator a_duration() {
  return CLI::Validator(
      [](const std::string& text) -> std::string {
        const auto duration = parse_duration(text);
        if (!duration) return duration.error().message;
        return duration->count() > 0 ? "" : "\"" + text + "\" must be more than 0";
      },
      "");
}

CLI::Validator one_of(std::vector<std::string> words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ",") + word;
  return CLI::Validator(
      [words = std::move(words), list](const std::string& text) -> std::string {
        if (std::find(words.begin(), words.end(), text) != words.end()) return "";
        const std::vector<std::string_view> views(words.begin(), words.end());
        const std::string_view meant = nearest(text, views);
        return "\"" + text + "\" is not one of " + list +
               (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?");
      },
      "{" + list + "}");
}

CLI::Validator a_number(double least, double most) {
  const std::string range = "from " + shortest(least) + " to " + shortest(most);
  return CLI::Validator(
      [least, most, range](const std::string& text) -> std::string {
        double number = 0;
        if (!CLI::detail::lexical_cast(text, number) || std::isnan(number))
          return "\"" + text + "\" is no number";
        return number >= least && number <= most ? "" : "\"" + text + "\" is not " + range;
      },
      range);
}

void refuse_negative_counts(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_type_name().starts_with("UINT")) option->check(CLI::Validator(&of_digits, ""));
  }
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    refuse_negative_counts(*sub);
}

}  // namespace vigile
