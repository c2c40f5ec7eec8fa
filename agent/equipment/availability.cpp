// SPDX-License-Identifier: Apache-2.0
#include "equipment/availability.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace vigile {

namespace {

Status status_of(const std::string& text) {
  return parse_status(text).value_or(Status::unknown);
}

void put_in_order(std::vector<StatusChange>& changes) {
  std::stable_sort(changes.begin(), changes.end(),
                   [](const StatusChange& a, const StatusChange& b) { return a.time_ns < b.time_ns; });
  // From here on time_ns is when the status began, and decided_after_ns leads back to when it was decided.
  std::int64_t before_ns = std::numeric_limits<std::int64_t>::min();
  for (StatusChange& change : changes) {
    const std::int64_t decided_ns = change.time_ns;
    change.decided_after_ns = std::max<std::int64_t>(change.decided_after_ns, 0);
    change.time_ns = std::max(decided_ns - change.decided_after_ns, std::min(before_ns, decided_ns));
    change.decided_after_ns = decided_ns - change.time_ns;
    before_ns = decided_ns;
  }
}

// In order, none empty, none touching another.
std::vector<TimeSpan> merged(std::vector<TimeSpan> gaps) {
  std::erase_if(gaps, [](const TimeSpan& gap) { return gap.to_ns <= gap.from_ns; });
  std::sort(gaps.begin(), gaps.end(),
            [](const TimeSpan& a, const TimeSpan& b) { return a.from_ns < b.from_ns; });
  std::vector<TimeSpan> result;
  for (const TimeSpan& gap : gaps) {
    if (!result.empty() && gap.from_ns <= result.back().to_ns) {
      result.back().to_ns = std::max(result.back().to_ns, gap.to_ns);
    } else {
      result.push_back(gap);
    }
  }
  return result;
}

// Adds up pieces of time, given in order, each of one status.
class Account {
 public:
  Account(TimeSpan span, const AvailabilityOptions& options) : options_(options) { report_.span = span; }

  void add(std::int64_t from_ns, std::int64_t to_ns, Status status, const std::string& reason) {
    const std::int64_t length = to_ns - from_ns;
    if (length <= 0) return;
    switch (status) {
      case Status::unknown:
        report_.unknown_ns += length;
        return;
      case Status::maintenance:
        report_.maintenance_ns += length;
        return;
      case Status::online:
        add_up(length);
        return;
      case Status::offline:
        add_down(from_ns, to_ns, reason);
        return;
      case Status::warning:
        report_.warning_ns += length;
        options_.warning_is_up ? add_up(length) : add_down(from_ns, to_ns, reason);
        return;
    }
  }

  // `end_ns`: up to where the span is told; `lasts`: and that is now.
  AvailabilityReport finish(std::int64_t end_ns, bool lasts) {
    if (lasts && in_outage_ && report_.downtime.back().to_ns == end_ns) report_.downtime.back().to_ns.reset();
    report_.outages = report_.downtime.size();
    for (const DowntimePeriod& outage : report_.downtime) {
      report_.longest_outage_ns = std::max(report_.longest_outage_ns, outage.down_ns);
    }
    const auto up = static_cast<double>(report_.up_ns);
    const auto down = static_cast<double>(report_.down_ns);
    if (report_.up_ns + report_.down_ns > 0) report_.availability_percent = 100 * up / (up + down);
    if (report_.outages > 0) {
      const auto outages = static_cast<double>(report_.outages);
      report_.mtbf_seconds = up / 1e9 / outages;
      report_.mttr_seconds = down / 1e9 / outages;
    }
    return std::move(report_);
  }

 private:
  void add_up(std::int64_t length) {
    report_.up_ns += length;
    in_outage_ = false;
  }
  void add_down(std::int64_t from_ns, std::int64_t to_ns, const std::string& reason) {
    report_.down_ns += to_ns - from_ns;
    if (!in_outage_) report_.downtime.push_back(DowntimePeriod{.from_ns = from_ns, .reason = reason});
    in_outage_ = true;
    report_.downtime.back().to_ns = to_ns;
    report_.downtime.back().down_ns += to_ns - from_ns;
  }

  const AvailabilityOptions options_;
  AvailabilityReport report_;
  bool in_outage_ = false;
};

}  // namespace

AvailabilityReport calculate_availability(std::vector<StatusChange> changes, std::vector<TimeSpan> gaps,
                                          TimeSpan span, std::int64_t now_ns,
                                          const AvailabilityOptions& options) {
  put_in_order(changes);
  gaps = merged(std::move(gaps));
  Account account(span, options);
  if (span.to_ns <= span.from_ns) return account.finish(span.to_ns, false);

  const std::int64_t end_ns = std::clamp(now_ns, span.from_ns, span.to_ns);
  auto change = changes.begin();
  auto gap = gaps.begin();
  Status status = Status::unknown;
  std::string reason;
  for (std::int64_t at = span.from_ns; at < end_ns;) {
    for (; change != changes.end() && change->time_ns <= at; ++change) {
      status = status_of(change->new_status);
      reason = change->reason;
    }
    while (gap != gaps.end() && gap->to_ns <= at) ++gap;
    std::int64_t next = end_ns;
    if (change != changes.end()) next = std::min(next, change->time_ns);
    const bool in_gap = gap != gaps.end() && gap->from_ns <= at;
    if (gap != gaps.end()) next = std::min(next, in_gap ? gap->to_ns : gap->from_ns);
    account.add(at, next, in_gap ? Status::unknown : status, reason);
    at = next;
  }
  account.add(end_ns, span.to_ns, Status::unknown, {});
  return account.finish(end_ns, span.to_ns >= now_ns);
}

std::vector<StatusPeriod> status_history(std::vector<StatusChange> changes, std::vector<TimeSpan> gaps,
                                         TimeSpan span, std::int64_t now_ns) {
  put_in_order(changes);
  gaps = merged(std::move(gaps));
  std::vector<StatusPeriod> periods;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const bool is_last = i + 1 == changes.size();
    StatusPeriod period;
    period.old_status = status_of(changes[i].old_status);
    period.status = status_of(changes[i].new_status);
    period.from_ns = changes[i].time_ns;
    period.decided_ns = period.from_ns + changes[i].decided_after_ns;
    if (!is_last) period.to_ns = changes[i + 1].time_ns;
    period.reason = std::move(changes[i].reason);
    const bool made_in_it = period.from_ns >= span.from_ns && period.from_ns < span.to_ns;
    const bool held_in_it = period.from_ns < span.from_ns && (is_last || *period.to_ns > span.from_ns);
    if (span.to_ns <= span.from_ns || (!made_in_it && !held_in_it)) continue;
    const std::int64_t end_ns = period.to_ns.value_or(std::max(now_ns, period.from_ns));
    for (const TimeSpan& gap : gaps) {
      period.unwatched_ns +=
          std::max<std::int64_t>(0, std::min(gap.to_ns, end_ns) - std::max(gap.from_ns, period.from_ns));
    }
    periods.push_back(std::move(period));
  }
  return periods;
}

}  // namespace vigile
