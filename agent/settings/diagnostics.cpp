// SPDX-License-Identifier: Apache-2.0
#include "settings/diagnostics.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace vigile {

namespace {

constexpr std::size_t kMostErrors = 1000;

// The part of a URL after "?": key=value pairs.
std::string mask_query(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && names_a_secret(pair.substr(0, equals))) {
      out += pair.substr(0, equals + 1);
      out += "***";
    } else {
      out += pair;
    }
    if (end < query.size()) out += '&';
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return out;
}

}  // namespace

std::string to_string(const SettingsError& error) {
  std::string text = error.place.file;
  if (error.place.line > 0) {
    text += ":" + std::to_string(error.place.line) + ":" + std::to_string(error.place.column);
  }
  return text + ": " + error.message;
}

bool names_a_secret(std::string_view key) {
  constexpr std::array<std::string_view, 5> kParts = {"pass", "token", "secret", "key", "auth"};
  std::string lower(key);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower == "p" || std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
           return lower.find(part) != std::string::npos;
         });
}

bool announces_a_secret(std::string_view argument) {
  return argument.starts_with("-") && argument.find('=') == std::string_view::npos &&
         names_a_secret(argument);
}

std::optional<std::string_view> secret_in_argument(std::string_view argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos || argument.find("://") != std::string_view::npos ||
      !names_a_secret(argument.substr(0, equals))) {
    return std::nullopt;
  }
  return argument.substr(equals + 1);
}

int Diagnostics::add_file(std::string file) {
  files_.push_back({std::move(file)});
  return static_cast<int>(files_.size()) - 1;
}

std::vector<std::string> Diagnostics::files() const {
  std::vector<std::string> names;
  for (const File& file : files_) names.push_back(file.name);
  return names;
}

std::vector<SettingsError> Diagnostics::in_file_order(std::vector<SettingsError> found) const {
  const auto number = [&](const SettingsError& error) {
    return std::find_if(files_.begin(), files_.end(),
                        [&](const File& file) { return file.name == error.place.file; }) -
           files_.begin();
  };
  std::stable_sort(found.begin(), found.end(), [&](const SettingsError& a, const SettingsError& b) {
    const auto file_a = number(a);
    const auto file_b = number(b);
    return std::tie(file_a, a.place.line, a.place.column) < std::tie(file_b, b.place.line, b.place.column);
  });
  return found;
}

void Diagnostics::error(Spot spot, std::string message) {
  if (errors_.size() >= kMostErrors) {
    ++errors_left_out_;
    return;
  }
  errors_.push_back({place(spot), std::move(message)});
}

void Diagnostics::warning(Spot spot, std::string message) {
  if (warnings_.size() < kMostErrors) warnings_.push_back({place(spot), std::move(message)});
}

bool Diagnostics::has_error_at(Spot spot) const {
  const Place wanted = place(spot);
  return std::any_of(errors_.begin(), errors_.end(), [&](const SettingsError& error) {
    return error.place.file == wanted.file && error.place.line == wanted.line &&
           error.place.column == wanted.column;
  });
}

std::string Diagnostics::already(Spot first, Spot again) const {
  return "; it is on line " + std::to_string(first.line) +
         (first.file == again.file ? "" : " of " + place(first).file) + " already";
}

std::vector<SettingsError> Diagnostics::take_errors() {
  auto errors = in_file_order(std::move(errors_));
  if (errors_left_out_ > 0) {
    errors.push_back({place({}), "and " + std::to_string(errors_left_out_) + " more errors"});
  }
  errors_.clear();
  return errors;
}

std::vector<SettingsError> Diagnostics::take_warnings() {
  auto warnings = in_file_order(std::move(warnings_));
  warnings_.clear();
  return warnings;
}

std::string quote(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string shown = mask_credentials(text);
  if (shown.size() > kLongest) {
    std::size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xC0U) == 0x80U) --end;
    shown = shown.substr(0, end) + "…";
  }
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return "\"" + shown + "\"";
}

std::string mask_credentials(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::string(text);
  const std::size_t host = scheme + 3;
  const std::size_t host_end = std::min(text.find_first_of("/?#", host), text.size());
  std::size_t at = text.substr(0, host_end).rfind('@');
  // A password with an unescaped "/" or "?": then the last "@" of all ends it.
  if (at == std::string_view::npos || at < host) at = text.rfind('@');
  const bool has_user = at != std::string_view::npos && at >= host;
  std::string out(text.substr(0, host));
  if (has_user) out += "***@";
  const std::string_view rest = text.substr(has_user ? at + 1 : host);
  const std::size_t query = rest.find('?');
  if (query == std::string_view::npos) return out + std::string(rest);
  return out + std::string(rest.substr(0, query + 1)) + mask_query(rest.substr(query + 1));
}

}  // namespace vigile
