// SPDX-License-Identifier: Apache-2.0
#include "equipment/limits.h"

#include <array>
#include <charconv>
#include <cmath>

#include "core/units.h"

namespace vigile {

namespace {

bool is_past(const LimitRule& rule, double value) {
  return (rule.above && value > *rule.above) || (rule.below && value < *rule.below);
}

bool is_normal(const LimitRule& rule, double value) {
  if (is_past(rule, value)) return false;
  if (!rule.clear) return true;
  return rule.above ? value <= *rule.clear : value >= *rule.clear;
}

std::string format(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return std::string(text.data(), end);
}

}  // namespace

void LimitState::value(const LimitRule& rule, double value, BootTime now) {
  if (std::isnan(value)) return;
  last_value_ = value;
  if (is_breached_) {
    if (is_normal(rule, value)) is_breached_ = false;
    return;
  }
  if (!is_past(rule, value)) {
    past_since_.reset();
    return;
  }
  if (!past_since_) past_since_ = now;
  tick(rule, now);
}

void LimitState::tick(const LimitRule& rule, BootTime now) {
  if (!past_since_ || now < *past_since_ + rule.held) return;
  past_since_.reset();
  is_breached_ = true;
}

std::optional<BootTime> LimitState::due(const LimitRule& rule) const {
  if (!past_since_) return std::nullopt;
  return *past_since_ + rule.held;
}

std::string describe(const LimitRule& rule, std::string_view tags, double value) {
  std::string text = rule.metric;
  if (!tags.empty()) text.append(" ").append(tags);
  text += " is " + format(value);
  if (rule.above && value > *rule.above) {
    text += ", above " + format(*rule.above);
  } else if (rule.below && value < *rule.below) {
    text += ", below " + format(*rule.below);
  } else if (rule.clear) {  // between the limit and its clear margin
    text += ", not yet back to " + format(*rule.clear);
  }
  if (rule.held.count() > 0 && is_past(rule, value)) text += " for " + format_duration(rule.held);
  return text;
}

}  // namespace vigile
