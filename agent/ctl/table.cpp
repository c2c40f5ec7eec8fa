// SPDX-License-Identifier: Apache-2.0
#include "ctl/table.h"

#include <algorithm>
#include <numeric>

#include "ctl/text.h"

namespace vigile {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;

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
  for (;;) {
    const std::size_t total =
        std::accumulate(result.begin(), result.end(), std::size_t{0}) + kGap * (result.size() - 1);
    if (total <= width) return result;
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (columns_[i].gives_way && result[i] > kNarrowest && (widest == nullptr || result[i] > *widest)) {
        widest = &result[i];
      }
    }
    if (widest == nullptr) return result;
    --*widest;
  }
}

std::string Table::render(std::size_t width, bool colour) const {
  const std::vector<std::size_t> cell_widths = widths(width);
  std::string out;
  std::string line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    line += padded(columns_[i].title, cell_widths[i], columns_[i].right) + std::string(kGap, ' ');
  }
  while (line.ends_with(' ')) line.pop_back();
  out += coloured(line, Colour::dim, colour) + "\n";
  for (const Row& row : rows_) {
    line.clear();
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const Cell& cell = row.cells[i];
      const std::string text = padded(cut(cell.text, cell_widths[i]), cell_widths[i], columns_[i].right);
      line += coloured(text, cell.colour, colour) + std::string(kGap, ' ');
    }
    append_line(line, out);
    for (const Cell& note : row.notes) {
      append_line(std::string(kGap, ' ') + coloured(cut(note.text, width - kGap), note.colour, colour), out);
    }
  }
  return out;
}

}  // namespace vigile
