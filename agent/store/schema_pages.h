// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace vigile {

// What stands in a database of ours before its first row: the page that every SQLite database begins with,
// and those that describe the tables, so that one in which they are damaged can be read all the same. Where a
// table begins is the same in each that was made by this program.
struct SchemaPages {
  std::string first;
  std::vector<std::string> rest;
};

// As made, and as written anew when max_size was lowered. `database_pages`: of the damaged one; `rest` goes
// behind them.
std::array<SchemaPages, 2> schema_pages(std::uint32_t database_pages);

}  // namespace vigile
