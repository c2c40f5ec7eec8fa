// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "store/log.h"
#include "store/segment.h"

namespace vigile {

// Readings that the log has not been able to take for a while: what a sink may have from memory. The log
// comes first (DESIGN §2); but a disk that is full, read-only or broken keeps nobody from being told.
class WaitingReadings {
 public:
  virtual ~WaitingReadings() = default;

  // Up to `limits` of what waits and `sink` has not had, from the number `from` on, in order, only what is
  // ready to be sent (clock not unset). Empty while the log takes what comes, and until it has failed to for
  // a few seconds. `seq` is a number of its own kind, for sent() alone. Any thread.
  virtual std::vector<StoredSegment> read_waiting(std::string_view sink, std::uint64_t from,
                                                  const ReadLimits& limits) = 0;
  // The sink has these for good. It is not given them again, neither from here nor, once they are committed,
  // from the log; a power cut before that repeats them. Any thread.
  virtual void sent(std::string_view sink, SeqRange numbers) = 0;
};

}  // namespace vigile
