// SPDX-License-Identifier: Apache-2.0
#include "equipment/status_machine.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/units.h"

namespace vigile {

namespace {

// Series of one limit that are told apart; more than any device has. Readings past it are not judged.
constexpr std::size_t kMaxSeries = 1000;

void add_part(std::string& text, std::string_view part) {
  if (part.empty()) return;
  if (!text.empty()) text += "; ";
  text += part;
}

}  // namespace

StatusMachine::StatusMachine(StatusRules rules) : rules_(std::move(rules)) {
  for (const std::string& name : rules_.deciders) sources_.push_back(Source{.name = name});
  for (const LimitRule& rule : rules_.limits) limits_.emplace_back(rule);
}

void StatusMachine::restore(Status status, std::string_view reason, BootTime now) {
  status_ = status;
  changed_ = now;
  assumed_since_ = now;
  assumed_reason_ = reason;
  assumed_warning_ = status == Status::warning;
  if (status == Status::online || status == Status::warning) base_ = Base::up;
  if (status == Status::offline) {
    base_ = Base::down;
    // What a program said stands until a program says otherwise, whatever else is read meanwhile.
    const std::string prefix = std::string(kApiSource) + ": ";
    if (reason.starts_with(prefix)) {
      sources_.push_back(Source{.name = std::string(kApiSource),
                                .verdict = Base::down,
                                .reason = std::string(reason.substr(prefix.size()))});
    }
  }
  update_due();
}

std::optional<StatusTransition> StatusMachine::availability(std::string_view source, bool up,
                                                            std::string_view reason, BootTime now) {
  auto found =
      std::find_if(sources_.begin(), sources_.end(), [&](const Source& s) { return s.name == source; });
  if (found == sources_.end()) {
    if (source != kApiSource) return std::nullopt;
    found = sources_.insert(sources_.end(), Source{.name = std::string(source)});
  }
  judge(*found, up, reason, now);
  judge_base();
  return settle(now, [&] { return std::string(source) + ": available"; });
}

void StatusMachine::judge(Source& source, bool up, std::string_view reason, BootTime now) {
  const bool at_once = source.name == kApiSource;
  if (up) {
    source.failures = 0;
    source.failing_since.reset();
    if (source.successes < UINT32_MAX) ++source.successes;
    if (at_once || source.verdict == Base::up || source.successes >= rules_.online_after) {
      source.verdict = Base::up;
    }
    return;
  }
  source.successes = 0;
  source.reason = reason;
  if (!source.failing_since) source.failing_since = now;
  if (source.failures < UINT32_MAX) ++source.failures;
  if (at_once || source.failures >= rules_.offline_after) source.verdict = Base::down;
}

void StatusMachine::judge_base() {
  const auto all = [&](Base verdict) {
    return std::all_of(sources_.begin(), sources_.end(),
                       [&](const Source& s) { return s.verdict == verdict; });
  };
  const auto any_down =
      std::any_of(sources_.begin(), sources_.end(), [](const Source& s) { return s.verdict == Base::down; });
  if (any_down) {
    base_ = Base::down;
  } else if (!sources_.empty() && all(Base::up)) {
    base_ = Base::up;
  }
}

std::string_view StatusMachine::sorted_tags(std::span<const Tag> tags) {
  tag_order_.assign(tags.begin(), tags.end());
  std::sort(tag_order_.begin(), tag_order_.end(), [](const Tag& a, const Tag& b) { return a.key < b.key; });
  tag_text_.clear();
  for (const Tag& tag : tag_order_) {
    if (!tag_text_.empty()) tag_text_ += ' ';
    tag_text_.append(tag.key).append("=").append(tag.value);
  }
  return tag_text_;
}

bool StatusMachine::judges(const Limit& limit, std::string_view metric, std::span<const Tag> tags) const {
  if (limit.rule.metric != metric) return false;
  const auto is_for = [&](const LimitRule& rule) {
    return std::all_of(rule.tags.begin(), rule.tags.end(), [&](const auto& wanted) {
      return std::any_of(tags.begin(), tags.end(), [&](const Tag& tag) {
        return tag.key == wanted.first && tag.value == wanted.second;
      });
    });
  };
  if (!limit.rule.tags.empty()) return is_for(limit.rule);
  return std::none_of(limits_.begin(), limits_.end(), [&](const Limit& other) {
    return !other.rule.tags.empty() && other.rule.metric == metric && is_for(other.rule);
  });
}

std::vector<IdleLimit> StatusMachine::idle_limits() const {
  std::vector<IdleLimit> idle;
  for (const Limit& limit : limits_) {
    const bool others_judge = limit.rule.tags.empty() && limit.other_series;
    if (!limit.has_judged && !others_judge) idle.push_back({limit.rule, limit.other_series});
  }
  return idle;
}

std::optional<StatusTransition> StatusMachine::value(std::string_view metric, std::span<const Tag> tags,
                                                     double value, BootTime now) {
  if (std::isnan(value)) return std::nullopt;
  bool is_evidence = assumed_warning_;
  if (sources_.empty() && base_ != Base::up) {
    base_ = Base::up;
    is_evidence = true;
  }
  for (Limit& limit : limits_) {
    if (!judges(limit, metric, tags)) {
      if (!limit.other_series && limit.rule.metric == metric) limit.other_series = sorted_tags(tags);
      continue;
    }
    limit.has_judged = true;
    is_evidence = true;
    const std::string_view key = sorted_tags(tags);
    auto found = limit.series.find(key);
    const bool known = found != limit.series.end();
    if (!known) {
      if (limit.series.size() >= kMaxSeries) continue;
      found = limit.series.emplace(std::string(key), LimitState(assumed_warning_)).first;
    }
    LimitState& state = found->second;
    const bool was_breached = known && state.is_breached();
    const auto was_due = state.due(limit.rule);
    state.value(limit.rule, value, now);
    if (state.is_breached() && !was_breached) ++breached_;
    if (!state.is_breached() && was_breached) --breached_;
    if (known || tags.empty()) limit.gone_through = true;
    if (state.due(limit.rule) != was_due) update_due();
  }
  if (!is_evidence) return std::nullopt;
  if (assumed_warning_ &&
      std::all_of(limits_.begin(), limits_.end(), [](const Limit& limit) { return limit.gone_through; })) {
    assumed_warning_ = false;
    update_due();
  }
  return settle(now, [&] {
    if (status_ == Status::warning) return std::string(metric) + " is back to normal";
    return "a reading came: " + std::string(metric);
  });
}

std::optional<StatusTransition> StatusMachine::tick(BootTime now) {
  for (Limit& limit : limits_) {
    for (auto& [tags, state] : limit.series) {
      const bool was_breached = state.is_breached();
      state.tick(limit.rule, now);
      if (state.is_breached() && !was_breached) ++breached_;
    }
  }
  if (assumed_warning_ && now >= assumed_since_ + rules_.patience) assumed_warning_ = false;
  update_due();
  return settle(now, [&] { return "nothing read past a limit for " + format_duration(rules_.patience); });
}

void StatusMachine::update_due() {
  next_tick_.reset();
  const auto earliest = [&](std::optional<BootTime> due) {
    if (due && (!next_tick_ || *due < *next_tick_)) next_tick_ = due;
  };
  for (const Limit& limit : limits_) {
    for (const auto& [tags, state] : limit.series) earliest(state.due(limit.rule));
  }
  if (assumed_warning_) earliest(assumed_since_ + rules_.patience);
}

void StatusMachine::forget_evidence() {
  std::erase_if(sources_, [](const Source& source) { return source.name == kApiSource; });
  for (Source& source : sources_) source = Source{.name = std::move(source.name)};
  for (Limit& limit : limits_) limit = Limit(std::move(limit.rule));
  breached_ = 0;
  assumed_warning_ = false;
  base_ = Base::unknown;
}

std::optional<StatusTransition> StatusMachine::set(Status status, std::string_view reason, BootTime now) {
  if (status_ == Status::maintenance && status == Status::online) {
    judge_base();
    const bool any_down = std::any_of(sources_.begin(), sources_.end(),
                                      [](const Source& source) { return source.verdict == Base::down; });
    if (!any_down) base_ = Base::up;
    return end_maintenance(reason, now);
  }
  if (status != Status::maintenance) {
    forget_evidence();
    if (status == Status::online || status == Status::warning) base_ = Base::up;
    if (status == Status::offline) base_ = Base::down;
    assumed_warning_ = status == Status::warning;
    assumed_since_ = now;
    assumed_reason_ = reason;
    update_due();
  }
  if (status == status_) return std::nullopt;
  changed_ = now;
  return StatusTransition{std::exchange(status_, status), status, std::string(reason)};
}

std::optional<StatusTransition> StatusMachine::end_maintenance(std::string_view reason, BootTime now) {
  if (status_ != Status::maintenance) return std::nullopt;
  status_ = verdict();
  changed_ = now;
  std::string text(reason);
  add_part(text, evidence());
  return StatusTransition{Status::maintenance, status_, std::move(text)};
}

std::optional<StatusTransition> StatusMachine::replace_rules(StatusRules rules, BootTime now) {
  const std::string old_evidence = evidence();
  std::vector<Source> sources;
  const auto keep = [&](const std::string& name) {
    const auto found =
        std::find_if(sources_.begin(), sources_.end(), [&](const Source& s) { return s.name == name; });
    if (found != sources_.end()) {
      sources.push_back(std::move(*found));
    } else if (name != kApiSource) {
      sources.push_back(Source{.name = name});
    }
  };
  for (const std::string& name : rules.deciders) keep(name);
  keep(std::string(kApiSource));
  const bool had_sources = !sources_.empty();
  sources_ = std::move(sources);
  if (had_sources && sources_.empty() && base_ == Base::down) base_ = Base::unknown;
  judge_base();

  const bool warned = breached_ > 0;
  std::vector<Limit> limits;
  breached_ = 0;
  for (LimitRule& rule : rules.limits) {
    const auto found =
        std::find_if(limits_.begin(), limits_.end(), [&](const Limit& limit) { return limit.rule == rule; });
    if (found != limits_.end()) {
      limits.push_back(std::move(*found));
    } else {
      limits.emplace_back(rule);
    }
    for (const auto& [tags, state] : limits.back().series) {
      if (state.is_breached()) ++breached_;
    }
  }
  limits_ = std::move(limits);
  const bool all_gone_through =
      std::all_of(limits_.begin(), limits_.end(), [](const Limit& limit) { return limit.gone_through; });
  if (warned && breached_ == 0 && !assumed_warning_) {
    assumed_warning_ = true;
    assumed_since_ = now;
    assumed_reason_ = old_evidence;
  }
  if (all_gone_through) assumed_warning_ = false;
  rules_ = std::move(rules);
  update_due();
  return settle(now, [] { return std::string("the settings changed"); });
}

Status StatusMachine::verdict() const {
  if (base_ == Base::down) return Status::offline;
  if (breached_ > 0 || assumed_warning_) return Status::warning;
  return base_ == Base::up ? Status::online : Status::unknown;
}

std::string StatusMachine::evidence() const {
  const Status now = verdict();
  if (now == Status::offline) {
    for (const Source& source : sources_) {
      if (source.verdict != Base::down) continue;
      return source.name + ": " + (source.reason.empty() ? "not available" : source.reason);
    }
    return assumed_reason_;
  }
  if (now != Status::warning) return {};
  for (const Limit& limit : limits_) {
    for (const auto& [tags, state] : limit.series) {
      if (state.is_breached()) return describe(limit.rule, tags, state.last_value());
    }
  }
  return assumed_reason_;
}

template <class ReasonUp>
std::optional<StatusTransition> StatusMachine::settle(BootTime now_boot, ReasonUp reason_up) {
  if (status_ == Status::maintenance) return std::nullopt;
  const Status now = verdict();
  if (now == status_) return std::nullopt;
  StatusTransition transition{status_, now, evidence()};
  if (now == Status::online || now == Status::unknown) transition.reason = reason_up();
  if (now == Status::offline) transition.began = outage_began(now_boot);
  status_ = now;
  changed_ = now_boot;
  return transition;
}

std::optional<BootTime> StatusMachine::outage_began(BootTime now) const {
  BootTime began = now;
  for (const Source& source : sources_) {
    if (source.verdict == Base::down && source.failing_since) began = std::min(began, *source.failing_since);
  }
  if (changed_) began = std::max(began, std::min(*changed_, now));
  if (began == now) return std::nullopt;
  return began;
}

}  // namespace vigile
