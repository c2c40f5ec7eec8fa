// SPDX-License-Identifier: Apache-2.0
#include "store/line_removal.h"

#include <algorithm>
#include <charconv>

namespace vigile {

namespace {

// Whether the tags of a line hold `tag`, as ",key=value" written by append_tag().
bool has_tag(std::string_view line, std::string_view tag) {
  for (std::size_t i = 0; i < line.size() && line[i] != ' '; ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == ',' && line.substr(i).starts_with(tag)) {
      const std::size_t end = i + tag.size();
      if (end < line.size() && (line[end] == ',' || line[end] == ' ')) return true;
    }
  }
  return false;
}

std::int64_t time_of(std::string_view line) {
  const std::string_view digits = line.substr(line.rfind(' ') + 1);
  std::int64_t time = INT64_MAX;
  std::from_chars(digits.data(), digits.data() + digits.size(), time);
  return time;
}

}  // namespace

LinesLeft lines_left(std::string_view lines, std::string_view tag, std::int64_t before_ns) {
  LinesLeft left;
  std::int64_t first_ns = INT64_MAX;
  std::int64_t last_ns = INT64_MIN;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size() - 1);
    const std::string_view line = lines.substr(0, end);
    const std::int64_t time_ns = time_of(line);
    if (time_ns < before_ns && (tag.empty() || has_tag(line, tag))) {
      ++left.removed;
      left.removed_to_ns = std::max(left.removed_to_ns, time_ns);
    } else {
      left.lines += lines.substr(0, end + 1);
      first_ns = std::min(first_ns, time_ns);
      last_ns = std::max(last_ns, time_ns);
    }
    lines.remove_prefix(end + 1);
  }
  if (!left.lines.empty() && last_ns != INT64_MAX) {
    left.first_ns = first_ns;
    left.last_ns = last_ns;
  }
  return left;
}

}  // namespace vigile
