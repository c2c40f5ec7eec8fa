// SPDX-License-Identifier: Apache-2.0
#include "sampling/line_writer.h"

#include <algorithm>

namespace vigile {

namespace {

constexpr std::size_t kMaxHeads = 4096;  // series an instance keeps prepared; past it they are made anew

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

LineWriter::LineWriter(const WireFormat& format, const EquipmentIdentity& equipment,
                       const std::map<std::string, std::string>& tags)
    : native_(format.native), encode_(format.encode), fixed_tags_(layout_tags(format, equipment, tags)) {}

const std::string& LineWriter::head(std::string_view measurement, std::string_view metric,
                                    std::span<const Tag> tags) {
  key_.assign(measurement);
  key_ += '\n';
  key_ += metric;
  for (const Tag& tag : tags) {
    key_ += '\n';
    key_ += tag.key;
    key_ += '\n';
    key_ += tag.value;
  }
  if (const auto found = heads_.find(key_); found != heads_.end()) return found->second;

  TagList all = fixed_tags_;
  if (!metric.empty()) all.emplace_back("metric_name", metric);
  for (const Tag& tag : tags) add_tag(tag.key, tag.value, all);
  std::sort(all.begin(), all.end());
  std::string text;
  append_measurement(measurement, text);
  for (const auto& [key, value] : all) append_tag(key, value, text);
  text += ' ';
  if (heads_.size() >= kMaxHeads) heads_.clear();
  return heads_.emplace(key_, std::move(text)).first->second;
}

bool LineWriter::append_number(std::string_view key, const Number& number) {
  std::string& out = lines_.text;
  return std::visit(Overloaded{[&](std::uint64_t value) { return append_field(key, value, encode_, out); },
                               [&](auto value) { return append_field(key, value, out); }},
                    number);
}

// The equipment layout's `value=<float>`; text has no value and goes into a field of its own.
bool LineWriter::append_fields(const Sample& sample, const Value& value) {
  std::string& out = lines_.text;
  const bool written = std::visit(
      Overloaded{[&](std::string_view text) { return append_field("text", text, out); },
                 [&](auto number) { return append_field("value", static_cast<double>(number), out); }},
      value.number);
  if (written) append_extra(sample.extra);
  return written;
}

void LineWriter::append_extra(std::span<const ExtraField> extra) {
  for (const ExtraField& field : extra) {
    const std::size_t before = lines_.text.size();
    lines_.text += ',';
    if (!append_number(field.key, field.number)) lines_.text.resize(before);
  }
}

void LineWriter::end_line(std::size_t start, bool has_field, std::int64_t time_ns) {
  if (!has_field) {
    lines_.text.resize(start);
    return;
  }
  append_time(time_ns, lines_.text);
  lines_.first_ns = lines_.points == 0 ? time_ns : std::min(lines_.first_ns, time_ns);
  lines_.last_ns = lines_.points == 0 ? time_ns : std::max(lines_.last_ns, time_ns);
  ++lines_.points;
}

void LineWriter::write(const Sample& sample, std::int64_t time_ns) {
  if (!native_) {
    for (const Value& value : sample.values) {
      const std::size_t start = lines_.text.size();
      lines_.text += head(kMetricsMeasurement, value.metric, sample.tags);
      end_line(start, append_fields(sample, value), time_ns);
    }
    return;
  }
  const std::size_t start = lines_.text.size();
  lines_.text += head(sample.measurement, {}, sample.tags);
  bool has_field = false;
  for (const Value& value : sample.values) {
    const std::size_t before = lines_.text.size();
    if (has_field) lines_.text += ',';
    if (append_number(value.field, value.number)) {
      has_field = true;
    } else {
      lines_.text.resize(before);
    }
  }
  if (has_field) append_extra(sample.extra);
  end_line(start, has_field, time_ns);
}

void LineWriter::write_availability(bool up, std::optional<double> response_time_ms, std::int64_t time_ns) {
  const std::size_t start = lines_.text.size();
  lines_.text += native_ ? head("availability", {}, {}) : head(kMetricsMeasurement, "availability", {});
  const bool has_field = append_field("value", up ? 1.0 : 0.0, lines_.text);
  if (response_time_ms) {
    const ExtraField field{"response_time_ms", *response_time_ms};
    append_extra(std::span(&field, 1));
  }
  end_line(start, has_field, time_ns);
}

void LineWriter::clear() {
  lines_.text.clear();
  lines_.points = 0;
}

}  // namespace vigile
