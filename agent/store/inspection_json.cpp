// SPDX-License-Identifier: Apache-2.0
#include "store/inspection_json.h"

#include <nlohmann/json.hpp>

namespace vigile {

std::string inspection_json(const StoreInspection& found) {
  using Json = nlohmann::ordered_json;
  const Json json = {{"sound", found.is_sound()},
                     {"schema", found.schema},
                     {"segments", found.segments},
                     {"points", found.points},
                     {"payload_bytes", found.payload_bytes},
                     {"damaged_segments", found.damaged_segments},
                     {"lost_points", found.lost_points},
                     {"lost_at_least", found.lost_at_least},
                     {"problems", found.problems},
                     {"more_problems", found.more_problems}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vigile
