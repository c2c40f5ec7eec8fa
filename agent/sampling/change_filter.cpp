// SPDX-License-Identifier: Apache-2.0
#include "sampling/change_filter.h"

#include <cmath>
#include <utility>
#include <variant>

namespace vigile {

double ChangeFilter::deadband(std::string_view metric) const {
  const auto own = rules_.deadbands.find(std::string(metric));
  return own != rules_.deadbands.end() ? own->second : rules_.deadband;
}

bool ChangeFilter::passes(std::string_view metric, std::span<const Tag> tags, const Number& number,
                          BootTime at) {
  double value = 0;
  std::string_view text;
  std::visit(
      [&](auto given) {
        if constexpr (std::is_same_v<decltype(given), std::string_view>) {
          text = given;
        } else {
          value = static_cast<double>(given);
        }
      },
      number);
  if (!std::isfinite(value)) return false;  // is not written in any case
  key_.assign(metric);
  for (const Tag& tag : tags) key_.append("\n").append(tag.key).append("\n").append(tag.value);

  const auto found = written_.find(key_);
  if (found == written_.end()) {
    if (written_.size() < kMostSeries) written_.emplace(key_, Written{value, std::string(text), at});
    return true;
  }
  Written& last = found->second;
  const auto age = at - last.at + tolerance_;
  const bool overdue = rules_.at_least_every.count() > 0 && age >= rules_.at_least_every;
  const bool changed = text != last.text || std::abs(value - last.number) > deadband(metric);
  if (!overdue && (!changed || age < rules_.at_most_every)) return false;
  last.number = value;
  last.text = text;
  last.at = at;
  return true;
}

}  // namespace vigile
