// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vigile {

// Chooses among names that a driver finds (interfaces, mounts, zones, chips) by two lists of shell patterns,
// fnmatch(3): `chosen` (empty: all) and `excluded`. A name that `chosen` spells out, without a wildcard,
// counts even when `excluded` matches it.
class NameFilter {
 public:
  NameFilter(std::vector<std::string> chosen, std::vector<std::string> excluded)
      : chosen_(std::move(chosen)), excluded_(std::move(excluded)) {}

  bool accepts(const std::string& name) const;
  bool spells_out(std::string_view name) const;
  bool excludes(const std::string& name) const;
  bool chooses() const { return !chosen_.empty(); }
  const std::vector<std::string>& chosen() const { return chosen_; }

 private:
  const std::vector<std::string> chosen_;
  const std::vector<std::string> excluded_;
};

// Whether a name, matched or not, was asked for by name: it has none of the pattern characters.
bool is_plain_name(std::string_view pattern);

}  // namespace vigile
