// SPDX-License-Identifier: Apache-2.0
// Everything found wrong while settings are read, gathered and put in file order.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "settings/settings.h"
#include "settings/yaml_tree.h"

namespace vigile {

class Diagnostics {
 public:
  explicit Diagnostics(std::string file) { add_file(std::move(file)); }

  // Its number, as in Spot. The first file has 0.
  int add_file(std::string file);
  std::vector<std::string> files() const;
  void set_readable_by_others(int file, bool readable) {
    files_[std::size_t(file)].readable_by_others = readable;
  }
  bool readable_by_others(Spot spot) const { return files_[std::size_t(spot.file)].readable_by_others; }

  void error(Spot spot, std::string message);
  void warning(Spot spot, std::string message);
  bool has_errors() const { return !errors_.empty(); }
  bool has_error_at(Spot spot) const;
  // "; it is on line 3 already", of which file too when that is another one: for what stands again at
  // `again`.
  std::string already(Spot first, Spot again) const;
  Place place(Spot spot) const { return Place{files_[std::size_t(spot.file)].name, spot.line, spot.column}; }

  // Sorted by place. Past 1,000 errors the rest is a number.
  std::vector<SettingsError> take_errors();
  std::vector<SettingsError> take_warnings();

 private:
  struct File {
    std::string name;
    bool readable_by_others = false;
  };
  std::vector<SettingsError> in_file_order(std::vector<SettingsError> found) const;

  std::vector<File> files_;
  std::vector<SettingsError> errors_;
  std::vector<SettingsError> warnings_;
  std::size_t errors_left_out_ = 0;
};

// `"text"` for a message: at most 80 bytes of it, no control characters, credentials in URLs masked.
std::string quote(std::string_view text);

// Whether what such a key holds is likely a secret: "password", "API_TOKEN".
bool names_a_secret(std::string_view key);

// Options of which nobody can say what they hold: programs' environments, what a server is asked.
inline constexpr std::array<std::string_view, 4> kMayHoldSecrets = {"headers", "environment", "query_string",
                                                                    "body"};

// Whether a program's argument says that the next one is a secret: "--token".
bool announces_a_secret(std::string_view argument);

// "abc" of an argument "--token=abc".
std::optional<std::string_view> secret_in_argument(std::string_view argument);

// user:password@ in URLs and the values of query keys that look like secrets become "***".
std::string mask_credentials(std::string_view text);

}  // namespace vigile
