// SPDX-License-Identifier: Apache-2.0
#include "drivers/kernel_text/name_filter.h"

#include <fnmatch.h>

#include <algorithm>

namespace vigile {

static bool any_matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  });
}

bool is_plain_name(std::string_view pattern) {
  return pattern.find_first_of("*?[\\") == std::string_view::npos;
}

bool NameFilter::spells_out(std::string_view name) const {
  return is_plain_name(name) && std::find(chosen_.begin(), chosen_.end(), name) != chosen_.end();
}

bool NameFilter::excludes(const std::string& name) const {
  return any_matches(excluded_, name);
}

bool NameFilter::accepts(const std::string& name) const {
  if (spells_out(name)) return true;
  return (chosen_.empty() || any_matches(chosen_, name)) && !excludes(name);
}

}  // namespace vigile
