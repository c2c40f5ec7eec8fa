// SPDX-License-Identifier: Apache-2.0
// Columns that are walked together: those of entries with the same tag and label, whose rows go out together.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drivers/snmp/snmp_settings.h"
#include "drivers/snmp/table_walk.h"

namespace vigile::snmp {

struct TableGroup {
  std::vector<const Entry*> entries;
  std::vector<Oid> columns;  // each once

  // The place of a column in `columns`.
  std::size_t at(const Oid& column) const;
  // The value of the tag that tells this row apart: the text of the label's column, else the index.
  std::string label(const Oid& index, const TableRow& row) const;
  // What an entry is computed with; nothing when the row has not all of it.
  std::optional<Factors> factors(const Entry& entry, const TableRow& row) const;
};

// The entries outlive the groups.
std::vector<TableGroup> table_groups(std::span<const Entry> entries);

}  // namespace vigile::snmp
