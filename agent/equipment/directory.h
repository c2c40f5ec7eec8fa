// SPDX-License-Identifier: Apache-2.0
// All equipment of the settings, with their statuses as they are now. What is seen of them comes in
// (availability(), value(), set_status()); each change goes out at once, as a row and a line.
//
// Any thread. Nothing is allocated for a reading of an equipment without limits that changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"
#include "core/tag.h"
#include "core/wakeup.h"
#include "equipment/equipment_lines.h"
#include "equipment/equipment_state.h"
#include "equipment/status_machine.h"
#include "store/segment.h"

namespace vigile {

// Now, on both clocks: `now_ns` as a segment's clock counts (from boot while that is unset).
struct Stamp {
  ClockState clock = ClockState::unset;
  BootTime boot{};
  std::int64_t now_ns = 0;
};

struct WatchedEquipment {
  EquipmentIdentity identity;
  std::map<std::string, std::string> tags;
  StatusRules rules;
};
struct WatchedSite {
  WireFormat format;
  std::vector<WatchedEquipment> equipment;
};

// Takes one change and its line ('\n' at its end), to be committed together. Called with the directory
// locked, so that changes come in their order: must not block on the disk, nor call the directory.
using ChangeIntake =
    std::function<void(const StatusChange& change, const std::string& line, ClockState clock)>;

class EquipmentDirectory {
 public:
  // `stamp` is called with the directory locked too, so that a later change never has an earlier time.
  EquipmentDirectory(WatchedSite site, std::function<Stamp()> stamp, ChangeIntake intake);

  // Once, before anything is seen: the last change of each equipment, from the log
  // (History::last_status_changes). What is not in the settings any more becomes unknown; a maintenance whose
  // end has passed ends at the first tick().
  void restore(const std::vector<StatusChange>& last_changes) EXCLUDES(mutex_);
  // On a reload. Statuses stay (StatusMachine::replace_rules); an equipment that was taken out becomes
  // unknown.
  void replace(WatchedSite site) EXCLUDES(mutex_);

  // What was seen; for whom is not known, nothing. See SampleObserver for the meaning.
  void availability(std::string_view id, std::string_view source, bool up, std::string_view reason,
                    BootTime at) EXCLUDES(mutex_);
  void value(std::string_view id, std::string_view metric, std::span<const Tag> tags, double value,
             BootTime at) EXCLUDES(mutex_);
  // By hand; see StatusMachine. `until_ns`: wall clock, of a maintenance only. Maintenance that is set again
  // with another reason or end is a change too. Errors: not_found, config (until).
  Result<EquipmentState> set_status(std::string_view id, Status status, std::string_view reason,
                                    std::optional<std::int64_t> until_ns) EXCLUDES(mutex_);

  // Does what is due: limits that were held long enough, maintenance that has ended. Returns when to be
  // called again, absent when nothing is to come. The thread that does so waits on wakeup(), which is
  // notified when that time moves. A limit is given a few seconds for the reading that may still end it; the
  // end of a maintenance is looked for at least once a minute, since the wall clock may be stepped.
  std::optional<BootTime> tick() EXCLUDES(mutex_);
  Wakeup& wakeup() { return wakeup_; }

  std::vector<EquipmentState> list() const EXCLUDES(mutex_);  // in the order of the settings
  // Limits of equipment that has been read for its longest interval, and of whose metric nothing has come:
  // one sentence each.
  std::vector<std::string> idle_limits() const EXCLUDES(mutex_);
  // Errors: not_found, which says what there is.
  Result<EquipmentState> find(std::string_view id) const EXCLUDES(mutex_);
  // What encodes for it. Shared: a reload may replace it while it is used. Errors: as find().
  Result<std::shared_ptr<const EquipmentLines>> lines(std::string_view id) const EXCLUDES(mutex_);

 private:
  struct Entry {
    explicit Entry(WatchedEquipment watched) : about(std::move(watched)), machine(about.rules) {}
    WatchedEquipment about;
    std::shared_ptr<const EquipmentLines> lines;
    StatusMachine machine;
    // Of the last change.
    std::string reason;
    std::optional<std::int64_t> since_ns;  // wall clock
    std::optional<BootTime> since_boot;    // instead, while the clock is unset
    std::optional<std::int64_t> until_ns;
    // The last reading.
    std::string last_metric;
    double last_value = 0;
    std::optional<BootTime> last_at;
    std::optional<BootTime> first_at;  // with the rules that it has
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  void index() REQUIRES(mutex_);
  Entry* find_entry(std::string_view id) const REQUIRES(mutex_);
  Error not_found(std::string_view id) const REQUIRES(mutex_);
  // Takes note of a change of `entry` and hands it out.
  void emit(Entry& entry, const StatusTransition& transition, std::optional<std::int64_t> until_ns,
            const Stamp& stamp) REQUIRES(mutex_);
  void emit_line(const EquipmentLines& lines, const StatusChange& change, ClockState clock) REQUIRES(mutex_);
  void notify_if_moved(const Entry& entry, std::optional<BootTime> was_due);
  EquipmentState state(const Entry& entry, const Stamp& stamp) const;

  const std::function<Stamp()> stamp_;
  const ChangeIntake intake_;
  Wakeup wakeup_;

  mutable Mutex mutex_;
  WireFormat format_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Entry>> entries_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, Entry*, Hash, std::equal_to<>> by_id_ GUARDED_BY(mutex_);
  std::set<std::string, std::less<>> had_status_ GUARDED_BY(mutex_);  // ids with any change, ever
  std::vector<Tag> own_tags_ GUARDED_BY(mutex_);                      // scratch, kept for its memory
};

}  // namespace vigile
