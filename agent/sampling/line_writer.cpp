// SPDX-License-Identifier: Apache-2.0
#include "sampling/line_writer.h"

#include <algorithm>
#include <utility>

#include "point/recordable.h"

namespace vigile {

namespace {

constexpr std::size_t kMaxHeads = 4096;  // series an instance keeps prepared; past it they are made anew

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;  // clang 14 does not find it

}  // namespace

LineWriter::LineWriter(const WireFormat& format, const EquipmentIdentity& equipment,
                       const std::map<std::string, std::string>& tags)

    : native_(format.native),
      encode_(format.encode),
      equipment_id_(equipment.id),
      fixed_tags_(layout_tags(format, equipment, tags)) {}

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

bool LineWriter::append_number(std::string_view key, const Number& number, std::string& out) {
  return std::visit(Overloaded{[&](std::uint64_t value) {
                                 if (!can_be_written(value, encode_)) ++left_out_;
                                 return append_field(key, value, encode_, out);
                               },
                               [&](auto value) { return append_field(key, value, out); }},
                    number);
}

// The equipment layout's `value=<float>`; text has no value and goes into a field of its own.
bool LineWriter::append_fields(const Sample& sample, const Value& value, std::string& out) {
  const bool written = std::visit(
      Overloaded{[&](std::string_view text) { return append_field("text", text, out); },
                 [&](auto number) { return append_field("value", static_cast<double>(number), out); }},
      value.number);
  if (written) append_extra(sample.extra, out);
  return written;
}

void LineWriter::append_extra(std::span<const ExtraField> extra, std::string& out) {
  for (const ExtraField& field : extra) {
    const std::size_t before = out.size();
    out += ',';
    if (!append_number(field.key, field.number, out)) out.resize(before);
  }
}

void LineWriter::Lines::count(std::int64_t time_ns) {
  first_ns = points == 0 ? time_ns : std::min(first_ns, time_ns);
  last_ns = points == 0 ? time_ns : std::max(last_ns, time_ns);
  ++points;
}

void LineWriter::Lines::clear() {
  text.clear();
  points = 0;
}

namespace {

// Ends the line begun at `start`, or takes it back when it has no field.
void end_line(std::size_t start, bool has_field, std::int64_t time_ns, LineWriter::Lines& lines) {
  if (!has_field) {
    lines.text.resize(start);
    return;
  }
  append_time(time_ns, lines.text);
  lines.count(time_ns);
}

}  // namespace

void LineWriter::write(const Sample& sample, std::int64_t time_ns) {
  Lines& lines = sample.wall_time ? dated_lines_ : lines_;
  if (sample.wall_time) time_ns = to_ns(*sample.wall_time);
  std::string& out = lines.text;
  if (!native_) {
    for (const Value& value : sample.values) {
      const std::size_t start = out.size();
      out += head(kMetricsMeasurement, value.metric, sample.tags);
      end_line(start, append_fields(sample, value, out), time_ns, lines);
    }
    return;
  }
  const std::size_t start = out.size();
  out += head(sample.measurement, {}, sample.tags);
  bool has_field = false;
  for (const Value& value : sample.values) {
    const std::size_t before = out.size();
    if (has_field) out += ',';
    if (append_number(value.field, value.number, out)) {
      has_field = true;
    } else {
      out.resize(before);
    }
  }
  if (has_field) append_extra(sample.extra, out);
  end_line(start, has_field, time_ns, lines);
}

void LineWriter::write_availability(bool up, std::optional<double> response_time_ms, std::int64_t time_ns) {
  std::string& out = lines_.text;
  const std::size_t start = out.size();
  out += native_ ? head("availability", {}, {}) : head(kMetricsMeasurement, "availability", {});
  const bool has_field = append_field("value", up ? 1.0 : 0.0, out);
  if (response_time_ms) {
    const ExtraField field{"response_time_ms", *response_time_ms};
    append_extra(std::span(&field, 1), out);
  }
  end_line(start, has_field, time_ns, lines_);
}

Result<void> LineWriter::write_point(Point point, PointOrigin origin, std::int64_t time_ns,
                                     std::optional<std::int64_t> now_ns) {
  if (origin == PointOrigin::agent) {
    if (auto valid = check_forwarded(point); !valid) return valid;
  } else {
    if (auto valid = make_recordable(point, equipment_id_, now_ns); !valid) return valid;
    for (const auto& [key, value] : fixed_tags_) add_tag(key, value, point.tags);
  }
  Lines& lines = point.time_ns ? dated_lines_ : lines_;
  if (!point.time_ns) point.time_ns = time_ns;
  for (const auto& [key, value] : point.fields) {
    const auto* const number = std::get_if<std::uint64_t>(&value);
    if (number != nullptr && !can_be_written(*number, encode_)) ++left_out_;
  }
  if (!encode_line(point, encode_, lines.text)) {
    return Error{ErrorKind::config, "none of its fields can be written"};
  }
  lines.count(*point.time_ns);
  return {};
}

void LineWriter::clear() {
  lines_.clear();
  dated_lines_.clear();
}

}  // namespace vigile
