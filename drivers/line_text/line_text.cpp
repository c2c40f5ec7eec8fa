// SPDX-License-Identifier: Apache-2.0
#include "drivers/line_text/line_text.h"

#include "point/line_decode.h"

namespace vigile {

namespace {

constexpr std::size_t kMostShown = 80;

Error line_error(std::string_view place, const LineError& error) {
  return Error{ErrorKind::parse, std::string(place) + ": line " + std::to_string(error.line) + ", column " +
                                     std::to_string(error.column) + ": expected " + error.expected + ": " +
                                     shown_text(error.text)};
}

}  // namespace

Result<void> TextReport::result() const {
  if (errors.empty()) return {};
  if (refused < 2) return errors[0];
  return Error{errors[0].kind, errors[0].message + " (and " + std::to_string(refused - 1) + " more)"};
}

std::string shown_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kMostShown)) out += c >= ' ' && c <= '~' ? c : '?';
  out += text.size() > kMostShown ? "…\"" : "\"";
  return out;
}

void add_lines(std::string_view text, PointOrigin origin, std::string_view place, Output& out,
               TextReport& report, std::uint64_t most) {
  LineDecoder decoder(text, Precision::ns, false, LineDecoder::Rules::recordable);
  for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
    if (step == LineDecoder::Step::error) {
      report.refuse(line_error(place, decoder.error()));
      continue;
    }
    const std::string where = std::string(place) + ": line " + std::to_string(decoder.lines_passed()) + ": ";
    if (most == 0) {
      report.refuse({ErrorKind::full, where + "is one too many"});
      continue;
    }
    const auto point = to_point(decoder.view());
    const auto added = point ? out.add_point(*point, origin) : Result<void>(point.error());
    if (!added) {
      report.refuse(
          {ErrorKind::parse, where + added.error().message + ": " + shown_text(decoder.view().line)});
      continue;
    }
    ++report.points;
    --most;
  }
}

}  // namespace vigile
