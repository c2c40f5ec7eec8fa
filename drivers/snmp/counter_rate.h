// SPDX-License-Identifier: Apache-2.0
// Rates of counters that wrap around, and of devices that start anew.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/clock.h"
#include "drivers/snmp/snmp_value.h"

namespace vigile::snmp {

// How much a counter grew. Nothing when that cannot be told: it went back without having wrapped around. A
// wrap is believed when the growth is no more than `most` (absent: half of the counter's range).
std::optional<std::uint64_t> growth(const SnmpValue& before, const SnmpValue& now,
                                    std::optional<double> most);

// Whether a device has run on between two readings of its sysUpTime (hundredths, 32 bits, wraps after 497
// days): the two are as far apart as our clock says, give or take a tenth and five seconds.
bool ran_on(std::uint32_t before, std::uint32_t now, std::chrono::nanoseconds between);

// The counters of one instance from one run to the next. What is not seen in a run is forgotten.
class CounterMemory {
 public:
  // Begins a run. `uptime`: sysUpTime, when the agent has it. After a restart all counters begin anew.
  void begin(BootTime now, std::optional<std::uint32_t> uptime);
  // Growth a second since the run before; nothing the first time, after a discontinuity (RFC 2863
  // ifCounterDiscontinuityTime changed) and when it cannot be told. `most_per_second` as for growth().
  std::optional<double> rate(const std::string& key, const SnmpValue& value, BootTime when,
                             std::uint64_t discontinuity = 0,
                             std::optional<double> most_per_second = std::nullopt);
  void end();

 private:
  struct Kept {
    SnmpValue value;
    BootTime when;
    std::uint64_t discontinuity = 0;
  };
  std::map<std::string, Kept> before_;
  std::map<std::string, Kept> now_;
  std::optional<std::uint32_t> uptime_;
  BootTime uptime_at_;
};

}  // namespace vigile::snmp
