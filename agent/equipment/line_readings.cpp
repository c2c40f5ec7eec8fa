// SPDX-License-Identifier: Apache-2.0
#include "equipment/line_readings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "point/line_scan.h"
#include "point/thinned_fields.h"

namespace vigile {

namespace {

constexpr std::size_t kMostHeads = 4096;  // kept resolved; past it they are resolved anew
constexpr std::size_t kMostFields = 256;  // of one head
constexpr std::array<std::string_view, 7> kLayoutTags = {
    "equipment_id", "metric_name", "site_id", "site_name", "equipment_type", "equipment_name", "ip_address"};

bool is_own(std::string_view key, std::string_view value) {
  if (key == "clock" && value == "estimated") return false;  // says how a time was found, not what was read
  return std::find(kLayoutTags.begin(), kLayoutTags.end(), key) == kLayoutTags.end();
}

std::optional<double> number_of(const FieldView& field) {
  const std::string_view text = field.text;
  switch (field.type) {
    case FieldView::Type::float64:
      return float_value(text);
    case FieldView::Type::boolean:
      return text.front() == 't' || text.front() == 'T' ? 1.0 : 0.0;
    case FieldView::Type::int64: {
      std::int64_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      return static_cast<double>(number);
    }
    case FieldView::Type::uint64: {
      std::uint64_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      return static_cast<double>(number);
    }
    case FieldView::Type::string:
      return std::nullopt;
  }
  return std::nullopt;
}

// `value=<float> <ns>` to the line's end, which is how nearly all our own lines go on; anything else is left
// to the decoder.
bool parse_plain(std::string_view rest, double& value, std::int64_t& time_ns) {
  constexpr std::string_view kValue = "value=";
  if (!rest.starts_with(kValue)) return false;
  const char* const end = rest.data() + rest.size();
  const auto number = std::from_chars(rest.data() + kValue.size(), end, value);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != ' ' || !std::isfinite(value))
    return false;
  const auto time = std::from_chars(number.ptr + 1, end, time_ns);
  return time.ec == std::errc() && time.ptr == end;
}

bool contains(TimeSpan span, std::int64_t time_ns) {
  return time_ns >= span.from_ns && time_ns < span.to_ns;
}

}  // namespace

LineReadings::LineReadings(MetricNamer namer, std::string equipment_id, std::vector<std::string> metrics,
                           std::string site_id)
    : namer_(std::move(namer)),
      equipment_id_(std::move(equipment_id)),
      metrics_(std::move(metrics)),
      site_id_(std::move(site_id)) {}

bool LineReadings::wants_metric(std::string_view metric) const {
  return metrics_.empty() || std::find(metrics_.begin(), metrics_.end(), metric) != metrics_.end();
}

bool LineReadings::read(std::string_view lines, TimeSpan span,
                        const std::function<bool(const Reading&)>& use) {
  if (heads_.size() >= kMostHeads) heads_.clear();
  Head* before = nullptr;
  const char* at = lines.data();
  const char* const end = at + lines.size();
  while (at < end) {
    // Within a segment lines come in the order of the segment before it, nearly always.
    const Head* guess = before != nullptr ? before->follower : nullptr;
    Head* head = nullptr;
    const char* newline = nullptr;
    if (guess != nullptr && static_cast<std::size_t>(end - at) > guess->text.size() &&
        std::memcmp(at, guess->text.data(), guess->text.size()) == 0) {
      head = const_cast<Head*>(guess);
      const char* const fields = at + guess->text.size();
      newline = static_cast<const char*>(std::memchr(fields, '\n', static_cast<std::size_t>(end - fields)));
      if (newline == nullptr) newline = end;
    } else {
      newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      if (newline == nullptr) newline = end;
      head = head_of(at, newline);
      if (before != nullptr) before->follower = head;
    }
    const std::string_view line(at, static_cast<std::size_t>(newline - at));
    if (head != nullptr && head->kind != Kind::skipped && !read_line(*head, line, span, use)) return false;
    if (head != nullptr) before = head;
    at = newline + 1;
  }
  return true;
}

// Null for a line that cannot be read.
LineReadings::Head* LineReadings::head_of(const char* line, const char* newline) {
  if (line == newline || *line == ' ' || *line == '#') return nullptr;
  const char* space = line;
  while (true) {
    space = static_cast<const char*>(std::memchr(space, ' ', static_cast<std::size_t>(newline - space)));
    if (space == nullptr) return nullptr;
    if (space[-1] != '\\') break;
    ++space;
  }
  const auto head_bytes = static_cast<std::size_t>(space + 1 - line);
  if (const auto found = heads_.find(std::string_view(line, head_bytes)); found != heads_.end()) {
    return found->second.get();
  }
  auto head = resolve(std::string_view(line, static_cast<std::size_t>(newline - line)), head_bytes);
  if (!head) return nullptr;
  const std::string_view key = head->text;
  return heads_.emplace(key, std::move(head)).first->second.get();
}

std::unique_ptr<LineReadings::Head> LineReadings::resolve(std::string_view line, std::size_t head_bytes) {
  LineDecoder decoder(line, Precision::ns);
  if (decoder.next() != LineDecoder::Step::line) return nullptr;
  auto head = std::make_unique<Head>();
  head->text = line.substr(0, head_bytes);
  head->measurement = unescape_measurement(decoder.view().measurement);
  std::vector<std::pair<std::string_view, std::string_view>> own;
  for (const auto& [key, value] : decoder.view().tags) {
    if (key == "site_id" && !site_id_.empty() && unescape(value) != site_id_) return head;
    if (key == "equipment_id") head->equipment_id = unescape(value);
    if (key == "metric_name") head->metric = unescape(value);
    if (is_own(key, value)) own.emplace_back(key, value);
  }
  if (head->equipment_id.empty() || head->measurement == "equipment_status_changes" ||
      head->measurement == "agent_gaps") {
    return head;
  }
  if (!equipment_id_.empty() && head->equipment_id != equipment_id_) return head;
  std::sort(own.begin(), own.end());
  for (const auto& [key, value] : own) {
    if (!head->tags.empty()) head->tags += ',';
    head->tags.append(key).append("=").append(value);
  }
  if (head->measurement != "equipment_metrics") {
    head->kind = Kind::native;
  } else if (!head->metric.empty() && wants_metric(head->metric)) {
    head->kind = Kind::equipment;
  }
  return head;
}

const LineReadings::Field& LineReadings::field_of(Head& head, std::string_view key) {
  for (const Field& field : head.fields) {
    if (field.key == key) return field;
  }
  if (head.fields.size() >= kMostFields) head.fields.clear();
  std::string metric = metric_name_of(namer_, head.measurement, unescape(key));
  if (!wants_metric(metric)) metric.clear();
  return head.fields.emplace_back(Field{std::string(key), std::move(metric)});
}

bool LineReadings::read_line(Head& head, std::string_view line, TimeSpan span,
                             const std::function<bool(const Reading&)>& use) {
  Reading reading{head.equipment_id, head.metric, head.tags, 0, 0};
  if (head.kind == Kind::equipment &&
      parse_plain(line.substr(head.text.size()), reading.value, reading.time_ns)) {
    return !contains(span, reading.time_ns) || use(reading);
  }
  LineDecoder decoder(line, Precision::ns);
  if (decoder.next() != LineDecoder::Step::line) return true;
  const LineView& view = decoder.view();
  if (!view.time_ns || !contains(span, *view.time_ns)) return true;
  reading.time_ns = *view.time_ns;
  std::size_t skipped_to = 0;  // what stands beside a mean is no series of its own
  for (std::size_t i = 0; i < view.fields.size(); ++i) {
    if (i < skipped_to) continue;
    const FieldView& field = view.fields[i];
    if (is_thinned_group(view.fields, i)) skipped_to = i + kThinnedGroup;
    if (head.kind == Kind::equipment && field.key != "value") continue;
    if (head.kind == Kind::native) reading.metric = field_of(head, field.key).metric;
    if (reading.metric.empty()) continue;
    const std::optional<double> number = number_of(field);
    if (!number) continue;
    reading.value = *number;
    if (!use(reading)) return false;
  }
  return true;
}

}  // namespace vigile
