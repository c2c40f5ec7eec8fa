// SPDX-License-Identifier: Apache-2.0
#include "api/point_stream.h"

#include <algorithm>
#include <cstring>

#include "point/line_decode.h"

namespace vigile {

namespace {

constexpr std::size_t kKeptBytes = std::size_t{16} << 10;  // of an empty queue's buffer

}  // namespace

bool PointFilter::takes(std::string_view line) const {
  LineDecoder decoder(line, Precision::ns);
  if (decoder.next() != LineDecoder::Step::line) return false;
  const LineView& view = decoder.view();
  if (!measurement.empty() && unescape(view.measurement) != measurement) return false;
  if (metric.empty()) return true;
  return std::any_of(view.tags.begin(), view.tags.end(),
                     [this](const auto& tag) {
                       return tag.first == "metric_name" && unescape(tag.second) == metric;
                     }) ||
         std::any_of(view.fields.begin(), view.fields.end(),
                     [this](const FieldView& field) { return unescape(field.key) == metric; });
}

bool PointQueue::push(std::string_view lines) {
  const MutexLock lock(mutex_);
  const bool was_empty = waiting() == 0;
  if (filter_.takes_all() && dropped_ == 0 && waiting() + lines.size() <= limit_bytes_) {
    append(lines);
    return was_empty && waiting() > 0;
  }
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end == std::string_view::npos ? end : end + 1);
    lines.remove_prefix(line.size());
    if (!filter_.takes_all() && !filter_.takes(line)) continue;
    // Once lines are dropped, so are all until half of the queue is free: one gap, not many.
    const std::size_t limit = dropped_ == 0 ? limit_bytes_ : limit_bytes_ / 2;
    if (waiting() + line.size() > limit) {
      ++dropped_;
      continue;
    }
    append_dropped();
    append(line);
  }
  return was_empty && (waiting() > 0 || dropped_ > 0);
}

std::size_t PointQueue::read(char* to, std::size_t room) {
  const MutexLock lock(mutex_);
  if (waiting() == 0) append_dropped();
  const std::size_t size = std::min(room, waiting());
  std::memcpy(to, text_.data() + taken_, size);
  taken_ += size;
  if (waiting() == 0) {
    if (text_.capacity() > kKeptBytes) {
      text_ = std::string();
    } else {
      text_.clear();
    }
    taken_ = 0;
  }
  return size;
}

void PointQueue::append(std::string_view line) {
  const std::size_t wanted = waiting() + line.size();
  if (text_.size() + line.size() > text_.capacity()) {
    text_.erase(0, taken_);
    taken_ = 0;
    // In steps of four (std::string rounds smaller ones up to two), the last of which is the promised limit.
    std::size_t capacity = limit_bytes_ / 16;
    while (capacity < wanted && capacity > 0) capacity *= 4;
    if (wanted > text_.capacity()) text_.reserve(std::max(wanted, std::min(capacity, limit_bytes_)));
  }
  text_ += line;
}

void PointQueue::append_dropped() {
  if (dropped_ == 0) return;
  append("# dropped " + std::to_string(dropped_) + " lines\n");
  dropped_ = 0;
}

}  // namespace vigile
