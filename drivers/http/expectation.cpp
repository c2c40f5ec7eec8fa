// SPDX-License-Identifier: Apache-2.0
#include "drivers/http/expectation.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace vigile {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<long> status_code(std::string_view text) {
  text = trimmed(text);
  long code = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), code);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  if (code < 100 || code > 999) return std::nullopt;
  return code;
}

}  // namespace

Result<StatusSet> StatusSet::parse(std::string_view text) {
  const Error bad{ErrorKind::config,
                  "expect_status: \"" + std::string(text) + "\" is not like 200, or 200-399, or 200,301-308"};
  StatusSet set;
  set.text_ = trimmed(text);
  for (std::string_view rest = set.text_;;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view range = rest.substr(0, comma);
    const std::size_t dash = range.find('-');
    const auto first = status_code(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : status_code(range.substr(dash + 1));
    if (!first || !last || *first > *last) return bad;
    set.ranges_.emplace_back(*first, *last);
    if (comma == rest.size()) return set;
    rest.remove_prefix(comma + 1);
  }
}

bool StatusSet::contains(long status) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [status](const auto& range) { return range.first <= status && status <= range.second; });
}

void BodySearch::feed(std::string_view chunk) {
  if (found()) return;
  std::string text = std::move(tail_);
  text += chunk;
  found_ = text.find(wanted_) != std::string::npos;
  tail_ = found_ ? "" : text.substr(text.size() - std::min(text.size(), wanted_.size() - 1));
}

}  // namespace vigile
