// SPDX-License-Identifier: Apache-2.0
#include "equipment/directory.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vigile {

namespace {

using namespace std::chrono_literals;

// A limit's time counts from the start of the run that read it, and the reading that ends it comes at the end
// of its run: without this, a slow driver would make a warning of nothing.
constexpr std::chrono::nanoseconds kReadingGrace = 5s;
constexpr std::chrono::nanoseconds kLookAtWallClock = 60s;

constexpr std::string_view kTakenOut = "taken out of the settings";

// Reasons come from people and servers. One line, so that the log and what a server holds of it are the same.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace

EquipmentDirectory::EquipmentDirectory(WatchedSite site, std::function<Stamp()> stamp, ChangeIntake intake)
    : stamp_(std::move(stamp)), intake_(std::move(intake)) {
  replace(std::move(site));
}

void EquipmentDirectory::restore(const std::vector<StatusChange>& last_changes) {
  const MutexLock lock(mutex_);
  const Stamp stamp = stamp_();
  for (const StatusChange& change : last_changes) {
    had_status_.insert(change.equipment_id);
    const Status status = parse_status(change.new_status).value_or(Status::unknown);
    Entry* const entry = find_entry(change.equipment_id);
    if (entry == nullptr) {
      if (status == Status::unknown) continue;
      const EquipmentLines lines(format_, {.id = change.equipment_id}, {});
      emit_line(lines,
                {.equipment_id = change.equipment_id,
                 .time_ns = stamp.now_ns,
                 .old_status = change.new_status,
                 .new_status = std::string(to_string(Status::unknown)),
                 .reason = std::string(kTakenOut)},
                stamp.clock);
      continue;
    }
    entry->machine.restore(status, change.reason, stamp.boot);
    entry->reason = change.reason;
    entry->since_ns = change.time_ns - change.decided_after_ns;
    if (status == Status::maintenance) entry->until_ns = change.until_ns;
  }
  wakeup_.notify();
}

void EquipmentDirectory::replace(WatchedSite site) {
  const MutexLock lock(mutex_);
  const Stamp stamp = stamp_();
  auto old = std::exchange(entries_, {});
  format_ = std::move(site.format);
  for (WatchedEquipment& watched : site.equipment) {
    const auto found = std::find_if(old.begin(), old.end(), [&](const auto& entry) {
      return entry != nullptr && entry->about.identity.id == watched.identity.id;
    });
    std::optional<StatusTransition> transition;
    std::unique_ptr<Entry> entry;
    if (found == old.end()) {
      entry = std::make_unique<Entry>(std::move(watched));
    } else {
      entry = std::move(*found);
      const bool same_rules = entry->about.rules == watched.rules;
      entry->about = std::move(watched);
      if (!same_rules) entry->first_at.reset();
      if (!same_rules) transition = entry->machine.replace_rules(entry->about.rules, stamp.boot);
    }
    entry->lines = std::make_shared<EquipmentLines>(format_, entry->about.identity, entry->about.tags);
    if (transition) emit(*entry, *transition, std::nullopt, stamp);
    entries_.push_back(std::move(entry));
  }
  for (const auto& entry : old) {
    if (entry == nullptr || entry->machine.status() == Status::unknown) continue;
    emit(*entry, {entry->machine.status(), Status::unknown, std::string(kTakenOut)}, std::nullopt, stamp);
  }
  index();
  wakeup_.notify();
}

void EquipmentDirectory::index() {
  by_id_.clear();
  for (const auto& entry : entries_) by_id_.emplace(entry->about.identity.id, entry.get());
}

EquipmentDirectory::Entry* EquipmentDirectory::find_entry(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

Error EquipmentDirectory::not_found(std::string_view id) const {
  constexpr std::size_t kMostIds = 20;
  std::string message = "no equipment \"" + std::string(id) + "\"; there is ";
  if (entries_.empty()) message += "none";
  for (std::size_t i = 0; i < std::min(entries_.size(), kMostIds); ++i) {
    message += (i > 0 ? ", " : "") + entries_[i]->about.identity.id;
  }
  if (entries_.size() > kMostIds) message += ", …";
  return {ErrorKind::not_found, message};
}

void EquipmentDirectory::emit(Entry& entry, const StatusTransition& transition,
                              std::optional<std::int64_t> until_ns, const Stamp& stamp) {
  entry.reason = one_line(transition.reason);
  entry.until_ns = until_ns;
  entry.since_ns.reset();
  entry.since_boot.reset();
  const BootTime began = transition.began ? std::min(*transition.began, stamp.boot) : stamp.boot;
  const std::int64_t decided_after_ns = transition.began ? (stamp.boot - began).count() : 0;
  if (stamp.clock == ClockState::unset) {
    entry.since_boot = began;
  } else {
    entry.since_ns = stamp.now_ns - decided_after_ns;
  }
  emit_line(*entry.lines,
            {.equipment_id = entry.about.identity.id,
             .time_ns = stamp.now_ns,
             .old_status = std::string(to_string(transition.old_status)),
             .new_status = std::string(to_string(transition.new_status)),
             .reason = entry.reason,
             .until_ns = until_ns,
             .decided_after_ns = decided_after_ns},
            stamp.clock);
}

void EquipmentDirectory::emit_line(const EquipmentLines& lines, const StatusChange& change,
                                   ClockState clock) {
  const bool is_first = had_status_.insert(change.equipment_id).second;
  std::string line;
  (void)lines.append_status_change(change, is_first, line);
  intake_(change, line, clock);
}

void EquipmentDirectory::notify_if_moved(const Entry& entry, std::optional<BootTime> was_due) {
  const auto due = entry.machine.next_tick();
  if (due && due != was_due) wakeup_.notify();
}

void EquipmentDirectory::availability(std::string_view id, std::string_view source, bool up,
                                      std::string_view reason, BootTime at) {
  const MutexLock lock(mutex_);
  Entry* const entry = find_entry(id);
  if (entry == nullptr) return;
  const auto transition = entry->machine.availability(source, up, reason, at);
  if (transition) emit(*entry, *transition, std::nullopt, stamp_());
}

void EquipmentDirectory::value(std::string_view id, std::string_view metric, std::span<const Tag> tags,
                               double value, BootTime at) {
  const MutexLock lock(mutex_);
  Entry* const entry = find_entry(id);
  if (entry == nullptr) return;
  if (std::isfinite(value)) {
    entry->last_metric.assign(metric);
    entry->last_value = value;
    entry->last_at = at;
    if (!entry->first_at) entry->first_at = at;
  }
  // What all series of the equipment carry tells none of them from another.
  const auto& common = entry->about.tags;
  if (!common.empty() && entry->machine.has_limits()) {
    own_tags_.clear();
    for (const Tag& tag : tags) {
      const auto is_common = [&](const auto& known) {
        return known.first == tag.key && known.second == tag.value;
      };
      if (std::none_of(common.begin(), common.end(), is_common)) own_tags_.push_back(tag);
    }
    tags = own_tags_;
  }
  const auto was_due = entry->machine.next_tick();
  const auto transition = entry->machine.value(metric, tags, value, at);
  if (transition) emit(*entry, *transition, std::nullopt, stamp_());
  notify_if_moved(*entry, was_due);
}

Result<EquipmentState> EquipmentDirectory::set_status(std::string_view id, Status status,
                                                      std::string_view reason,
                                                      std::optional<std::int64_t> until_ns) {
  const MutexLock lock(mutex_);
  const Stamp stamp = stamp_();
  Entry* const entry = find_entry(id);
  if (entry == nullptr) return not_found(id);
  if (until_ns && status != Status::maintenance) {
    return Error{ErrorKind::config, "until: only a maintenance ends by itself"};
  }
  if (until_ns && stamp.clock != ClockState::unset && *until_ns <= stamp.now_ns) {
    return Error{ErrorKind::config, "until: " + to_iso8601(wall_from_ns(*until_ns)) + " is past"};
  }
  auto transition = entry->machine.set(status, reason, stamp.boot);
  const bool in_maintenance = entry->machine.status() == Status::maintenance;
  if (!transition && in_maintenance && (entry->until_ns != until_ns || entry->reason != reason)) {
    transition = StatusTransition{Status::maintenance, Status::maintenance, std::string(reason)};
  }
  if (transition) emit(*entry, *transition, until_ns, stamp);
  wakeup_.notify();
  return state(*entry, stamp);
}

std::optional<BootTime> EquipmentDirectory::tick() {
  std::optional<BootTime> next;
  const auto earliest = [&](BootTime due) {
    if (!next || due < *next) next = due;
  };
  const MutexLock lock(mutex_);
  const Stamp stamp = stamp_();
  for (const auto& entry : entries_) {
    StatusMachine& machine = entry->machine;
    if (machine.next_tick() && *machine.next_tick() + kReadingGrace <= stamp.boot) {
      if (const auto transition = machine.tick(stamp.boot - kReadingGrace)) {
        emit(*entry, *transition, std::nullopt, stamp);
      }
    }
    if (entry->until_ns && stamp.clock != ClockState::unset && *entry->until_ns <= stamp.now_ns) {
      if (const auto transition = machine.end_maintenance("maintenance ended", stamp.boot)) {
        emit(*entry, *transition, std::nullopt, stamp);
      }
    }
    if (machine.next_tick()) earliest(*machine.next_tick() + kReadingGrace);
    if (!entry->until_ns) continue;
    const auto left = stamp.clock == ClockState::unset
                          ? kLookAtWallClock
                          : std::chrono::nanoseconds(*entry->until_ns - stamp.now_ns);
    earliest(stamp.boot + std::min(left, kLookAtWallClock));
  }
  return next;
}

EquipmentState EquipmentDirectory::state(const Entry& entry, const Stamp& stamp) const {
  // Both clocks at one moment, so a time on one is a time on the other.
  const auto on_wall = [&](BootTime time) -> std::optional<std::int64_t> {
    if (stamp.clock == ClockState::unset) return std::nullopt;
    return stamp.now_ns - (stamp.boot - time).count();
  };
  EquipmentState state;
  state.id = entry.about.identity.id;
  state.name = entry.about.identity.name;
  state.type = entry.about.identity.type;
  state.ip_address = entry.about.identity.ip_address;
  state.status = entry.machine.status();
  state.reason = entry.reason;
  state.since_ns = entry.since_boot ? on_wall(*entry.since_boot) : entry.since_ns;
  state.until_ns = entry.until_ns;
  if (entry.last_at) {
    state.last_metric = entry.last_metric;
    state.last_value = entry.last_value;
    state.last_reading_ns = on_wall(*entry.last_at);
  }
  return state;
}

std::vector<EquipmentState> EquipmentDirectory::list() const {
  const MutexLock lock(mutex_);
  const Stamp stamp = stamp_();
  std::vector<EquipmentState> states;
  states.reserve(entries_.size());
  for (const auto& entry : entries_) states.push_back(state(*entry, stamp));
  return states;
}

std::vector<std::string> EquipmentDirectory::idle_limits() const {
  const MutexLock lock(mutex_);
  const Stamp stamp = stamp_();
  std::vector<std::string> sentences;
  for (const auto& entry : entries_) {
    const auto waited = entry->about.rules.longest_interval;
    if (!entry->first_at || stamp.boot < *entry->first_at + waited) continue;
    for (const auto& [rule, other_series] : entry->machine.idle_limits()) {
      std::string tags;
      for (const auto& [key, value] : rule.tags) tags += (tags.empty() ? "" : ",") + key + "=" + value;
      const std::string what = rule.metric + (tags.empty() ? "" : "{" + tags + "}");
      const std::string why = !other_series           ? "no reading of " + rule.metric + " has come"
                              : other_series->empty() ? "its readings have no tags"
                                                      : "its readings have other tags, as " + *other_series;
      sentences.push_back("equipment " + entry->about.identity.id + ": the limit on " + what +
                          " has judged nothing yet: " + why);
    }
  }
  return sentences;
}

Result<EquipmentState> EquipmentDirectory::find(std::string_view id) const {
  const MutexLock lock(mutex_);
  const Stamp stamp = stamp_();
  const Entry* const entry = find_entry(id);
  if (entry == nullptr) return not_found(id);
  return state(*entry, stamp);
}

Result<std::shared_ptr<const EquipmentLines>> EquipmentDirectory::lines(std::string_view id) const {
  const MutexLock lock(mutex_);
  const Entry* const entry = find_entry(id);
  if (entry == nullptr) return not_found(id);
  return entry->lines;
}

}  // namespace vigile
