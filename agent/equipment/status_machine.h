// SPDX-License-Identifier: Apache-2.0
// The status of one equipment. Pure: no I/O, no clock; one thread at a time.
//
// - Offline when any deciding source has failed `offline_after` times in a row, from the first of these
//   failures on (StatusTransition::began), but not from before the change before it; not offline any more
//   when all of them work, a source that failed again after `online_after` successes in a row. The source
//   "api" is what programs say over the socket; it counts from its first word on and decides at once.
// - Without a deciding source: online from the first reading on.
// - Warning while a limit is breached (limits.h) and it is not offline. A limit with tags is for the
//   series that have them; limits without tags do not judge those.
// - Maintenance begins and ends by hand or by end_maintenance(); sources and limits go on counting in it, and
//   at its end the status is what they say.
// - Any other status set by hand holds until the next evidence: what was counted is forgotten, and then
//   counts anew. `online` during maintenance is its end: a source that is down, or a limit that is breached,
//   is heard.
// - Evidence from before a restart or a reload (restore()) holds until there is other evidence:
//   offline until every source works (without one: until a reading); online until a source is down or a limit
//   is breached; warning until the metric of each limit has been gone through without one that is still
//   breached, or `patience` has passed, after which metrics that never came are not waited for. A metric has
//   been gone through at its first reading without tags, else when one of its series comes for the second
//   time: by then its siblings have come. What "api" said is remembered when it was the reason of an offline.
//   Limits take up where they were: a series whose first reading is not back to normal is still breached.
//   After a maintenance that was restored the status is unknown until there is evidence.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/tag.h"
#include "equipment/limits.h"
#include "equipment/status.h"

namespace vigile {

// The deciding source for what is said over the socket.
inline constexpr std::string_view kApiSource = "api";

struct StatusRules {
  std::vector<std::string> deciders;  // names of the driver instances that decide availability
  std::uint32_t offline_after = 2;
  std::uint32_t online_after = 1;
  std::vector<LimitRule> limits;
  // The longest interval between readings: a limit whose metric has not come within it is reported.
  std::chrono::nanoseconds longest_interval = {};
  // How long metrics of limits are waited for before a warning from before a restart goes away. More than the
  // longest interval between their readings.
  std::chrono::nanoseconds patience = std::chrono::hours(1);
  bool operator==(const StatusRules&) const = default;
};

struct StatusTransition {
  Status old_status = Status::unknown;
  Status new_status = Status::unknown;
  std::string reason;
  std::optional<BootTime> began = {};  // when it began, if that was before it was decided
  bool operator==(const StatusTransition&) const = default;
};

struct IdleLimit {
  LimitRule rule;
  std::optional<std::string> other_series;  // a series of its metric that it is not for: its tags
  bool operator==(const IdleLimit&) const = default;
};

class StatusMachine {
 public:
  explicit StatusMachine(StatusRules rules);

  // What was known before a restart; before anything else.
  void restore(Status status, std::string_view reason, BootTime now);

  // Each returns the change that it makes, if any. Times never decrease by more than the sources' jitter.

  // One answer of a source. Sources that the rules do not name are ignored: an instance that was taken out
  // may still end its last run.
  std::optional<StatusTransition> availability(std::string_view source, bool up, std::string_view reason,
                                               BootTime now);
  // A reading. `tags` in any order. Nothing is allocated when no limit is on the metric.
  std::optional<StatusTransition> value(std::string_view metric, std::span<const Tag> tags, double value,
                                        BootTime now);
  std::optional<StatusTransition> set(Status status, std::string_view reason, BootTime now);
  std::optional<StatusTransition> end_maintenance(std::string_view reason, BootTime now);
  // Limits that have been held long enough; the end of patience. Due at next_tick().
  std::optional<StatusTransition> tick(BootTime now);
  std::optional<BootTime> next_tick() const { return next_tick_; }

  // After a reload. Sources and limits that are as before keep what they counted; the status stays but for
  // what rested on a source or a limit that is gone: an offline that no source can end any more becomes
  // unknown, a warning of limits that were changed is confirmed or ended by their next readings.
  std::optional<StatusTransition> replace_rules(StatusRules rules, BootTime now);

  Status status() const { return status_; }
  bool has_limits() const { return !limits_.empty(); }
  // The limits that have judged no reading since they were set, but for those without tags whose metric has
  // come in series that all have a limit of their own.
  std::vector<IdleLimit> idle_limits() const;

 private:
  enum class Base : std::uint8_t { unknown, up, down };
  struct Source {
    std::string name;
    std::uint32_t failures = 0;  // in a row
    std::uint32_t successes = 0;
    Base verdict = Base::unknown;
    std::string reason;                     // of the last failure
    std::optional<BootTime> failing_since;  // the first failure in a row
  };
  struct Limit {
    explicit Limit(LimitRule limit_rule) : rule(std::move(limit_rule)) {}
    LimitRule rule;
    bool gone_through = false;
    bool has_judged = false;
    std::optional<std::string> other_series;                // the first of its metric that it was not for
    std::map<std::string, LimitState, std::less<>> series;  // by tags, "core=0 mount=/"
  };

  void judge(Source& source, bool up, std::string_view reason, BootTime now);
  void judge_base();
  void forget_evidence();
  void update_due();
  bool judges(const Limit& limit, std::string_view metric, std::span<const Tag> tags) const;
  std::string_view sorted_tags(std::span<const Tag> tags);
  // The change to what the evidence says now; `reason_up` says why it is online or unknown, if it is.
  template <class ReasonUp>
  std::optional<StatusTransition> settle(BootTime now, ReasonUp reason_up);
  // When an offline that is decided now began; absent: now.
  std::optional<BootTime> outage_began(BootTime now) const;
  Status verdict() const;
  // For offline and warning: the source that is down, the limit that is breached.
  std::string evidence() const;

  StatusRules rules_;
  Status status_ = Status::unknown;
  std::optional<BootTime> changed_;  // the last time, if any
  Base base_ = Base::unknown;
  std::vector<Source> sources_;
  std::vector<Limit> limits_;
  std::size_t breached_ = 0;  // series of all limits
  bool assumed_warning_ = false;
  BootTime assumed_since_{};
  std::string assumed_reason_;
  std::optional<BootTime> next_tick_;
  // Scratch, kept for its memory.
  std::vector<Tag> tag_order_;
  std::string tag_text_;
};

}  // namespace vigile
