// SPDX-License-Identifier: Apache-2.0
// `vigilectl lp encode`: whatever it is given, what it writes is line protocol, and what it refuses has a
// place.
#include <algorithm>
#include <sstream>

#include "point/line_decode.h"
#include "point/lp_commands.h"
#include "point/point_json.h"
#include "targets.h"

namespace vigile {
namespace {

std::size_t lines_with_text(std::string_view text) {
  std::size_t lines = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) ++lines;
  }
  return lines;
}

Fault written_fault(const std::string& written, std::size_t& lines) {
  LineDecoder decoder(written, Precision::ns);
  for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
    if (step != LineDecoder::Step::line) return "it wrote what is no line: " + decoder.error().expected;
    ++lines;
  }
  if (decoder.lines_passed() != lines) return "it wrote lines that say nothing";
  return std::nullopt;
}

// "7:12: expected …"
Fault told_fault(std::string_view told, std::string_view input, std::size_t& bad) {
  const auto lines = static_cast<std::size_t>(std::count(input.begin(), input.end(), '\n')) + 1;
  while (!told.empty()) {
    const std::string_view line = told.substr(0, told.find('\n'));
    told.remove_prefix(std::min(told.size(), line.size() + 1));
    std::size_t number = 0;
    std::size_t column = 0;
    char colon = 0;
    std::istringstream place{std::string(line)};
    if (!(place >> number >> colon >> column) || number < 1 || number > lines || column < 1)
      return "a refusal without a place: " + std::string(line);
    std::size_t begin = 0;
    for (std::size_t i = 1; i < number; ++i) begin = input.find('\n', begin) + 1;
    const std::size_t end = std::min(input.find('\n', begin), input.size());
    if (column > end - begin + 1) return "a column outside of its line: " + std::string(line);
    ++bad;
  }
  return std::nullopt;
}

}  // namespace

Fault lp_encode_fault(std::string_view input) {
  for (const bool unsigned_integers : {false, true}) {
    std::istringstream in{std::string(input)};
    std::ostringstream out;
    std::ostringstream err;
    const int code = lp_encode(in, out, err, {.unsigned_integers = unsigned_integers});
    std::size_t good = 0;
    std::size_t bad = 0;
    if (Fault fault = written_fault(out.str(), good)) return fault;
    if (Fault fault = told_fault(err.str(), input, bad)) return fault;
    if (code != (bad > 0 ? 1 : 0)) return "a code that does not fit what was told";
    if (good + bad != lines_with_text(input)) return "lines that were neither written nor refused";
  }
  return std::nullopt;
}

}  // namespace vigile
