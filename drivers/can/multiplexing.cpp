// SPDX-License-Identifier: Apache-2.0
#include "drivers/can/multiplexing.h"

#include <algorithm>
#include <array>

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

// How many signals have each bit of a frame.
class BitUse {
 public:
  explicit BitUse(const std::vector<DbcSignal>& signals) {
    for (const DbcSignal& one : signals) for_each_bit(one.signal, [this](std::size_t bit) { ++uses_[bit]; });
  }
  bool is_shared(const Signal& signal) const {
    bool is = false;
    for_each_bit(signal, [&](std::size_t bit) { is = is || uses_[bit] > 1; });
    return is;
  }

 private:
  // Counted through the bytes, each from its highest bit (Motorola) or its lowest.
  template <class Visit>
  static void for_each_bit(const Signal& signal, Visit visit) {
    const int top = signal.start / 8 * 8 + 7 - signal.start % 8;
    for (int i = 0; i < signal.length; ++i) {
      const int at = signal.is_big_endian ? top + i : signal.start + i;
      visit(static_cast<std::size_t>(signal.is_big_endian ? at / 8 * 8 + 7 - at % 8 : at));
    }
  }
  std::array<unsigned, 512> uses_{};
};

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

bool has_multiplexor(const std::vector<DbcSignal>& signals) {
  return std::any_of(signals.begin(), signals.end(), [](const DbcSignal& one) { return one.is_multiplexor; });
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
  const bool is_any_multiplexor = has_multiplexor(signals);
  const BitUse uses(signals);
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
    // Where nothing can choose it, bits of its own are read from every frame.
    if (!is_known && !is_any_multiplexor && signals[i].chosen_by.empty())
      is_known = !uses.is_shared(signals[i].signal);
    if (!is_known) unknown.push_back(signals[i].signal.name);
    choices[i].is_known = is_known;
  }
  std::size_t i = 0;
  std::erase_if(signals, [&](const DbcSignal&) { return !choices[i++].is_known; });
  return unknown;
}

}  // namespace vigile::can
