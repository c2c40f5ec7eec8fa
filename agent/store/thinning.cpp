// SPDX-License-Identifier: Apache-2.0
#include "store/thinning.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "point/line_decode.h"
#include "point/line_encode.h"
#include "point/line_scan.h"
#include "point/thinned_fields.h"

namespace vigile {

namespace {

using Type = FieldView::Type;

bool is_number(Type type) {
  return type == Type::float64 || type == Type::int64 || type == Type::uint64;
}

// 64 bits of mantissa where the machine has them: integers keep their value. On 32-bit ARM it has 53, and the
// largest integers are a little more than they can be.
long double number_of(const FieldView& field) {
  const char* const begin = field.text.data();
  const char* const end = begin + field.text.size();
  if (field.type == Type::int64) {
    std::int64_t number = 0;
    std::from_chars(begin, end, number);
    return static_cast<long double>(number);
  }
  if (field.type == Type::uint64) {
    std::uint64_t number = 0;
    std::from_chars(begin, end, number);
    return static_cast<long double>(number);
  }
  return float_value(field.text).value_or(0);
}

struct FieldSum {
  std::string key;  // as written, like the text
  Type type = Type::float64;
  std::string text;  // of a string or boolean: the last
  long double sum = 0;
  long double least = 0;
  long double largest = 0;
  std::uint64_t count = 0;
};

struct Entry {
  std::string line;  // as it was, with its newline: kept until a second one comes
  std::string head;  // measurement and tags; empty: the line stays as it is
  std::vector<FieldSum> fields;
  std::int64_t time_ns = 0;
  std::uint64_t lines = 1;
};

template <typename Integer>
Integer nearest_integer(long double value) {
  constexpr auto kLargest = std::numeric_limits<Integer>::max();
  const long double rounded = std::roundl(value);
  return rounded >= static_cast<long double>(kLargest) ? kLargest : static_cast<Integer>(rounded);
}

void append_number(Type type, long double value, std::string& out) {
  if (type == Type::int64) {
    out += std::to_string(nearest_integer<std::int64_t>(value)) + 'i';
  } else if (type == Type::uint64) {
    out += std::to_string(nearest_integer<std::uint64_t>(value)) + 'u';
  } else {
    std::string field;
    append_field("v", static_cast<double>(value), field);
    out += field.substr(2);
  }
}

void append_value(const FieldSum& field, std::string& out) {
  if (field.type == Type::string) {
    out.append(1, '"').append(field.text).append(1, '"');
  } else if (field.type == Type::boolean) {
    out += field.text;
  } else {
    const long double mean = field.sum / static_cast<long double>(field.count);
    append_number(field.type, std::clamp(mean, field.least, field.largest), out);
  }
}

}  // namespace

class LineThinner::Work {
 public:
  explicit Work(std::chrono::nanoseconds window) : window_ns_(window.count()) {}

  void add(std::string_view lines) {
    LineDecoder decoder(lines, Precision::ns);
    for (;;) {
      const LineDecoder::Step step = decoder.next();
      if (step == LineDecoder::Step::end) return;
      if (step == LineDecoder::Step::error) {
        keep(decoder.error().text, std::nullopt);
      } else {
        add(decoder.view());
      }
    }
  }

  ThinnedLines finish() {
    ThinnedLines out;
    std::optional<std::int64_t> first;
    for (const Entry& entry : entries_) {
      std::int64_t time_ns = entry.time_ns;
      if (entry.lines == 1) {
        out.lines += entry.line;
      } else {
        append(entry, out.lines);
        ++time_ns;
        out.taken += entry.lines;
        ++out.made;
      }
      ++out.points;
      if (entry.head.empty() && time_ns == 0) continue;
      out.first_ns = std::min(first.value_or(time_ns), time_ns);
      out.last_ns = first ? std::max(out.last_ns, time_ns) : time_ns;
      first = out.first_ns;
    }
    return out;
  }

 private:
  void keep(std::string_view line, std::optional<std::int64_t> time_ns) {
    entries_.push_back(Entry{.line = std::string(line) + '\n', .time_ns = time_ns.value_or(0)});
  }

  void add(const LineView& view) {
    if (!view.time_ns || view.measurement == "equipment_status_changes" || view.measurement == "agent_gaps") {
      return keep(view.line, view.time_ns);
    }
    const auto head_bytes = static_cast<std::size_t>(view.fields.front().key.data() - view.line.data()) - 1;
    const std::int64_t time_ns = *view.time_ns;
    const std::int64_t window = time_ns / window_ns_ - (time_ns % window_ns_ < 0 ? 1 : 0);
    key_.assign(view.line.substr(0, head_bytes)).append(1, ' ').append(std::to_string(window));
    const auto [found, is_new] = by_key_.try_emplace(key_, entries_.size());
    if (is_new) {
      entries_.push_back(Entry{.line = std::string(view.line) + '\n',
                               .head = std::string(view.line.substr(0, head_bytes)),
                               .time_ns = time_ns});
      fold(view, entries_.back());
      return;
    }
    Entry& entry = entries_[found->second];
    if (!fits(view, entry)) return keep(view.line, time_ns);
    ++entry.lines;
    entry.time_ns = std::min(entry.time_ns, time_ns);
    fold(view, entry);
  }

  static bool fits(const LineView& view, const Entry& entry) {
    return std::all_of(view.fields.begin(), view.fields.end(), [&](const FieldView& field) {
      return std::all_of(entry.fields.begin(), entry.fields.end(),
                         [&](const FieldSum& sum) { return sum.key != field.key || sum.type == field.type; });
    });
  }

  static void fold(const LineView& view, Entry& entry) {
    for (std::size_t i = 0; i < view.fields.size(); ++i) {
      const FieldView& field = view.fields[i];
      FieldSum& sum = sum_of(field, entry);
      if (!is_number(field.type)) {
        sum.text = field.text;
        continue;
      }
      long double least = number_of(field);
      long double largest = least;
      long double value = least;
      std::uint64_t count = 1;
      if (is_thinned_group(view.fields, i)) {
        least = number_of(view.fields[i + 1]);
        largest = number_of(view.fields[i + 2]);
        count = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(number_of(view.fields[i + 3])));
        value *= static_cast<long double>(count);
        i += kThinnedGroup - 1;
      }
      sum.least = sum.count == 0 ? least : std::min(sum.least, least);
      sum.largest = sum.count == 0 ? largest : std::max(sum.largest, largest);
      sum.sum += value;
      sum.count += count;
    }
  }

  static FieldSum& sum_of(const FieldView& field, Entry& entry) {
    for (FieldSum& sum : entry.fields) {
      if (sum.key == field.key) return sum;
    }
    return entry.fields.emplace_back(FieldSum{.key = std::string(field.key), .type = field.type});
  }

  static void append(const Entry& entry, std::string& out) {
    const auto is_taken = [&](const std::string& name) {
      return std::any_of(entry.fields.begin(), entry.fields.end(),
                         [&](const FieldSum& other) { return other.key == name; });
    };
    out += entry.head;
    char separator = ' ';
    for (const FieldSum& field : entry.fields) {
      out.append(1, separator).append(field.key).append(1, '=');
      append_value(field, out);
      separator = ',';
      const std::string min = field.key + std::string(kThinnedMin);
      const std::string max = field.key + std::string(kThinnedMax);
      const std::string count = field.key + std::string(kThinnedCount);
      if (!is_number(field.type) || is_taken(min) || is_taken(max) || is_taken(count)) continue;
      out.append(",").append(min).append("=");
      append_number(field.type, field.least, out);
      out.append(",").append(max).append("=");
      append_number(field.type, field.largest, out);
      out.append(",").append(count).append("=").append(std::to_string(field.count)).append("i");
    }
    append_time(entry.time_ns + 1, out);
  }

  const std::int64_t window_ns_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> by_key_;
  std::string key_;
};

LineThinner::LineThinner(std::chrono::nanoseconds window) : work_(std::make_unique<Work>(window)) {}

LineThinner::~LineThinner() = default;

void LineThinner::add(std::string_view lines) {
  work_->add(lines);
}

ThinnedLines LineThinner::finish() {
  return work_->finish();
}

}  // namespace vigile
