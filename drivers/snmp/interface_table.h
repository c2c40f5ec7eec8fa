// SPDX-License-Identifier: Apache-2.0
// The counters of each interface of an agent: IF-MIB, RFC 2863. Those of 64 bits where it has them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drivers/snmp/counter_rate.h"
#include "drivers/snmp/table_walk.h"

namespace vigile::snmp {

// In the order of the driver's metrics.
enum class Traffic { rx_bytes, tx_bytes, rx_packets, tx_packets, rx_errors, tx_errors, rx_drops, tx_drops };
constexpr std::size_t kTraffics = 8;

struct Interface {
  std::string name;   // ifName, else ifDescr, else the index
  std::string alias;  // ifAlias: what the site calls it
  std::optional<bool> up;
  std::optional<double> speed_mbit;
  std::uint64_t discontinuity = 0;  // ifCounterDiscontinuityTime
  BootTime when;
  struct Counter {
    std::vector<SnmpValue> parts;  // packets: unicast, multicast, broadcast
  };
  Counter counters[kTraffics];
};

struct Interfaces {
  std::vector<Interface> list;  // in the order of their index
  std::vector<std::string>
      faults;  // columns that were not read to their end: "1.3.6.1.2.1.2.2.1.13: <cause>"
};

// Of all rows that any column has. Errors: as for walk_table().
Result<Interfaces> read_interfaces(int max_repetitions, const Clock& clock, const AskNext& ask);

// Growth a second of one of its counters; nothing when it cannot be told of one of its parts.
std::optional<double> traffic_rate(CounterMemory& memory, const Interface& one, Traffic which);

}  // namespace vigile::snmp
