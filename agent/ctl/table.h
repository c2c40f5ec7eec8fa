// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vigile {

enum class Colour { none, bold, dim, red, yellow, green };

// `text` between escape sequences when `on`.
std::string coloured(std::string_view text, Colour colour, bool on);

struct Column {
  std::string title;
  bool right = false;
  bool gives_way = false;  // is cut when the table is too wide
};

struct Cell {
  Cell(std::string cell_text, Colour cell_colour = Colour::none)  // NOLINT: implicit
      : text(std::move(cell_text)), colour(cell_colour) {}
  std::string text;
  Colour colour;
};

// Columns as wide as what stands in them, two spaces apart; when that is wider than `width`, the columns that
// give way are cut, the widest first, down to eight columns.
class Table {
 public:
  explicit Table(std::vector<Column> table_columns) : columns_(std::move(table_columns)) {}
  void add(std::vector<Cell> row) { rows_.push_back({std::move(row), {}}); }
  // A line of its own under the last row, indented and cut.
  void note(std::string text, Colour colour = Colour::none);
  bool empty() const { return rows_.empty(); }
  std::string render(std::size_t width, bool colour) const;

 private:
  struct Row {
    std::vector<Cell> cells;
    std::vector<Cell> notes;
  };
  std::vector<std::size_t> widths(std::size_t width) const;
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace vigile
