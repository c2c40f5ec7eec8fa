// SPDX-License-Identifier: Apache-2.0
// What `vigilectl cleanup --remote` needs of a server. The InfluxDB client implements it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace vigile {

struct RemoteCleanup {
  std::string sink;                     // its name in the settings
  std::string target;                   // where: URL and bucket, without secrets
  std::optional<std::uint64_t> points;  // that would go, or have gone; absent when the server does not tell
};

class RemoteData {
 public:
  virtual ~RemoteData() = default;
  // The names of the sinks whose data can be deleted. Errors: those of the settings.
  virtual Result<std::vector<std::string>> sinks() = 0;
  // Deletes a sink's points before a time; with an equipment's id only those with that tag. With `dry_run`
  // nothing is deleted.
  virtual Result<RemoteCleanup> delete_before(const std::string& sink, std::int64_t before_ns,
                                              const std::string& equipment_id, bool dry_run) = 0;
};

}  // namespace vigile
