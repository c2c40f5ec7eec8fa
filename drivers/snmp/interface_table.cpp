// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/interface_table.h"

#include <algorithm>
#include <array>
#include <set>

namespace vigile::snmp {

namespace {

// Columns of ifTable, 1.3.6.1.2.1.2.2.1, and of ifXTable, 1.3.6.1.2.1.31.1.1.1.
constexpr std::array<std::uint32_t, 7> kBasic = {2, 5, 8, 13, 14, 19, 20};
enum Basic { descr, speed, oper_status, in_discards, in_errors, out_discards, out_errors };
constexpr std::array<std::uint32_t, 4> kNarrow = {10, 11, 16, 17};
enum Narrow { in_octets, in_packets, out_octets, out_packets };
constexpr std::array<std::uint32_t, 12> kWide = {1, 6, 7, 8, 9, 10, 11, 12, 13, 15, 18, 19};
enum Wide {
  name,
  hc_in_octets,
  hc_in_unicast,
  hc_in_multicast,
  hc_in_broadcast,
  hc_out_octets,
  hc_out_unicast,
  hc_out_multicast,
  hc_out_broadcast,
  high_speed,
  alias,
  discontinuity
};

constexpr double kBytesPerMbit = 125'000;
constexpr double kSmallestPacketBytes = 60;
constexpr double kFasterThanSaid = 1.5;  // bursts, and counters that an agent refreshes now and then
constexpr std::int64_t kUp = 1;

template <std::size_t N>
std::vector<Oid> columns(const Oid& entry, const std::array<std::uint32_t, N>& numbers) {
  std::vector<Oid> list;
  for (const std::uint32_t number : numbers) {
    Oid& one = list.emplace_back(entry);
    one.push_back(number);
  }
  return list;
}

const SnmpValue* cell(const TableRow* row, std::size_t column) {
  if (row == nullptr || !row->cells[column]) return nullptr;
  return &*row->cells[column];
}

const TableRow* row_of(const Table& table, const Oid& index) {
  const auto found = table.rows.find(index);
  return found == table.rows.end() ? nullptr : &found->second;
}

std::string text_of(const SnmpValue* value) {
  return value != nullptr && value->type == SnmpValue::Type::bytes ? printable(value->text) : "";
}

std::optional<std::uint64_t> count_of(const SnmpValue* value) {
  if (value == nullptr || value->type == SnmpValue::Type::bytes) return std::nullopt;
  if (value->type == SnmpValue::Type::integer)
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value->number, 0));
  return value->count;
}

void set(Interface& one, Traffic which, std::initializer_list<const SnmpValue*> parts) {
  auto& list = one.counters[static_cast<std::size_t>(which)].parts;
  for (const SnmpValue* part : parts) {
    if (part != nullptr) list.push_back(*part);
  }
}

void set_speed(Interface& one, const SnmpValue* mbit, const SnmpValue* bits) {
  const auto high = count_of(mbit);
  const auto low = count_of(bits);
  constexpr std::uint64_t kTooFast = 0xffff'ffff;  // ifSpeed of what is faster than it can say
  if (high && *high > 0) {
    one.speed_mbit = static_cast<double>(*high);
  } else if (low && *low > 0 && *low < kTooFast) {
    one.speed_mbit = static_cast<double>(*low) / 1e6;
  }
}

// The table of these columns; their faults are added to `faults`.
Result<Table> walk(const std::vector<Oid>& columns, int max_repetitions, const Clock& clock,
                   const AskNext& ask, std::vector<std::string>& faults) {
  auto table = walk_table(columns, max_repetitions, clock, ask);
  if (!table) return table.error();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!table->faults[i].empty()) faults.push_back(oid_text(columns[i]) + ": " + table->faults[i]);
  }
  return table;
}

void set_state(Interface& one, const TableRow* basic, const TableRow* wide) {
  one.alias = text_of(cell(wide, alias));
  const SnmpValue* const status = cell(basic, oper_status);
  if (status != nullptr && status->type == SnmpValue::Type::integer) one.up = status->number == kUp;
  set_speed(one, cell(wide, high_speed), cell(basic, speed));
  one.discontinuity = count_of(cell(wide, discontinuity)).value_or(0);
}

void set_counters(Interface& one, const TableRow* basic, const TableRow* wide, const TableRow* narrow) {
  if (basic != nullptr) one.when = basic->when;
  set(one, Traffic::rx_errors, {cell(basic, in_errors)});
  set(one, Traffic::tx_errors, {cell(basic, out_errors)});
  set(one, Traffic::rx_drops, {cell(basic, in_discards)});
  set(one, Traffic::tx_drops, {cell(basic, out_discards)});
  if (cell(wide, hc_in_octets) != nullptr) {
    one.when = wide->when;
    set(one, Traffic::rx_bytes, {cell(wide, hc_in_octets)});
    set(one, Traffic::tx_bytes, {cell(wide, hc_out_octets)});
    set(one, Traffic::rx_packets,
        {cell(wide, hc_in_unicast), cell(wide, hc_in_multicast), cell(wide, hc_in_broadcast)});
    set(one, Traffic::tx_packets,
        {cell(wide, hc_out_unicast), cell(wide, hc_out_multicast), cell(wide, hc_out_broadcast)});
  } else if (narrow != nullptr) {
    one.when = narrow->when;
    set(one, Traffic::rx_bytes, {cell(narrow, in_octets)});
    set(one, Traffic::tx_bytes, {cell(narrow, out_octets)});
    set(one, Traffic::rx_packets, {cell(narrow, in_packets)});
    set(one, Traffic::tx_packets, {cell(narrow, out_packets)});
  }
}

}  // namespace

Result<Interfaces> read_interfaces(int max_repetitions, const Clock& clock, const AskNext& ask) {
  const Oid if_entry = {1, 3, 6, 1, 2, 1, 2, 2, 1};
  const Oid if_x_entry = {1, 3, 6, 1, 2, 1, 31, 1, 1, 1};
  Interfaces all;
  auto basic = walk(columns(if_entry, kBasic), max_repetitions, clock, ask, all.faults);
  if (!basic) return basic.error();
  auto wide = walk(columns(if_x_entry, kWide), max_repetitions, clock, ask, all.faults);
  if (!wide) return wide.error();
  std::set<Oid> indices;
  for (const Table* table : {&*basic, &*wide}) {
    for (const auto& [index, row] : table->rows) indices.insert(index);
  }
  // The narrow counters wrap in seconds on fast lines: only where there are no others.
  const bool needs_narrow = std::any_of(indices.begin(), indices.end(), [&](const Oid& index) {
    return cell(row_of(*wide, index), hc_in_octets) == nullptr;
  });
  Table narrow;
  if (needs_narrow || indices.empty()) {
    auto walked = walk(columns(if_entry, kNarrow), max_repetitions, clock, ask, all.faults);
    if (!walked) return walked.error();
    narrow = std::move(*walked);
    for (const auto& [index, row] : narrow.rows) indices.insert(index);
  }
  std::set<std::string> names;
  for (const Oid& index : indices) {
    if (all.list.size() == kMostRows) break;
    const TableRow* const row = row_of(*basic, index);
    const TableRow* const more = row_of(*wide, index);
    Interface& one = all.list.emplace_back();
    one.name = text_of(cell(more, name));
    if (one.name.empty()) one.name = text_of(cell(row, descr));
    if (one.name.empty()) one.name = oid_text(index);
    if (!names.insert(one.name).second) one.name += " (" + oid_text(index) + ")";
    set_state(one, row, more);
    set_counters(one, row, more, row_of(narrow, index));
  }
  return all;
}

std::optional<double> traffic_rate(CounterMemory& memory, const Interface& one, Traffic which) {
  const auto& parts = one.counters[static_cast<std::size_t>(which)].parts;
  if (parts.empty()) return std::nullopt;
  std::optional<double> most;
  if (one.speed_mbit) {
    most = *one.speed_mbit * kBytesPerMbit * kFasterThanSaid;
    if (which != Traffic::rx_bytes && which != Traffic::tx_bytes) *most /= kSmallestPacketBytes;
  }
  double sum = 0;
  bool whole = true;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string key =
        "interface " + std::to_string(static_cast<int>(which)) + "." + std::to_string(i) + " " + one.name;
    const auto rate = memory.rate(key, parts[i], one.when, one.discontinuity, most);
    if (rate) sum += *rate;
    whole = whole && rate.has_value();
  }
  if (!whole) return std::nullopt;
  return sum;
}

}  // namespace vigile::snmp
