// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/history.h"

namespace vigile {

// Remembers nothing: reads are empty, writes fail.
class NoHistory final : public History {
 public:
  Result<void> read_segments(TimeSpan, bool, const std::function<bool(const StoredSegment&)>&) override {
    return {};
  }
  std::optional<std::int64_t> oldest_segment_ns() override { return std::nullopt; }
  std::optional<std::int64_t> removed_until_ns() override { return std::nullopt; }
  Result<std::vector<StoredSegment>> read_unsummarised(std::uint64_t, std::uint64_t) override {
    return std::vector<StoredSegment>{};
  }
  Result<void> store_summaries(const std::vector<SummaryRow>&, const SeqRanges&) override {
    return refusal();
  }
  std::uint64_t summaries_version() override { return 0; }
  Result<void> read_summaries(std::int64_t, std::int64_t,
                              const std::function<bool(const SummaryRow&)>&) override {
    return {};
  }
  Result<std::vector<StatusChange>> status_changes(std::string_view, TimeSpan, std::size_t) override {
    return std::vector<StatusChange>{};
  }
  Result<std::vector<StatusChange>> last_status_changes(std::string_view, std::int64_t) override {
    return std::vector<StatusChange>{};
  }
  Result<void> add_gap(TimeSpan) override { return refusal(); }
  Result<std::vector<TimeSpan>> gaps(TimeSpan) override { return std::vector<TimeSpan>{}; }
  std::optional<std::int64_t> last_alive_ns() override { return std::nullopt; }
  Result<void> set_last_alive(std::int64_t) override { return refusal(); }
  Result<RemovalReport> remove(std::int64_t, std::string_view, bool, bool, const Strip&) override {
    return refusal();
  }

 private:
  static Error refusal() { return Error{ErrorKind::io, "fake"}; }
};

}  // namespace vigile
