// SPDX-License-Identifier: Apache-2.0
#include "point/lp_commands.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "point/point_json.h"
#include "point/repeated_key.h"

namespace vigile {
namespace {

// The part of a stream that was read and not yet used.
class Window {
 public:
  explicit Window(std::istream& in) : in_(in), buffer_(kFirstSize, '\0') {}

  std::string_view text() const { return std::string_view(buffer_).substr(begin_, end_ - begin_); }
  bool at_end() const { return at_end_; }  // nothing follows text()
  bool is_full() const { return end_ - begin_ >= kLongestLine; }
  bool has_failed() const { return in_.bad(); }

  // Lets go of the first `used` bytes, and reads on until there is a newline more (or the end, or no room):
  // without one nothing new can be said.
  void advance(std::size_t used) {
    begin_ += used;
    if (begin_ > 0 && end_ == buffer_.size()) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == buffer_.size()) buffer_.resize(std::min(buffer_.size() * 2, kLongestLine));
    // A long string with newlines in it is looked at again each time, so let it grow by half in between.
    const std::size_t held = end_ - begin_;
    const std::size_t wanted = used == 0 && held >= kFirstSize / 2 ? held / 2 : 1;
    const std::size_t start = end_;
    bool has_newline = false;
    while (!at_end_ && end_ < buffer_.size() && (end_ - start < wanted || !has_newline)) {
      const std::size_t before = end_;
      read_some();
      has_newline = has_newline ||
                    std::find(buffer_.data() + before, buffer_.data() + end_, '\n') != buffer_.data() + end_;
    }
  }

 private:
  static constexpr std::size_t kFirstSize = std::size_t{128} << 10;

  void read_some() {
    if (in_.peek() == std::istream::traits_type::eof()) {
      at_end_ = true;
      return;
    }
    const auto got = in_.readsome(&buffer_[end_], static_cast<std::streamsize>(buffer_.size() - end_));
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
    } else {
      buffer_[end_++] = static_cast<char>(in_.get());  // a stream that cannot say what it holds
    }
  }

  std::istream& in_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
};

std::size_t count_newlines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Collects what goes to `out`, and counts what went wrong.
class Report {
 public:
  Report(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  std::string& lines() { return lines_; }
  void bad(std::size_t line, std::size_t column, std::string_view what) {
    err_ << line << ':' << column << ": " << what << '\n';
    exit_code_ = 1;
  }
  // False when nobody takes the output any more.
  bool flush(bool anyway) {
    constexpr std::size_t kEnough = std::size_t{64} << 10;
    if (!anyway && lines_.size() < kEnough) return true;
    out_.write(lines_.data(), static_cast<std::streamsize>(lines_.size()));
    lines_.clear();
    out_.flush();
    if (out_.good()) return true;
    if (exit_code_ == 0) err_ << "output: cannot be written\n";
    exit_code_ = 1;
    return false;
  }
  int finish(const Window& window) {
    flush(true);
    if (window.has_failed()) {
      err_ << "input: cannot be read\n";
      exit_code_ = 1;
    }
    return exit_code_;
  }

 private:
  std::ostream& out_;
  std::ostream& err_;
  std::string lines_;
  int exit_code_ = 0;
};

constexpr std::string_view kTooLong = "expected a line of at most 16 MiB";

// Passes over the rest of a line that is too long. Returns the newlines passed.
std::size_t pass_long_line(Window& window) {
  std::size_t newlines = count_newlines(window.text());
  window.advance(window.text().size());
  while (!window.text().empty()) {
    const std::size_t newline = window.text().find('\n');
    if (newline != std::string_view::npos) {
      window.advance(newline + 1);
      return newlines + 1;
    }
    window.advance(window.text().size());
  }
  return newlines;
}

void report_error(const LineError& error, std::size_t lines_before, Report& report) {
  report.bad(lines_before + error.line, error.column, "expected " + error.expected);
}

void report_line(const LineView& view, Report& report) {
  const Result<Point> point = to_point(view);
  // A line that was found good has good values.
  if (!point) return;
  append_json(*point, report.lines());
  report.lines().push_back('\n');
}

// One step of a decoder over a window that is full, so that its first line must be dealt with as it is.
// Returns the lines passed; advances.
std::size_t decode_full_window(Window& window, Precision precision, std::size_t lines_before,
                               Report& report) {
  LineDecoder decoder(window.text(), precision, false, LineDecoder::Rules::recordable);
  const LineDecoder::Step step = decoder.next();
  if (step == LineDecoder::Step::error && decoder.position() < window.text().size()) {
    report_error(decoder.error(), lines_before, report);  // a string that is not closed in sight
    window.advance(decoder.position());
    return decoder.lines_passed();
  }
  if (step != LineDecoder::Step::end) report.bad(lines_before + 1, 1, kTooLong);  // a comment may be long
  return pass_long_line(window);
}

}  // namespace

int lp_decode(std::istream& in, std::ostream& out, std::ostream& err, Precision precision) {
  Window window(in);
  Report report(out, err);
  std::size_t lines_before = 0;
  window.advance(0);
  while (!window.text().empty()) {
    LineDecoder decoder(window.text(), precision, !window.at_end(), LineDecoder::Rules::recordable);
    LineDecoder::Step step = decoder.next();
    for (; step != LineDecoder::Step::end; step = decoder.next()) {
      if (step == LineDecoder::Step::line) {
        report_line(decoder.view(), report);
      } else {
        report_error(decoder.error(), lines_before, report);
      }
      if (!report.flush(false)) return report.finish(window);
    }
    lines_before += decoder.lines_passed();
    if (!report.flush(true)) break;
    if (decoder.position() == 0 && window.is_full()) {
      lines_before += decode_full_window(window, precision, lines_before, report);
    } else {
      window.advance(decoder.position());
    }
  }
  return report.finish(window);
}

int lp_encode(std::istream& in, std::ostream& out, std::ostream& err, const EncodeOptions& options) {
  Window window(in);
  Report report(out, err);
  std::size_t line_number = 0;
  Point point;
  window.advance(0);
  while (!window.text().empty()) {
    const std::string_view text = window.text();
    std::size_t used = 0;
    while (used < text.size()) {
      const std::size_t newline = text.find('\n', used);
      if (newline == std::string_view::npos && !window.at_end()) break;
      const std::string_view line =
          text.substr(used, newline == std::string_view::npos ? newline : newline - used);
      used = newline == std::string_view::npos ? text.size() : newline + 1;
      ++line_number;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      if (const std::optional<JsonFault> fault = read_point_json(line, point)) {
        report.bad(line_number, fault->column, fault->expected);
      } else if (const std::string* const large = first_past_int64(point, options)) {
        report.bad(line_number, 1,
                   "fields." + *large + ": expected at most 9223372036854775807, or the option --unsigned");
      } else if (const std::string* const tag = repeated_key(point.tags)) {
        report.bad(line_number, 1, "tags." + *tag + ": expected once only; another key is written like it");
      } else if (const std::string* const field = repeated_key(point.fields)) {
        report.bad(line_number, 1,
                   "fields." + *field + ": expected once only; another key is written like it");
      } else if (!encode_line(point, options, report.lines())) {
        report.bad(line_number, 1, "fields: expected at least one that can be written");
      }
      if (!report.flush(false)) return report.finish(window);
    }
    if (!report.flush(true)) break;
    if (used == 0 && window.is_full()) {
      report.bad(line_number + 1, 1, kTooLong);
      line_number += pass_long_line(window);
    } else {
      window.advance(used);
    }
  }
  return report.finish(window);
}

}  // namespace vigile
