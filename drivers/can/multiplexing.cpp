// SPDX-License-Identifier: Apache-2.0
#include "drivers/can/multiplexing.h"

#include <algorithm>

namespace vigile::can {

namespace {

constexpr std::size_t kDeepest = 16;  // multiplexors within multiplexed signals

struct Choice {
  bool is_known = true;
  std::optional<std::size_t> multiplexor;  // absent: it is in every frame
  std::vector<Multiplexed::Range> values;
};

std::optional<std::size_t> find(const std::vector<DbcSignal>& signals, const std::string& name) {
  const auto at = std::find_if(signals.begin(), signals.end(),
                               [&](const DbcSignal& one) { return one.signal.name == name; });
  if (at == signals.end()) return std::nullopt;
  return static_cast<std::size_t>(at - signals.begin());
}

// The only multiplexor; absent when there are none or several.
std::optional<std::size_t> sole_multiplexor(const std::vector<DbcSignal>& signals) {
  std::optional<std::size_t> sole;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    if (!signals[i].is_multiplexor) continue;
    if (sole) return std::nullopt;
    sole = i;
  }
  return sole;
}

Choice choice_of(const std::vector<DbcSignal>& signals, std::size_t at, std::optional<std::size_t> sole) {
  const DbcSignal& one = signals[at];
  if ((!one.value && !one.is_multiplexor) || sole == at) return {};
  if (sole) {
    Choice choice{true, sole, {{*one.value, *one.value}}};
    const auto more = one.chosen_by.find(signals[*sole].signal.name);
    if (more != one.chosen_by.end())
      choice.values.insert(choice.values.end(), more->second.begin(), more->second.end());
    return choice;
  }
  if (one.chosen_by.empty()) return {.is_known = !one.value};
  if (one.chosen_by.size() > 1) return {.is_known = false};
  const auto& [name, values] = *one.chosen_by.begin();
  const auto multiplexor = find(signals, name);
  return {multiplexor.has_value(), multiplexor, values};
}

}  // namespace

std::vector<std::string> resolve_multiplexing(std::vector<DbcSignal>& signals) {
  const auto sole = sole_multiplexor(signals);
  std::vector<Choice> choices;
  for (std::size_t i = 0; i < signals.size(); ++i) choices.push_back(choice_of(signals, i, sole));
  std::vector<std::string> unknown;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    bool is_known = choices[i].is_known;
    std::size_t at = i;
    // A longer chain goes in a circle, most likely.
    for (std::size_t steps = 0; is_known && choices[at].multiplexor; ++steps) {
      const Signal& by = signals[*choices[at].multiplexor].signal;
      signals[i].signal.multiplexed.push_back({by.start, by.length, by.is_big_endian, choices[at].values});
      at = *choices[at].multiplexor;
      is_known = choices[at].is_known && steps < kDeepest;
    }
    if (!is_known) unknown.push_back(signals[i].signal.name);
    choices[i].is_known = is_known;
  }
  std::size_t i = 0;
  std::erase_if(signals, [&](const DbcSignal&) { return !choices[i++].is_known; });
  return unknown;
}

}  // namespace vigile::can
