// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vigile {

// A thing that is watched, as its points name it.
struct EquipmentIdentity {
  std::string id;
  std::string name;
  std::string type;        // camera, video-recorder, switch, server, access_point, router, pc, other
  std::string ip_address;  // may be empty
  bool operator==(const EquipmentIdentity&) const = default;
};

}  // namespace vigile
