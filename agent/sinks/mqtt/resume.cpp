// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/resume.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

namespace vigile::mqtt_sink {

Resume::Identity Resume::identity(const Payload& payload) {
  return Identity{std::hash<std::string_view>()(payload.deflate), payload.deflate.size(), payload.raw_bytes,
                  payload.crc32, payload.points};
}

void Resume::begin(std::span<const Payload> payloads) {
  std::vector<Identity> identities;
  identities.reserve(payloads.size());
  for (const Payload& payload : payloads) identities.push_back(identity(payload));
  const std::size_t common = std::min(identities.size(), payloads_.size());
  const bool same = std::equal(identities.begin(), identities.begin() + static_cast<std::ptrdiff_t>(common),
                               payloads_.begin());
  payloads_ = std::move(identities);
  if (!same || common == 0) {
    done_ = Position();
    rejected_.clear();
    return;
  }
  if (done_.payload < payloads_.size()) return;
  // A shorter batch, all of it done: lines past its end are no longer this batch's.
  done_ = Position();
  done_.payload = payloads_.size();
  for (const Payload& payload : payloads) done_.lines += payload.points;
  std::erase_if(rejected_, [this](const RejectedLine& line) { return line.number > done_.lines; });
}

std::vector<RejectedLine> Resume::finish() {
  payloads_.clear();
  done_ = Position();
  return std::exchange(rejected_, {});
}

}  // namespace vigile::mqtt_sink
