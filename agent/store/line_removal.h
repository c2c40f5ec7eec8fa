// SPDX-License-Identifier: Apache-2.0
// Some lines taken out of a segment's, private to the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vigile {

struct LinesLeft {
  std::string lines;
  std::uint64_t removed = 0;
  std::int64_t removed_to_ns = INT64_MIN;  // the largest time among the removed
  // Smallest and largest time of what is left; absent when nothing is, or some line has no time that reads.
  std::optional<std::int64_t> first_ns;
  std::optional<std::int64_t> last_ns;
};

// Without those older than `before_ns` that have the tag, as ",key=value" written by append_tag(); of all
// lines when it is empty. Each line ends with '\n' and its time in nanoseconds; one without a time stays.
LinesLeft lines_left(std::string_view lines, std::string_view tag, std::int64_t before_ns);

}  // namespace vigile
