// SPDX-License-Identifier: Apache-2.0
// The contract of a sink: carries one batch to a destination and says what came of it. Everything else
// (which segments, retry, backoff, isolation of bad lines, pacing) is the delivery loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/option.h"
#include "core/result.h"
#include "point/payload.h"
#include "sinks/check.h"

namespace vigile {

// A run of payloads to be sent together. The bytes belong to the caller and live until deliver() returns.
struct Batch {
  std::span<const Payload> payloads;
  std::uint64_t points = 0;
  std::uint64_t raw_bytes = 0;
};

// A line that the destination refused for good.
struct RejectedLine {
  std::uint64_t number = 0;  // from 1, counted over the whole batch; 0: known by its text alone
  std::string text;          // the line as the server quotes it; may be empty when numbered
  std::string reason;
};

// What a try came to: DESIGN §7's table.
struct Outcome {
  enum class Kind {
    accepted,  // all of it is stored
    partial,   // all but some lines is stored; `rejected` names those it can, `rejected_count` how many, 0:
               // unknown
    retry_later,  // nothing can be said; try again, after `retry_after` when the server said so
    paused,       // refused until somebody acts: token, database, topic
    too_large,    // the batch is larger than the destination takes
    malformed,    // nothing is stored because of at least one bad line
  };
  Kind kind = Kind::retry_later;
  std::string message;  // cause, bounded, without secrets; empty for accepted
  std::optional<std::chrono::nanoseconds> retry_after = {};
  std::vector<RejectedLine> rejected = {};
  std::uint64_t rejected_count = 0;
};

// Another client of the same name at the destination: each ends the other's connection (MQTT).
struct SinkConflict {
  std::string reason;       // what to report; empty: there is none now
  std::uint64_t count = 0;  // connections lost to it, since the start
};

// Used by one thread, its delivery's. deliver() blocks until the outcome is known, its own deadline (an
// option of the sink) has passed, or stop is requested, and then returns within a second.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Outcome deliver(const Batch& batch, std::stop_token stop) = 0;
  // Looks at what came while there was nothing to deliver. Does not block.
  virtual SinkConflict conflict() { return {}; }
  // The largest batch that the destination is known to take, in bytes of lines.
  virtual std::uint64_t max_batch_bytes() const = 0;
  // No destination of this kind has a limit below so many bytes of lines: a single line that is refused as
  // too large though it is shorter says that the path is broken, not the line. 0: any limit may be one.
  virtual std::uint64_t least_limit_bytes() const { return 0; }
  // Says goodbye where the protocol has one (MQTT: status offline, DISCONNECT), within `limit`.
  virtual void close(std::chrono::nanoseconds limit) = 0;
};

struct SinkEnvironment {
  const Clock& clock;
  std::string name;  // of this sink
  std::string site_id;
  std::string device;
};

struct SinkInfo {
  std::string_view kind;                // "influx"
  std::string_view summary;             // one sentence
  std::span<const OptionSpec> options;  // its own; `name`, `every`, `order`, `batch_bytes`, … are everybody's
  std::string_view missing = {};        // not in this build: why; then all but kind and summary is empty
  // Validates the options. No I/O but reading named certificate files. Errors: config.
  Result<std::unique_ptr<Sink>> (*make)(const Options&, const SinkEnvironment&) = nullptr;
  // Tries the destination without disturbing a daemon that delivers there: reports each step, stops where the
  // next one makes no sense. Blocks, for the sink's own deadlines at most. True: no step has failed.
  bool (*check)(const Options&, const SinkEnvironment&, const CheckReport&) = nullptr;
};

}  // namespace vigile
