// SPDX-License-Identifier: Apache-2.0
// What nl80211 says of an interface, and of a station that it is linked with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

struct nlmsghdr;

namespace vigile::wireless {

struct Interface {
  std::uint32_t index = 0;
  std::string name;
  std::string ssid;
  std::optional<std::int64_t> frequency_mhz;
  bool is_station = false;  // a client of an access point
};

struct Station {
  std::string address;  // 02:00:00:00:00:01
  std::optional<std::int64_t> signal_dbm;
  std::optional<double> rx_mbit_per_s, tx_mbit_per_s;
  std::optional<std::uint64_t> rx_bytes, tx_bytes;
  std::optional<std::uint64_t> tx_retries, tx_failed;
  std::optional<std::uint64_t> connected_s;
};

// Of one message; absent when it is of another kind.
std::optional<Interface> parse_interface(nlmsghdr* message);
std::optional<Station> parse_station(nlmsghdr* message);

// A connection to the kernel. One thread. Errors: not_found (no nl80211: no Wi-Fi here), permission, io.
class Nl80211 {
 public:
  static Result<std::unique_ptr<Nl80211>> open();
  virtual ~Nl80211() = default;
  virtual Result<std::vector<Interface>> interfaces() = 0;
  virtual Result<std::vector<Station>> stations(std::uint32_t index) = 0;
};

}  // namespace vigile::wireless
