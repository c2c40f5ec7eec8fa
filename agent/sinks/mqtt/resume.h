// SPDX-License-Identifier: Apache-2.0
// Where to go on when a batch comes back after a loss: what the broker has acknowledged of it need not be
// published again. Holds no lines but rejected ones; forgets everything when another batch comes. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "point/payload.h"
#include "sinks/mqtt/split.h"
#include "sinks/sink.h"

namespace vigile::mqtt_sink {

class Resume {
 public:
  // A try begins. The batch counts as the same when its payloads are those of the last try, or one run begins
  // with the other (the loop shrinks batches after a loss).
  void begin(std::span<const Payload> payloads);
  // Everything before this is acknowledged, or rejected.
  const Position& done() const { return done_; }
  void advance(Position done) { done_ = done; }
  void reject(RejectedLine line) { rejected_.push_back(std::move(line)); }
  // The rejected lines of the whole batch; forgets the batch.
  std::vector<RejectedLine> finish();

 private:
  struct Identity {
    std::uint64_t hash;
    std::size_t deflate_bytes;
    std::uint32_t raw_bytes;
    std::uint32_t crc32;
    std::uint32_t points;
    bool operator==(const Identity&) const = default;
  };
  static Identity identity(const Payload& payload);

  std::vector<Identity> payloads_;
  Position done_;
  std::vector<RejectedLine> rejected_;
};

}  // namespace vigile::mqtt_sink
