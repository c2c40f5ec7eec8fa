// SPDX-License-Identifier: Apache-2.0
#include "equipment/status.h"

namespace vigile {

std::string_view to_string(Status status) {
  switch (status) {
    case Status::unknown:
      return "unknown";
    case Status::online:
      return "online";
    case Status::warning:
      return "warning";
    case Status::offline:
      return "offline";
    case Status::maintenance:
      return "maintenance";
  }
  return "unknown";
}

std::optional<Status> parse_status(std::string_view text) {
  for (const Status status :
       {Status::unknown, Status::online, Status::warning, Status::offline, Status::maintenance}) {
    if (text == to_string(status)) return status;
  }
  if (text == "operational") return Status::online;
  return std::nullopt;
}

double status_value(Status status) {
  switch (status) {
    case Status::online:
      return 1;
    case Status::warning:
      return 0.5;
    case Status::offline:
      return 0;
    case Status::unknown:
    case Status::maintenance:
      break;
  }
  return -1;
}

}  // namespace vigile
