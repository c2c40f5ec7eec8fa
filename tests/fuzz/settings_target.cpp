// SPDX-License-Identifier: Apache-2.0
// A settings file, with the sample catalog of tests/settings.
#include <algorithm>
#include <vector>

#include "settings/effective.h"
#include "settings/sample_catalog.h"
#include "targets.h"

namespace vigile {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

Fault place_fault(const std::vector<SettingsError>& errors, const std::vector<std::string_view>& lines) {
  Place before;
  for (const SettingsError& error : errors) {
    if (error.message.empty()) return "an error that says nothing";
    if (error.message.size() > 2000) return "an error of " + std::to_string(error.message.size()) + " bytes";
    const bool of_the_file = error.place.line == 0;  // too large; and so many more
    if (of_the_file) continue;
    if (error.place.line < 1 || error.place.line > static_cast<int>(lines.size()) || error.place.column < 1)
      return "an error outside of the text: " + to_string(error);
    const auto size = static_cast<int>(lines[static_cast<std::size_t>(error.place.line) - 1].size());
    if (error.place.column > size + 1) return "an error behind its line: " + to_string(error);
    if (error.place.line < before.line) return "errors out of order";
    before = error.place;
  }
  return std::nullopt;
}

// Values of secret options that stand in the text once: whoever prints them took them from there.
std::vector<std::string> secrets_of(const Settings& settings, std::string_view yaml) {
  std::vector<std::string> secrets;
  const auto take = [&](const std::string& value) {
    const std::size_t at = yaml.find(value);
    if (value.size() >= 8 && at != std::string_view::npos &&
        yaml.find(value, at + 1) == std::string_view::npos)
      secrets.push_back(value);
  };
  take(settings.api.token);
  for (const SinkSettings& sink : settings.sinks) {
    for (const std::string_view name : {"token", "password"}) {
      if (sink.options.has(name)) take(sink.options.text(name));
    }
  }
  return secrets;
}

Fault settings_printed_fault(const Settings& settings, std::string_view yaml) {
  const std::string text = effective_text(settings, sample_catalog());
  if (text.empty() || text.back() != '\n') return "no text of good settings";
  if (yaml.find('*') != std::string_view::npos)
    return std::nullopt;  // an alias may repeat a secret elsewhere
  for (const std::string& secret : secrets_of(settings, yaml)) {
    if (text.find(secret) != std::string::npos) return "a secret is printed: " + secret;
  }
  return std::nullopt;
}

}  // namespace

Fault settings_fault(std::string_view input) {
  const std::map<std::string, std::string> environment = {
      {"URL", "http://x"}, {"HOST", "y"}, {"NUMBER", "7"}};
  const LoadedSettings loaded = parse_sample(input, environment);
  if (loaded.settings.has_value() != loaded.errors.empty()) return "neither settings nor errors, or both";
  if (loaded.errors.size() > 1001) return "too many errors";
  const auto lines = lines_of(input);
  if (Fault fault = place_fault(loaded.errors, lines)) return fault;
  if (Fault fault = place_fault(loaded.warnings, lines)) return fault;
  const LoadedSettings again = parse_sample(input, environment);
  if (again.settings != loaded.settings || texts(again.errors) != texts(loaded.errors))
    return "read again it says something else";
  if (loaded.settings) return settings_printed_fault(*loaded.settings, input);
  return std::nullopt;
}

}  // namespace vigile
