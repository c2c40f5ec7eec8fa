// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/table_walk.h"

#include <algorithm>

namespace vigile::snmp {

namespace {

// Where the walk of one column stands.
struct Cursor {
  std::size_t column = 0;
  Oid last;  // what was read of it; at first the column itself
  bool done = false;
};

}  // namespace

Result<Table> walk_table(std::span<const Oid> columns, int max_repetitions, const Clock& clock,
                         std::string_view what, const AskBulk& ask) {
  Table table;
  std::vector<Cursor> cursors;
  for (std::size_t i = 0; i < columns.size(); ++i) cursors.push_back({i, columns[i]});
  const auto wrong = [&](const std::string& cause) {
    return Error{ErrorKind::parse, std::string(what) + ": " + cause};
  };
  int repetitions = max_repetitions;
  while (!cursors.empty()) {
    std::vector<Oid> from;
    for (const Cursor& one : cursors) from.push_back(one.last);
    const auto answer = ask(from, repetitions);
    if (!answer) return answer.error();
    if (answer->error_status == kTooBig && repetitions > 1) {
      repetitions /= 2;
      continue;
    }
    if (answer->error_status != 0)
      return wrong("the agent answers with " + std::string(error_status_name(answer->error_status)));
    if (answer->variables.empty()) return wrong("the agent answers with nothing");
    const BootTime now = clock.boot();
    // They come in turn: the next of each column, then the one after it of each. The last turn may be short.
    for (std::size_t i = 0; i < answer->variables.size(); ++i) {
      Cursor& cursor = cursors[i % cursors.size()];
      const VarBind& got = answer->variables[i];
      if (cursor.done) continue;
      const Oid& column = columns[cursor.column];
      if (got.value.is_absent() || !is_below(got.oid, column)) {
        cursor.done = true;
        continue;
      }
      if (got.oid <= cursor.last) return wrong("the agent goes round in circles at " + oid_text(got.oid));
      cursor.last = got.oid;
      const Oid index(got.oid.begin() + static_cast<std::ptrdiff_t>(column.size()), got.oid.end());
      auto row = table.rows.find(index);
      if (row == table.rows.end()) {
        if (table.rows.size() == kMostRows) {
          table.cut = true;
          cursor.done = true;
          continue;
        }
        row = table.rows.emplace(index, TableRow{}).first;
        row->second.cells.resize(columns.size());
      }
      row->second.cells[cursor.column] = got.value;
      row->second.when = now;
    }
    // A short answer leads no column further than one row at least: each turn asks for what is missing.
    std::erase_if(cursors, [](const Cursor& one) { return one.done; });
  }
  return table;
}

}  // namespace vigile::snmp
