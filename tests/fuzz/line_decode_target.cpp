// SPDX-License-Identifier: Apache-2.0
#include "targets.h"

#include <algorithm>
#include <vector>

#include "point/line_decode.h"
#include "point/line_encode.h"
#include "point/point_json.h"
#include "point/repeated_key.h"

namespace vigile {
namespace {

bool inside(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

std::size_t count_newlines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

Fault view_fault(const LineView& view, std::string_view text) {
  if (!inside(view.line, text)) return "a line outside of the text";
  if (view.measurement.empty() || !inside(view.measurement, view.line))
    return "a measurement outside of its line";
  for (const auto& [key, value] : view.tags) {
    if (key.empty() || value.empty()) return "an empty tag";
    if (!inside(key, view.line) || !inside(value, view.line)) return "a tag outside of its line";
  }
  if (view.fields.empty()) return "no field";
  for (const FieldView& field : view.fields) {
    if (field.key.empty() || !inside(field.key, view.line)) return "a field key outside of its line";
    if (!inside(field.text, view.line)) return "a field value outside of its line";
  }
  return std::nullopt;
}

Fault error_fault(const LineError& error, std::string_view text, std::size_t lines_before,
                  std::size_t lines_after) {
  if (error.expected.empty()) return "an error that expects nothing";
  if (!inside(error.text, text)) return "a bad line outside of the text";
  if (error.line <= lines_before || error.line > lines_after) return "an error in a line not passed";
  // The place lies in the line of that number, or just behind it.
  std::size_t begin = 0;
  for (std::size_t line = 1; line < error.line; ++line) begin = text.find('\n', begin) + 1;
  const std::size_t end = std::min(text.find('\n', begin), text.size());
  if (error.column < 1 || begin + error.column - 1 > end) return "a column outside of its line";
  return std::nullopt;
}

struct Decoded {
  std::vector<Point> points;
  std::vector<std::string> steps;
};

void add_step(const LineDecoder& decoder, LineDecoder::Step step, std::size_t lines_before,
              Decoded& decoded) {
  if (step == LineDecoder::Step::line) {
    decoded.steps.emplace_back(decoder.view().line);
  } else {
    decoded.steps.push_back(std::to_string(lines_before + decoder.error().line) + ":" +
                            std::to_string(decoder.error().column) + ": " + decoder.error().expected);
  }
}

Fault decode(std::string_view text, Decoded& decoded) {
  LineDecoder decoder(text, Precision::ns, false, LineDecoder::Rules::recordable);
  std::size_t position = 0;
  std::size_t lines = 0;
  for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
    if (decoder.position() <= position || decoder.lines_passed() <= lines) return "no progress";
    if (decoder.lines_passed() > count_newlines(text.substr(0, decoder.position())) + 1)
      return "too many lines";
    if (step == LineDecoder::Step::line) {
      if (Fault fault = view_fault(decoder.view(), text)) return fault;
      Result<Point> point = to_point(decoder.view());
      if (!point) return "a good line with a bad value: " + point.error().message;
      decoded.points.push_back(std::move(*point));
    } else if (Fault fault = error_fault(decoder.error(), text, lines, decoder.lines_passed())) {
      return fault;
    }
    add_step(decoder, step, 0, decoded);
    position = decoder.position();
    lines = decoder.lines_passed();
  }
  const bool ends_open = !text.empty() && text.back() != '\n';
  if (decoder.position() != text.size()) return "text left over";
  if (decoder.lines_passed() != count_newlines(text) + (ends_open ? 1 : 0)) return "lines miscounted";
  return std::nullopt;
}

// The first `cut` bytes first, and what they leave undecided together with the rest.
Fault decode_in_two(std::string_view text, std::size_t cut, const Decoded& whole) {
  Decoded decoded;
  LineDecoder first(text.substr(0, cut), Precision::ns, true, LineDecoder::Rules::recordable);
  for (auto step = first.next(); step != LineDecoder::Step::end; step = first.next())
    add_step(first, step, 0, decoded);
  if (first.position() > cut) return "a position behind the text";
  LineDecoder second(text.substr(first.position()), Precision::ns, false, LineDecoder::Rules::recordable);
  for (auto step = second.next(); step != LineDecoder::Step::end; step = second.next()) {
    add_step(second, step, first.lines_passed(), decoded);
  }
  if (decoded.steps != whole.steps) return "cut at " + std::to_string(cut) + " it decodes to something else";
  return std::nullopt;
}

std::optional<Point> encoded_and_decoded(const Point& point, Fault& fault) {
  std::string line;
  if (!encode_line(point, {.unsigned_integers = true}, line)) return std::nullopt;
  if (line.find('\n') != line.size() - 1) fault = "an encoded line is not one line";
  Decoded decoded;
  if (Fault inner = decode(line, decoded)) fault = inner;
  if (decoded.points.size() != 1 || decoded.steps.size() != 1)
    fault = "an encoded line does not decode: " + line;
  if (fault) return std::nullopt;
  return std::move(decoded.points[0]);
}

// After one round through the encoder, which replaces what cannot be written, nothing changes any more.
Fault round_trip_fault(const Point& point) {
  if (repeated_key(point.tags) != nullptr || repeated_key(point.fields) != nullptr) return std::nullopt;
  Fault fault;
  const std::optional<Point> once = encoded_and_decoded(point, fault);
  if (fault) return fault;
  if (!once) return "a decoded line is not encoded";
  const std::optional<Point> twice = encoded_and_decoded(*once, fault);
  if (fault) return fault;
  if (twice != once) return "encoding again gives another point";
  const Result<Point> from_json = point_from_json(to_json(*once));
  if (!from_json) return "its JSON is not read: " + from_json.error().message;
  if (*from_json != *once) return "its JSON is another point";
  return std::nullopt;
}

}  // namespace

Fault line_decode_fault(std::string_view text) {
  Decoded whole;
  if (Fault fault = decode(text, whole)) return fault;
  for (const std::size_t cut : {text.size() / 3, text.size() / 2, text.size() - text.size() / 8}) {
    if (Fault fault = decode_in_two(text, cut, whole)) return fault;
  }
  for (const Point& point : whole.points) {
    if (Fault fault = round_trip_fault(point)) return fault;
  }
  return std::nullopt;
}

}  // namespace vigile
