// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/table_group.h"

#include <algorithm>

namespace vigile::snmp {

namespace {

void add(TableGroup& group, const std::optional<Oid>& column) {
  if (column && group.at(*column) == group.columns.size()) group.columns.push_back(*column);
}

}  // namespace

std::size_t TableGroup::at(const Oid& column) const {
  return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
}

std::string TableGroup::label(const Oid& index, const TableRow& row) const {
  const auto& column = entries.front()->label;
  if (!column) return oid_text(index);
  const auto& cell = row.cells[at(*column)];
  if (!cell) return oid_text(index);
  const auto text = to_reading(*cell, {.as = is_mac_address(*column) ? As::mac : As::text});
  if (!text || std::get<std::string>(*text).empty()) return oid_text(index);
  return std::get<std::string>(*text);
}

std::optional<Factors> TableGroup::factors(const Entry& entry, const TableRow& row) const {
  Factors all;
  for (const auto& [column, factor] :
       {std::pair(&entry.times, &all.times), std::pair(&entry.over, &all.over),
        std::pair(&entry.prefix, &all.prefix), std::pair(&entry.precision, &all.precision)}) {
    if (!*column) continue;
    const auto& cell = row.cells[at(**column)];
    if (!cell) return std::nullopt;
    const auto number = to_number(*cell, {});
    if (!number) return std::nullopt;
    *factor = *number;
  }
  return all;
}

std::vector<TableGroup> table_groups(std::span<const Entry> entries) {
  std::vector<TableGroup> groups;
  for (const Entry& entry : entries) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const TableGroup& one) {
      return one.entries.front()->tag == entry.tag && one.entries.front()->label == entry.label;
    });
    if (group == groups.end()) group = groups.emplace(groups.end());
    group->entries.push_back(&entry);
    add(*group, entry.oid);
    for (const auto* column : {&entry.times, &entry.over, &entry.prefix, &entry.precision, &entry.label})
      add(*group, *column);
  }
  return groups;
}

}  // namespace vigile::snmp
