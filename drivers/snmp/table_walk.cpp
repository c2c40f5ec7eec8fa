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

class Walk {
 public:
  Walk(std::span<const Oid> columns, int max_repetitions, const Clock& clock, const AskNext& ask)
      : columns_(columns), clock_(clock), ask_(ask), repetitions_(max_repetitions), at_once_(columns.size()) {
    for (std::size_t i = 0; i < columns.size(); ++i) cursors_.push_back({i, columns[i]});
    table_.faults.resize(columns.size());
  }

  Result<Table> run() {
    while (!cursors_.empty()) {
      const std::size_t size = std::min(at_once_, cursors_.size());
      std::vector<Oid> from;
      for (std::size_t i = 0; i < size; ++i) from.push_back(cursors_[i].last);
      const auto answer = ask_(from, repetitions_);
      if (!answer) return answer.error();
      if (answer->error_status != 0) {
        take_error(*answer, size);
      } else if (answer->variables.empty()) {
        split_or_end(size, "the agent answers with nothing");
      } else {
        take(*answer, size);
      }
      // A short answer leads no column further than one row at least: each turn asks for what is missing.
      std::erase_if(cursors_, [](const Cursor& one) { return one.done; });
    }
    return std::move(table_);
  }

 private:
  void end(Cursor& cursor, std::string fault) {
    cursor.done = true;
    table_.faults[cursor.column] = std::move(fault);
  }

  // What cannot be told of several columns is asked of each.
  void split_or_end(std::size_t size, std::string fault) {
    if (size > 1) {
      at_once_ = size / 2;
    } else {
      end(cursors_.front(), std::move(fault));
    }
  }

  void take_error(const Response& answer, std::size_t size) {
    const int status = answer.error_status;
    const std::string fault = "the agent answers with " + std::string(error_status_name(status));
    if (status == kTooBig && repetitions_ > 1) {
      repetitions_ /= 2;
      return;
    }
    // Version 1 says so at the end of what it has.
    const std::string cause = status == kNoSuchName ? "" : fault;
    if (status != kTooBig && answer.error_index > 0) {
      end(cursors_[(static_cast<std::size_t>(answer.error_index) - 1) % size], cause);
    } else {
      split_or_end(size, cause);
    }
  }

  // They come in turn: the next of each column, then the one after it of each. The last turn may be short.
  void take(const Response& answer, std::size_t size) {
    const BootTime now = clock_.boot();
    for (std::size_t i = 0; i < answer.variables.size(); ++i) {
      Cursor& cursor = cursors_[i % size];
      if (!cursor.done) take_cell(answer.variables[i], cursor, now);
    }
  }

  void take_cell(const VarBind& got, Cursor& cursor, BootTime now) {
    const Oid& column = columns_[cursor.column];
    if (got.value.is_absent() || !is_below(got.oid, column)) {
      cursor.done = true;
      return;
    }
    const Oid index(got.oid.begin() + static_cast<std::ptrdiff_t>(column.size()), got.oid.end());
    auto row = table_.rows.find(index);
    if (row == table_.rows.end()) {
      if (table_.rows.size() == kMostRows) {
        table_.cut = true;
        cursor.done = true;
        return;
      }
      row = table_.rows.emplace(index, TableRow{}).first;
      row->second.cells.resize(columns_.size());
    }
    auto& cell = row->second.cells[cursor.column];
    if (cell) {
      const bool stands_still = got.oid == cursor.last;
      end(cursor, stands_still ? "the agent does not get past " + oid_text(got.oid) : "");
      return;
    }
    cell = got.value;
    row->second.when = now;
    cursor.last = got.oid;
  }

  const std::span<const Oid> columns_;
  const Clock& clock_;
  const AskNext& ask_;
  int repetitions_;
  std::size_t at_once_;  // columns of one request
  std::vector<Cursor> cursors_;
  Table table_;
};

}  // namespace

Result<Table> walk_table(std::span<const Oid> columns, int max_repetitions, const Clock& clock,
                         const AskNext& ask) {
  return Walk(columns, max_repetitions, clock, ask).run();
}

}  // namespace vigile::snmp
