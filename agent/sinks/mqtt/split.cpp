// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/split.h"

#include <algorithm>

#include "core/units.h"
#include "sinks/mqtt/flat_json.h"

namespace vigile::mqtt_sink {

Splitter::Splitter(std::span<const Payload> payloads, Position from, PayloadFormat format)
    : payloads_(payloads), format_(format), position_(from) {}

Result<std::optional<std::string_view>> Splitter::peek() {
  while (position_.payload < payloads_.size()) {
    if (!inflated_) {
      Result<std::string> lines = inflate_payload(payloads_[position_.payload]);
      if (!lines) return lines.error();
      lines_ = std::move(*lines);
      inflated_ = true;
    }
    if (position_.offset < lines_.size()) {
      const std::size_t end = lines_.find('\n', position_.offset);
      const std::size_t size = end == std::string::npos ? std::string::npos : end + 1 - position_.offset;
      return std::optional(std::string_view(lines_).substr(position_.offset, size));
    }
    ++position_.payload;
    position_.offset = 0;
    inflated_ = false;
  }
  return std::optional<std::string_view>();
}

void Splitter::advance(std::size_t line_bytes) {
  position_.offset += line_bytes;
  ++position_.lines;
}

Result<std::optional<Message>> Splitter::next(std::uint64_t wanted_bytes, std::uint64_t most_bytes) {
  const std::uint64_t fits = std::min(wanted_bytes, most_bytes);
  Message message;
  message.first_line = position_.lines + 1;
  for (;;) {
    auto line = peek();
    if (!line) return line.error();
    if (!*line) break;
    const std::string_view text = **line;
    const bool first = message.lines == 0;
    if (!first && (format_ == PayloadFormat::json || message.text.size() + text.size() > fits)) break;
    message.text += text;
    ++message.lines;
    advance(text.size());
    message.end = position_;
    if (message.text.size() >= fits && format_ == PayloadFormat::lines) break;
  }
  if (message.lines == 0) return std::optional<Message>();
  std::uint64_t size = message.text.size();
  if (format_ == PayloadFormat::json) {
    Result<std::string> json = flat_json(message.text);
    if (!json) {
      message.refusal = json.error().message;
      return std::optional(std::move(message));
    }
    size = json->size();
    if (size <= most_bytes) message.text = std::move(*json);
  }
  if (size > most_bytes) {
    message.refusal =
        "line of " + format_size(size) + ", the broker takes messages of at most " + format_size(most_bytes);
  }
  return std::optional(std::move(message));
}

}  // namespace vigile::mqtt_sink
