// SPDX-License-Identifier: Apache-2.0
#include "equipment/page_rows.h"

#include <algorithm>
#include <bit>
#include <tuple>
#include <utility>

#include "equipment/byte_coding.h"
#include "equipment/question_memory.h"
#include "point/line_decode.h"

namespace vigile {

namespace {

bool before(const PageRows::Row& a, const PageRows::Row& b) {
  return std::tie(a.time_ns, a.metric, a.tags, a.value) < std::tie(b.time_ns, b.metric, b.tags, b.value);
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace

// Apart at what is not escaped, as in "a=1,b=x\,y".
std::vector<std::pair<std::string, std::string>> tag_pairs(std::string_view tags) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto find = [](std::string_view text, char wanted) {
    std::size_t at = text.find(wanted);
    while (at != std::string_view::npos && at > 0 && text[at - 1] == '\\') at = text.find(wanted, at + 1);
    return std::min(at, text.size());
  };
  while (!tags.empty()) {
    const std::string_view tag = tags.substr(0, find(tags, ','));
    tags.remove_prefix(std::min(tag.size() + 1, tags.size()));
    const std::size_t equals = find(tag, '=');
    pairs.emplace_back(unescape(tag.substr(0, equals)),
                       unescape(tag.substr(std::min(equals + 1, tag.size()))));
  }
  return pairs;
}

Result<PageRows> PageRows::make(std::uint64_t limit, std::string_view page) {
  PageRows rows;
  rows.limit_ = limit;
  if (page.empty()) return rows;
  const auto bytes = from_hex(page);
  std::string_view in = bytes ? std::string_view(*bytes) : std::string_view();
  Cursor cursor;
  std::string_view metric;
  std::string_view tags;
  if (!get_signed(in, cursor.row.time_ns) || !get_text(in, metric) || !get_text(in, tags) ||
      !get_double(in, cursor.row.value) || !get_varint(in, cursor.repeats) || !in.empty()) {
    return Error{ErrorKind::config, "page: not the `next` of a page"};
  }
  cursor.row.metric = metric;
  cursor.row.tags = tags;
  rows.after_ = std::move(cursor);
  return rows;
}

void PageRows::offer(std::int64_t time_ns, std::string_view metric, std::string_view tags, double value) {
  const auto key = std::tie(time_ns, metric, tags, value);
  const auto key_of = [](const Row& row) {
    return std::tuple<std::int64_t, std::string_view, std::string_view, double>(row.time_ns, row.metric,
                                                                                row.tags, row.value);
  };
  if (after_) {
    const auto shown = key_of(after_->row);
    if (key < shown) return;
    if (!(shown < key) && ++passed_ <= after_->repeats) return;
  }
  // Tags are told apart in the page: each key and value is a text of its own.
  const std::uint64_t bytes = 2 * sizeof(MetricsPage::Row) + 2 * metric.size() + 4 * tags.size();
  if (!full() && !QuestionMemory::hold(bytes)) return;
  if (full()) {
    if (!(key < key_of(rows_.front()))) return;
    std::pop_heap(rows_.begin(), rows_.end(), before);
    rows_.pop_back();
  }
  rows_.push_back({time_ns, std::string(metric), std::string(tags), value});
  std::push_heap(rows_.begin(), rows_.end(), before);
}

std::optional<std::int64_t> PageRows::after_ns() const {
  if (!after_) return std::nullopt;
  return after_->row.time_ns;
}

MetricsPage PageRows::take() {
  std::sort_heap(rows_.begin(), rows_.end(), before);
  MetricsPage page;
  if (full()) {
    rows_.pop_back();
    const Row& last = rows_.back();
    const auto same = [&](const Row& row) { return !before(row, last) && !before(last, row); };
    auto repeats = static_cast<std::uint64_t>(std::count_if(rows_.begin(), rows_.end(), same));
    if (after_ && same(after_->row)) repeats += after_->repeats;
    std::string bytes;
    put_signed(last.time_ns, bytes);
    put_text(last.metric, bytes);
    put_text(last.tags, bytes);
    put_double(last.value, bytes);
    put_varint(repeats, bytes);
    page.next = to_hex(bytes);
  }
  page.rows.reserve(rows_.size());
  for (Row& row : rows_) {
    page.rows.push_back({row.time_ns, std::move(row.metric), row.value, tag_pairs(row.tags)});
  }
  return page;
}

}  // namespace vigile
