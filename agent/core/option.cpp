// SPDX-License-Identifier: Apache-2.0
#include "core/option.h"

#include <cassert>

namespace vigile {

std::string_view to_string(OptionType type) {
  switch (type) {
    case OptionType::boolean:
      return "boolean";
    case OptionType::integer:
      return "integer";
    case OptionType::number:
      return "number";
    case OptionType::text:
      return "text";
    case OptionType::choice:
      return "choice";
    case OptionType::duration:
      return "duration";
    case OptionType::size:
      return "size";
    case OptionType::list:
      return "list";
    case OptionType::map:
      return "map";
    case OptionType::rows:
      return "rows";
  }
  return "unknown";
}

template <class T>
static const T& get(const std::map<std::string, OptionValue, std::less<>>& values, std::string_view name) {
  static const T kAbsent{};
  const auto found = values.find(name);
  if (found == values.end()) return kAbsent;
  const T* const value = std::get_if<T>(&found->second);
  assert(value != nullptr);
  return value != nullptr ? *value : kAbsent;
}

bool Options::flag(std::string_view name) const {
  return get<bool>(values_, name);
}
std::int64_t Options::integer(std::string_view name) const {
  return get<std::int64_t>(values_, name);
}
double Options::number(std::string_view name) const {
  return get<double>(values_, name);
}
const std::string& Options::text(std::string_view name) const {
  return get<std::string>(values_, name);
}
std::chrono::nanoseconds Options::duration(std::string_view name) const {
  return get<std::chrono::nanoseconds>(values_, name);
}
std::uint64_t Options::size_bytes(std::string_view name) const {
  return get<std::uint64_t>(values_, name);
}
const std::vector<std::string>& Options::list(std::string_view name) const {
  return get<std::vector<std::string>>(values_, name);
}
const std::map<std::string, std::string>& Options::map(std::string_view name) const {
  return get<std::map<std::string, std::string>>(values_, name);
}
const std::vector<Options>& Options::rows(std::string_view name) const {
  return get<std::vector<Options>>(values_, name);
}

}  // namespace vigile
