// SPDX-License-Identifier: Apache-2.0
// Random walks of the status machine: against a model that looks at everything that was ever said, and across
// restarts.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "equipment/status_machine.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int below(int n) { return static_cast<int>(engine_() % static_cast<unsigned>(n)); }

 private:
  std::mt19937 engine_;
};

struct Said {
  BootTime at;
  double value = 0;
};

// One series as the rules see it: metric, and the tags that tell it apart.
struct Series {
  std::string_view metric;
  std::string_view core;
  auto operator<=>(const Series&) const = default;
};
constexpr Series kSeries[] = {{"m", "0"}, {"m", "1"}, {"t", ""}};

StatusRules random_rules(Random& random) {
  StatusRules rules;
  for (int i = random.below(3); i > 0; --i) rules.deciders.push_back(i == 1 ? "a" : "b");
  rules.offline_after = static_cast<std::uint32_t>(1 + random.below(3));
  rules.online_after = static_cast<std::uint32_t>(1 + random.below(3));
  if (random.below(4) > 0) {
    rules.limits.push_back(
        {.metric = "m", .above = 90, .clear = 80, .held = std::chrono::seconds(random.below(3) * 5)});
  }
  if (random.below(2) > 0) rules.limits.push_back({.metric = "t", .below = 90});
  return rules;
}

class Model {
 public:
  explicit Model(const StatusRules& rules) : rules_(rules) {
    for (const std::string& name : rules.deciders) answers_[name];
  }

  void say(const std::string& source, bool up) {
    answers_[source].push_back(up);
    bool all_up = true;
    bool any_down = false;
    for (const auto& [name, said] : answers_) {
      const int verdict = verdict_of(said);
      all_up = all_up && verdict > 0;
      any_down = any_down || verdict < 0;
    }
    if (any_down) base_ = -1;
    if (all_up) base_ = 1;
  }
  void read(const Series& series, BootTime at, double value) {
    readings_[series].push_back({at, value});
    if (answers_.empty()) base_ = 1;
  }
  Status status(BootTime now) const {
    if (base_ < 0) return Status::offline;
    for (const auto& [series, readings] : readings_) {
      for (const LimitRule& rule : rules_.limits) {
        if (rule.metric == series.metric && is_breached(rule, readings, now)) return Status::warning;
      }
    }
    return base_ > 0 ? Status::online : Status::unknown;
  }

 private:
  // Which run was completed last: that of failures (-1) or of successes (1).
  int verdict_of(const std::vector<bool>& said) const {
    int verdict = 0;
    for (std::size_t end = 1; end <= said.size(); ++end) {
      const auto is_run = [&](bool up, std::size_t length) {
        if (length > end) return false;
        return std::all_of(said.begin() + static_cast<std::ptrdiff_t>(end - length),
                           said.begin() + static_cast<std::ptrdiff_t>(end),
                           [&](bool answer) { return answer == up; });
      };
      if (is_run(false, rules_.offline_after)) verdict = -1;
      if (is_run(true, rules_.online_after)) verdict = 1;
    }
    return verdict;
  }
  // The walk ticks before each reading, so a limit that was held until then was breached.
  static bool is_breached(const LimitRule& rule, const std::vector<Said>& readings, BootTime now) {
    bool is_breached = false;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      const double value = readings[i].value;
      const bool past = rule.above ? value > *rule.above : value < *rule.below;
      const double back = rule.clear.value_or(rule.above ? *rule.above : *rule.below);
      if (is_breached && (rule.above ? value <= back : value >= back)) is_breached = false;
      if (is_breached || !past) continue;
      std::size_t first = i;
      while (first > 0 && (rule.above ? readings[first - 1].value > *rule.above
                                      : readings[first - 1].value < *rule.below)) {
        --first;
      }
      const BootTime until = i + 1 < readings.size() ? readings[i + 1].at : now;
      if (until - readings[first].at >= rule.held) is_breached = true;
    }
    return is_breached;
  }

  const StatusRules rules_;
  int base_ = 0;
  std::map<std::string, std::vector<bool>> answers_;
  std::map<Series, std::vector<Said>> readings_;
};

std::optional<StatusTransition> read(StatusMachine& machine, const Series& series, double value,
                                     BootTime now) {
  const Tag tag{"core", series.core};
  return machine.value(series.metric, series.core.empty() ? std::span<const Tag>() : std::span(&tag, 1),
                       value, now);
}

TEST(StatusMachineWalk, IsWhatTheModelSays) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    const StatusRules rules = random_rules(random);
    StatusMachine machine(rules);
    Model model(rules);
    BootTime now{100s};
    Status told = Status::unknown;
    const auto note = [&](const std::optional<StatusTransition>& transition) {
      if (!transition) return;
      EXPECT_EQ(transition->old_status, told);
      EXPECT_NE(transition->new_status, told);
      EXPECT_FALSE(transition->reason.empty());
      told = transition->new_status;
    };
    for (int step = 0; step < 80; ++step) {
      now += std::chrono::seconds(random.below(4));
      note(machine.tick(now));
      switch (random.below(4)) {
        case 0:
        case 1: {
          if (rules.deciders.empty()) break;
          const std::string& source =
              rules.deciders[static_cast<std::size_t>(random.below(static_cast<int>(rules.deciders.size())))];
          const bool up = random.below(2) > 0;
          note(machine.availability(source, up, "said so", now));
          model.say(source, up);
          break;
        }
        default: {
          const Series& series = kSeries[random.below(3)];
          const double value = 75 + random.below(21);
          note(read(machine, series, value, now));
          model.read(series, now, value);
        }
      }
      ASSERT_EQ(machine.status(), model.status(now)) << "seed " << seed << " step " << step;
      ASSERT_EQ(machine.status(), told);
    }
  }
}

// Whatever the status is, if all that decides goes on saying what it said, a restart (or a reload of the same
// rules) changes nothing.
TEST(StatusMachineWalk, ARestartMakesNoFalseChange) {
  std::map<Status, int> seen;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    const StatusRules rules = random_rules(random);
    StatusMachine machine(rules);
    BootTime now{100s};
    std::string reason;
    const auto note = [&](const std::optional<StatusTransition>& transition) {
      if (transition) reason = transition->reason;
    };
    std::map<std::string, bool> answer;
    std::map<Series, double> reading;
    const auto one_run = [&](StatusMachine& of, auto use) {
      for (const auto& [source, up] : answer) {
        for (int i = 0; i < 3; ++i) use(of.availability(source, up, "said so", now));
      }
      for (const auto& [series, value] : reading) use(read(of, series, value, now));
      now += 10s;
      use(of.tick(now));
    };
    for (int round = 0; round < 4; ++round) {
      for (const std::string& source : rules.deciders) answer[source] = random.below(4) > 0;
      for (const Series& series : kSeries) reading[series] = 75 + random.below(21);
      one_run(machine, note);
    }
    if (rules.deciders.empty() && random.below(3) == 0)
      note(machine.availability("api", random.below(2) > 0, "said so", now));
    note(machine.tick(now));
    ++seen[machine.status()];

    StatusMachine restarted(rules);
    restarted.restore(machine.status(), reason, now);
    for (int round = 0; round < 4; ++round) {
      one_run(restarted, [&](const std::optional<StatusTransition>& change) {
        ASSERT_FALSE(change) << "seed " << seed << ": " << to_string(change->old_status) << " to "
                             << to_string(change->new_status) << ": " << change->reason;
      });
      ASSERT_FALSE(restarted.replace_rules(rules, now));
    }
  }
  for (const Status status : {Status::online, Status::warning, Status::offline}) EXPECT_GT(seen[status], 100);
}

}  // namespace
}  // namespace vigile
