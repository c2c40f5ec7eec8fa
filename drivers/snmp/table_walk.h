// SPDX-License-Identifier: Apache-2.0
// Columns of a table, walked together.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "drivers/snmp/snmp_session.h"

namespace vigile::snmp {

constexpr std::size_t kMostRows = 4096;  // of one walk; what comes after them is left out

struct TableRow {
  std::vector<std::optional<SnmpValue>> cells;  // by column
  BootTime when;                                // of the answer with its last cell
};

struct Table {
  std::map<Oid, TableRow> rows;  // by index
  bool cut = false;              // there were more
  // By column: why it was not read to its end; empty when it was. Its rows up to there are in `rows`.
  std::vector<std::string> faults;
};

// What comes after these OIDs, at most so many times: NextRows.
using AskNext = std::function<Result<Response>(std::span<const Oid> oids, int max_repetitions)>;

// Whatever the agent answers, the walk ends, and what is wrong with one column costs that column: rows out of
// order are taken as they come, and a row that comes a second time ends its column. Errors: the exchange's.
Result<Table> walk_table(std::span<const Oid> columns, int max_repetitions, const Clock& clock,
                         const AskNext& ask);

}  // namespace vigile::snmp
