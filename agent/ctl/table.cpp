// SPDX-License-Identifier: Apache-2.0
#include "ctl/table.h"

#include <algorithm>
#include <optional>

#include "ctl/text.h"

namespace vigile {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kBelow = 4;

void append_line(std::string line, std::string& out) {
  while (line.ends_with(' ')) line.pop_back();
  out += line;
  out += '\n';
}

}  // namespace

std::string coloured(std::string_view text, Colour colour, bool on) {
  if (!on || colour == Colour::none || text.empty()) return std::string(text);
  const char* code = "0";
  switch (colour) {
    case Colour::none:
      break;
    case Colour::bold:
      code = "1";
      break;
    case Colour::dim:
      code = "2";
      break;
    case Colour::red:
      code = "31";
      break;
    case Colour::yellow:
      code = "33";
      break;
    case Colour::green:
      code = "32";
      break;
  }
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

void Table::note(std::string text, Colour colour) {
  rows_.back().notes.emplace_back(std::move(text), colour);
}

std::vector<std::size_t> Table::widths(std::size_t width) const {
  std::vector<std::size_t> result;
  for (const Column& column : columns_) result.push_back(columns(column.title));
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      result[i] = std::max(result[i], columns(row.cells[i].text));
    }
  }
  const auto total = [&] {
    std::size_t sum = 0;
    for (const std::size_t one : result) sum += one == 0 ? 0 : one + kGap;
    return sum < kGap ? 0 : sum - kGap;
  };
  if (total() > width) {
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (columns_[i].moves_below) result[i] = 0;
    }
  }
  while (total() > width) {
    std::optional<std::size_t> widest;
    std::optional<std::size_t> goes;
    for (std::size_t i = 0; i < result.size(); ++i) {
      const Column& column = columns_[i];
      if (result[i] == 0) continue;
      if (column.gives_way && result[i] > column.narrowest && (!widest || result[i] > result[*widest])) {
        widest = i;
      }
      if (column.goes > 0 && (!goes || column.goes > columns_[*goes].goes)) goes = i;
    }
    if (widest) {
      --result[*widest];
    } else if (goes) {
      result[*goes] = 0;
    } else {
      break;
    }
  }
  return result;
}

std::vector<std::string> Table::left_out(std::size_t width) const {
  const std::vector<std::size_t> cell_widths = widths(width);
  std::vector<std::string> titles;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (cell_widths[i] == 0 && !columns_[i].moves_below) titles.push_back(columns_[i].title);
  }
  return titles;
}

std::string Table::render(std::size_t width, bool colour) const {
  const std::vector<std::size_t> cell_widths = widths(width);
  std::string out;
  std::string line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (cell_widths[i] == 0) continue;
    line += padded(columns_[i].title, cell_widths[i], columns_[i].right) + std::string(kGap, ' ');
  }
  while (line.ends_with(' ')) line.pop_back();
  out += coloured(line, Colour::dim, colour) + "\n";
  for (const Row& row : rows_) {
    line.clear();
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      if (cell_widths[i] == 0) continue;
      const Cell& cell = row.cells[i];
      const std::string text = padded(cut(cell.text, cell_widths[i]), cell_widths[i], columns_[i].right);
      line += coloured(text, cell.colour, colour) + std::string(kGap, ' ');
    }
    append_line(line, out);
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      if (cell_widths[i] != 0 || !columns_[i].moves_below) continue;
      const Cell& cell = row.cells[i];
      if (cell.text.empty()) continue;
      for (const std::string& part : wrapped(cell.text, width - kBelow)) {
        append_line(std::string(kBelow, ' ') + coloured(part, cell.colour, colour), out);
      }
    }
    for (const Cell& note : row.notes) {
      append_line(std::string(kGap, ' ') + coloured(cut(note.text, width - kGap), note.colour, colour), out);
    }
  }
  return out;
}

}  // namespace vigile
