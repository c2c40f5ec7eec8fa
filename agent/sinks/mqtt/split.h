// SPDX-License-Identifier: Apache-2.0
// Cuts a batch into messages at line boundaries. Pure but for zlib; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "point/payload.h"
#include "sinks/mqtt/settings.h"

namespace vigile::mqtt_sink {

// A line boundary within a batch.
struct Position {
  std::size_t payload = 0;  // index
  std::size_t offset = 0;   // in its lines, in bytes; 0 or after a '\n'
  std::uint64_t lines = 0;  // of the batch, before here
  bool operator==(const Position&) const = default;
};

struct Message {
  std::string text;              // lines each ended by '\n', or one JSON object
  std::uint64_t first_line = 0;  // from 1, within the batch
  std::uint64_t lines = 0;
  Position end;
  // Not empty: this one line cannot be sent, and why. `text` is then the line as it stands in the log.
  std::string refusal;
};

class Splitter {
 public:
  // Starts at `from`, which an earlier Message::end named. The payloads outlive it.
  Splitter(std::span<const Payload> payloads, Position from, PayloadFormat format);

  // The next message: as many lines as fit into `wanted_bytes`; a single line that is larger goes alone, and
  // is refused when larger than `most_bytes` (the broker's limit). Absent at the end. Errors: corrupt.
  Result<std::optional<Message>> next(std::uint64_t wanted_bytes, std::uint64_t most_bytes);

 private:
  // The next line, with its end, without moving; absent at the end of the batch.
  Result<std::optional<std::string_view>> peek();
  void advance(std::size_t line_bytes);

  const std::span<const Payload> payloads_;
  const PayloadFormat format_;
  Position position_;
  std::string lines_;      // of payloads_[position_.payload], inflated
  bool inflated_ = false;  // lines_ holds them
};

}  // namespace vigile::mqtt_sink
