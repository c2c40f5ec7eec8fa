// SPDX-License-Identifier: Apache-2.0
// Columns of a table, walked together with GetBulk.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
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
};

// One GetBulk: for which OIDs what comes after, so many times.
using AskBulk = std::function<Result<Response>(std::span<const Oid> oids, int max_repetitions)>;

// Whatever the agent answers, the walk ends: what does not lead further is an error. `what` names the table
// in errors. Errors: the exchange's; parse when the agent goes round in circles or answers with an error.
Result<Table> walk_table(std::span<const Oid> columns, int max_repetitions, const Clock& clock,
                         std::string_view what, const AskBulk& ask);

}  // namespace vigile::snmp
