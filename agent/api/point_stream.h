// SPDX-License-Identifier: Apache-2.0
// The queue between the committing thread and one client of GET /api/agent/points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/mutex.h"

namespace vigile {

// Which lines a client wants; empty: all.
struct PointFilter {
  std::string measurement;  // the line's, unescaped
  std::string metric;       // the tag metric_name, or a field's key
  bool takes_all() const { return measurement.empty() && metric.empty(); }
  bool takes(std::string_view line) const;
};

// Never holds more than `limit_bytes`: what does not fit is dropped and counted, and "# dropped N lines"
// stands where it would have been. push() is the committing thread's and never blocks, read() the API's.
class PointQueue {
 public:
  PointQueue(PointFilter filter, std::size_t limit_bytes)
      : filter_(std::move(filter)), limit_bytes_(limit_bytes) {}

  // True when there is something to read now and there was nothing before.
  bool push(std::string_view lines) EXCLUDES(mutex_);
  std::size_t read(char* to, std::size_t room) EXCLUDES(mutex_);

 private:
  std::size_t waiting() const REQUIRES(mutex_) { return text_.size() - taken_; }
  void append(std::string_view line) REQUIRES(mutex_);
  void append_dropped() REQUIRES(mutex_);

  const PointFilter filter_;
  const std::size_t limit_bytes_;
  Mutex mutex_;
  std::string text_ GUARDED_BY(mutex_);
  std::size_t taken_ GUARDED_BY(mutex_) = 0;  // of text_, from its beginning
  std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vigile
