// SPDX-License-Identifier: Apache-2.0
// The driver `snmp`: 'o' and an OID, 'h' and an address, 't' and octets that may be text; anything else is
// what an agent answers while its interfaces are walked, twice.
#include <algorithm>
#include <cmath>

#include "drivers/snmp/counter_rate.h"
#include "drivers/snmp/interface_table.h"
#include "drivers/snmp/oid.h"
#include "drivers/snmp/snmp_settings.h"
#include "input.h"
#include "support/fake_clock.h"
#include "targets.h"

namespace vigile {
namespace {

bool is_line(const std::string& text) {
  return text.size() < 400 && text.find_first_of("\n\r\t\x1b") == std::string::npos;
}

Fault oid_fault(std::string_view text) {
  const auto oid = snmp::parse_oid(text);
  if (!oid) return is_line(oid.error().message) ? Fault() : Fault("an error that is no line");
  if (oid->size() < 2 || oid->size() > snmp::kLongestOid) return "an OID of another length";
  const auto again = snmp::parse_oid(snmp::oid_text(*oid));
  if (!again || *again != *oid) return "an OID that reads back as another: " + snmp::oid_text(*oid);
  return std::nullopt;
}

Fault peer_fault(std::string_view text) {
  const auto peer = snmp::parse_peer(text);
  if (!peer) return is_line(peer.error().message) ? Fault() : Fault("an error that is no line");
  const auto again = snmp::parse_peer(peer->shown);
  if (!again || again->host != peer->host || again->port != peer->port)
    return "an address that reads back as another: " + peer->shown;
  return std::nullopt;
}

Fault text_fault(std::string_view bytes) {
  const std::string text = snmp::printable(bytes);
  if (text.size() > 1100) return "a text of " + std::to_string(text.size());
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "a control character";
  }
  const auto number =
      snmp::to_reading({.type = snmp::SnmpValue::Type::bytes, .text = std::string(bytes)}, {});
  if (number && !std::isfinite(std::get<double>(*number))) return "a number that is none";
  return std::nullopt;
}

snmp::VarBind variable_of(Input& in, const snmp::Oid& after) {
  snmp::VarBind one;
  const std::uint8_t how = in.byte();
  one.oid = after;
  if ((how & 1) != 0) one.oid.push_back(in.byte());
  if ((how & 2) != 0 && !one.oid.empty()) one.oid.back() += in.byte();
  if ((how & 4) != 0) one.oid.resize(in.byte() % 12);
  one.value.type = static_cast<snmp::SnmpValue::Type>((how >> 3) % 11);
  if (one.value.type < snmp::SnmpValue::Type::real) {
    one.value.count = in.number(8);
    one.value.number = static_cast<std::int64_t>(one.value.count);
  } else {
    one.value.text = in.bytes(in.byte() % 40);
  }
  return one;
}

Fault walk_fault(Input in) {
  FakeClock clock;
  snmp::CounterMemory memory;
  int asked = 0;
  const snmp::AskNext ask = [&](std::span<const snmp::Oid> oids, int) -> Result<snmp::Response> {
    ++asked;
    snmp::Response response;
    if (in.empty()) return response;
    const std::uint8_t how = in.byte();
    if (how == 0xff) response.error_status = in.byte();
    for (std::size_t i = 0; i < how % 64U; ++i)
      response.variables.push_back(variable_of(in, oids[i % oids.size()]));
    return response;
  };
  for (int run = 0; run < 2; ++run) {
    const auto list = snmp::read_interfaces(20, clock, ask);
    if (!list) {
      if (!is_line(list.error().message)) return "an error that is no line";
      continue;
    }
    if (list->list.size() > snmp::kMostRows) return "more interfaces than may be";
    memory.begin(clock.boot(), static_cast<std::uint32_t>(run * 1000));
    for (const snmp::Interface& one : list->list) {
      if (one.name.empty()) return "an interface without a name";
      if (one.speed_mbit && !(*one.speed_mbit > 0)) return "a speed of nothing";
      for (std::size_t i = 0; i < snmp::kTraffics; ++i) {
        const auto rate = traffic_rate(memory, one, static_cast<snmp::Traffic>(i));
        if (rate && !(std::isfinite(*rate) && *rate >= 0)) return "a rate that is none";
      }
    }
    memory.end();
    clock.advance(std::chrono::seconds(10));
  }
  if (static_cast<std::size_t>(asked) > in.rest().size() + 100'000) return "asked without end";
  return std::nullopt;
}

}  // namespace

Fault snmp_fault(std::string_view input) {
  Input in(input);
  switch (in.byte()) {
    case 'o':
      return oid_fault(in.rest());
    case 'h':
      return peer_fault(in.rest());
    case 't':
      return text_fault(in.rest());
    default:
      return walk_fault(in);
  }
}

}  // namespace vigile
