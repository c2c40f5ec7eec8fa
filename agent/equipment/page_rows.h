// SPDX-License-Identifier: Apache-2.0
// The rows of one page: the smallest `limit` of all that are offered, after the last one of the page before.
// One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "equipment/service.h"

namespace vigile {

// What a series' tags (Reading::tags) are, unescaped.
std::vector<std::pair<std::string, std::string>> tag_pairs(std::string_view tags);

class PageRows {
 public:
  struct Row {
    std::int64_t time_ns = 0;
    std::string metric;
    std::string tags;
    double value = 0;
  };

  // Errors: config, for a `page` that no page returned.
  static Result<PageRows> make(std::uint64_t limit, std::string_view page);

  void offer(std::int64_t time_ns, std::string_view metric, std::string_view tags, double value);
  // There are more rows than the page takes: later times need not be offered.
  bool full() const { return rows_.size() > limit_; }
  // The time of the row that the page follows.
  std::optional<std::int64_t> after_ns() const;
  // Sorted, with `next`. Ends the use of this.
  MetricsPage take();

 private:
  struct Cursor {
    Row row;
    std::uint64_t repeats = 0;  // rows like it that were shown
  };

  std::uint64_t limit_ = 0;
  std::optional<Cursor> after_;
  std::uint64_t passed_ = 0;  // rows like after_'s that were offered
  std::vector<Row> rows_;     // a heap, the largest on top
};

}  // namespace vigile
