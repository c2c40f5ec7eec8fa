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

}  // namespace

Result<std::vector<Interface>> read_interfaces(int max_repetitions, const Clock& clock, std::string_view what,
                                               const AskBulk& ask) {
  const Oid if_entry = {1, 3, 6, 1, 2, 1, 2, 2, 1};
  const Oid if_x_entry = {1, 3, 6, 1, 2, 1, 31, 1, 1, 1};
  auto basic = walk_table(columns(if_entry, kBasic), max_repetitions, clock, what, ask);
  if (!basic) return basic.error();
  auto wide = walk_table(columns(if_x_entry, kWide), max_repetitions, clock, what, ask);
  if (!wide) return wide.error();
  // The narrow counters wrap in seconds on fast lines: only where there are no others.
  Table narrow;
  for (const auto& [index, row] : basic->rows) {
    if (cell(row_of(*wide, index), hc_in_octets) != nullptr) continue;
    auto walked = walk_table(columns(if_entry, kNarrow), max_repetitions, clock, what, ask);
    if (!walked) return walked.error();
    narrow = std::move(*walked);
    break;
  }
  std::vector<Interface> list;
  std::set<std::string> names;
  for (const auto& [index, row] : basic->rows) {
    const TableRow* const more = row_of(*wide, index);
    const TableRow* const old = row_of(narrow, index);
    Interface& one = list.emplace_back();
    one.name = text_of(cell(more, name));
    if (one.name.empty()) one.name = text_of(cell(&row, descr));
    if (one.name.empty()) one.name = oid_text(index);
    if (!names.insert(one.name).second) one.name += " (" + oid_text(index) + ")";
    one.alias = text_of(cell(more, alias));
    const SnmpValue* const status = cell(&row, oper_status);
    if (status != nullptr && status->type == SnmpValue::Type::integer) one.up = status->number == kUp;
    set_speed(one, cell(more, high_speed), cell(&row, speed));
    one.discontinuity = count_of(cell(more, discontinuity)).value_or(0);
    one.when = row.when;
    set(one, Traffic::rx_errors, {cell(&row, in_errors)});
    set(one, Traffic::tx_errors, {cell(&row, out_errors)});
    set(one, Traffic::rx_drops, {cell(&row, in_discards)});
    set(one, Traffic::tx_drops, {cell(&row, out_discards)});
    if (cell(more, hc_in_octets) != nullptr) {
      one.when = more->when;
      set(one, Traffic::rx_bytes, {cell(more, hc_in_octets)});
      set(one, Traffic::tx_bytes, {cell(more, hc_out_octets)});
      set(one, Traffic::rx_packets,
          {cell(more, hc_in_unicast), cell(more, hc_in_multicast), cell(more, hc_in_broadcast)});
      set(one, Traffic::tx_packets,
          {cell(more, hc_out_unicast), cell(more, hc_out_multicast), cell(more, hc_out_broadcast)});
    } else if (old != nullptr) {
      one.when = old->when;
      set(one, Traffic::rx_bytes, {cell(old, in_octets)});
      set(one, Traffic::tx_bytes, {cell(old, out_octets)});
      set(one, Traffic::rx_packets, {cell(old, in_packets)});
      set(one, Traffic::tx_packets, {cell(old, out_packets)});
    }
  }
  return list;
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
