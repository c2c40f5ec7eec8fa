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
  std::size_t narrowest = 8;
  int goes = 0;              // when cutting is not enough the column with the highest number goes; 0: never
  bool moves_below = false;  // before anything is cut its cells go on lines of their own, wrapped
};

struct Cell {
  Cell(std::string cell_text, Colour cell_colour = Colour::none)  // NOLINT: implicit
      : text(std::move(cell_text)), colour(cell_colour) {}
  std::string text;
  Colour colour;
};

// Columns as wide as what stands in them, two spaces apart. When that is wider than `width`, cells that may
// move below do, then columns that give way are cut, the widest first, down to their narrowest, then columns
// go.
class Table {
 public:
  explicit Table(std::vector<Column> table_columns) : columns_(std::move(table_columns)) {}
  void add(std::vector<Cell> row) { rows_.push_back({std::move(row), {}}); }
  // A line of its own under the last row, indented and cut.
  void note(std::string text, Colour colour = Colour::none);
  bool empty() const { return rows_.empty(); }
  std::string render(std::size_t width, bool colour) const;
  // Titles of the columns that render() leaves out at that width.
  std::vector<std::string> left_out(std::size_t width) const;

 private:
  struct Row {
    std::vector<Cell> cells;
    std::vector<Cell> notes;
  };
  // Of each column; 0: it is not shown, or below.
  std::vector<std::size_t> widths(std::size_t width) const;
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace vigile
