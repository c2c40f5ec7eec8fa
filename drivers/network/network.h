// SPDX-License-Identifier: Apache-2.0
// Driver `network`: traffic, errors and drops of each interface, and the state of its link.
// Sources: /proc/net/dev, proc_pid_net(5); /sys/class/net/<interface>/{carrier,speed},
// Documentation/ABI/testing/sysfs-class-net.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kNetworkDriver;

// In the order of the metrics.
enum class NetCounter : std::size_t {
  rx_bytes,
  tx_bytes,
  rx_packets,
  tx_packets,
  rx_errors,
  tx_errors,
  rx_drops,
  tx_drops
};
inline constexpr std::size_t kNetCounters = 8;
using NetCounters = std::array<std::uint64_t, kNetCounters>;

struct InterfaceCounters {
  std::string name;
  NetCounters counters{};
};

// Replaces `out` by the interfaces of /proc/net/dev, in the order of the file. What stands before an error is
// kept. Errors: parse, with `file`, line and text.
Result<void> parse_net_dev(std::string_view text, std::string_view file, std::vector<InterfaceCounters>& out);

// By how much each counter rose in `seconds`; nothing when they started anew in between.
//
// A counter that went back is either that (the driver was loaded again, the interface made anew) or a counter
// of 32 bits that ran over. It is taken as run over only when it is the only one that went back, stood in
// the upper half of 32 bits, and what passed is no more than the link can carry (`speed_mbit`; 1 Gbit/s when
// unknown). A gap is honest; a false peak is not.
std::optional<NetCounters> counters_risen(const NetCounters& before, const NetCounters& now, double seconds,
                                          std::optional<std::int64_t> speed_mbit);

}  // namespace vigile
