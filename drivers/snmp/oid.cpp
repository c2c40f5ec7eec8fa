// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/oid.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "core/nearest.h"

namespace vigile::snmp {

namespace {

struct Named {
  std::string_view name;
  std::string_view numbers;
  bool scalar = false;
};

constexpr std::array kNames = {
    // The tree above, SNMPv2-SMI, RFC 2578
    Named{"iso", "1"},
    Named{"org", "1.3"},
    Named{"dod", "1.3.6"},
    Named{"internet", "1.3.6.1"},
    Named{"mgmt", "1.3.6.1.2"},
    Named{"mib-2", "1.3.6.1.2.1"},
    Named{"system", "1.3.6.1.2.1.1"},
    Named{"interfaces", "1.3.6.1.2.1.2"},
    Named{"ifEntry", "1.3.6.1.2.1.2.2.1"},
    Named{"ifXEntry", "1.3.6.1.2.1.31.1.1.1"},
    Named{"host", "1.3.6.1.2.1.25"},
    Named{"private", "1.3.6.1.4"},
    Named{"enterprises", "1.3.6.1.4.1"},
    Named{"ucdavis", "1.3.6.1.4.1.2021"},
    Named{"experimental", "1.3.6.1.3"},
    // SNMPv2-MIB, RFC 3418
    Named{"sysDescr", "1.3.6.1.2.1.1.1", true},
    Named{"sysObjectID", "1.3.6.1.2.1.1.2", true},
    Named{"sysUpTime", "1.3.6.1.2.1.1.3", true},
    Named{"sysContact", "1.3.6.1.2.1.1.4", true},
    Named{"sysName", "1.3.6.1.2.1.1.5", true},
    Named{"sysLocation", "1.3.6.1.2.1.1.6", true},
    // IF-MIB, RFC 2863
    Named{"ifNumber", "1.3.6.1.2.1.2.1", true},
    Named{"ifIndex", "1.3.6.1.2.1.2.2.1.1"},
    Named{"ifDescr", "1.3.6.1.2.1.2.2.1.2"},
    Named{"ifType", "1.3.6.1.2.1.2.2.1.3"},
    Named{"ifMtu", "1.3.6.1.2.1.2.2.1.4"},
    Named{"ifSpeed", "1.3.6.1.2.1.2.2.1.5"},
    Named{"ifPhysAddress", "1.3.6.1.2.1.2.2.1.6"},
    Named{"ifAdminStatus", "1.3.6.1.2.1.2.2.1.7"},
    Named{"ifOperStatus", "1.3.6.1.2.1.2.2.1.8"},
    Named{"ifLastChange", "1.3.6.1.2.1.2.2.1.9"},
    Named{"ifInOctets", "1.3.6.1.2.1.2.2.1.10"},
    Named{"ifInUcastPkts", "1.3.6.1.2.1.2.2.1.11"},
    Named{"ifInDiscards", "1.3.6.1.2.1.2.2.1.13"},
    Named{"ifInErrors", "1.3.6.1.2.1.2.2.1.14"},
    Named{"ifInUnknownProtos", "1.3.6.1.2.1.2.2.1.15"},
    Named{"ifOutOctets", "1.3.6.1.2.1.2.2.1.16"},
    Named{"ifOutUcastPkts", "1.3.6.1.2.1.2.2.1.17"},
    Named{"ifOutDiscards", "1.3.6.1.2.1.2.2.1.19"},
    Named{"ifOutErrors", "1.3.6.1.2.1.2.2.1.20"},
    Named{"ifName", "1.3.6.1.2.1.31.1.1.1.1"},
    Named{"ifInMulticastPkts", "1.3.6.1.2.1.31.1.1.1.2"},
    Named{"ifInBroadcastPkts", "1.3.6.1.2.1.31.1.1.1.3"},
    Named{"ifOutMulticastPkts", "1.3.6.1.2.1.31.1.1.1.4"},
    Named{"ifOutBroadcastPkts", "1.3.6.1.2.1.31.1.1.1.5"},
    Named{"ifHCInOctets", "1.3.6.1.2.1.31.1.1.1.6"},
    Named{"ifHCInUcastPkts", "1.3.6.1.2.1.31.1.1.1.7"},
    Named{"ifHCInMulticastPkts", "1.3.6.1.2.1.31.1.1.1.8"},
    Named{"ifHCInBroadcastPkts", "1.3.6.1.2.1.31.1.1.1.9"},
    Named{"ifHCOutOctets", "1.3.6.1.2.1.31.1.1.1.10"},
    Named{"ifHCOutUcastPkts", "1.3.6.1.2.1.31.1.1.1.11"},
    Named{"ifHCOutMulticastPkts", "1.3.6.1.2.1.31.1.1.1.12"},
    Named{"ifHCOutBroadcastPkts", "1.3.6.1.2.1.31.1.1.1.13"},
    Named{"ifHighSpeed", "1.3.6.1.2.1.31.1.1.1.15"},
    Named{"ifAlias", "1.3.6.1.2.1.31.1.1.1.18"},
    Named{"ifCounterDiscontinuityTime", "1.3.6.1.2.1.31.1.1.1.19"},
    // IP-MIB, TCP-MIB, UDP-MIB
    Named{"ipInReceives", "1.3.6.1.2.1.4.3", true},
    Named{"ipInDiscards", "1.3.6.1.2.1.4.8", true},
    Named{"tcpCurrEstab", "1.3.6.1.2.1.6.9", true},
    Named{"tcpRetransSegs", "1.3.6.1.2.1.6.12", true},
    Named{"udpInDatagrams", "1.3.6.1.2.1.7.1", true},
    Named{"udpInErrors", "1.3.6.1.2.1.7.3", true},
    // HOST-RESOURCES-MIB, RFC 2790
    Named{"hrSystemUptime", "1.3.6.1.2.1.25.1.1", true},
    Named{"hrSystemNumUsers", "1.3.6.1.2.1.25.1.5", true},
    Named{"hrSystemProcesses", "1.3.6.1.2.1.25.1.6", true},
    Named{"hrMemorySize", "1.3.6.1.2.1.25.2.2", true},
    Named{"hrStorageDescr", "1.3.6.1.2.1.25.2.3.1.3"},
    Named{"hrStorageAllocationUnits", "1.3.6.1.2.1.25.2.3.1.4"},
    Named{"hrStorageSize", "1.3.6.1.2.1.25.2.3.1.5"},
    Named{"hrStorageUsed", "1.3.6.1.2.1.25.2.3.1.6"},
    Named{"hrDeviceDescr", "1.3.6.1.2.1.25.3.2.1.3"},
    Named{"hrProcessorLoad", "1.3.6.1.2.1.25.3.3.1.2"},
    Named{"hrPrinterStatus", "1.3.6.1.2.1.25.3.5.1.1"},
    // UPS-MIB, RFC 1628
    Named{"upsBatteryStatus", "1.3.6.1.2.1.33.1.2.1", true},
    Named{"upsSecondsOnBattery", "1.3.6.1.2.1.33.1.2.2", true},
    Named{"upsEstimatedMinutesRemaining", "1.3.6.1.2.1.33.1.2.3", true},
    Named{"upsEstimatedChargeRemaining", "1.3.6.1.2.1.33.1.2.4", true},
    Named{"upsBatteryVoltage", "1.3.6.1.2.1.33.1.2.5", true},
    Named{"upsBatteryCurrent", "1.3.6.1.2.1.33.1.2.6", true},
    Named{"upsBatteryTemperature", "1.3.6.1.2.1.33.1.2.7", true},
    Named{"upsInputFrequency", "1.3.6.1.2.1.33.1.3.3.1.2"},
    Named{"upsInputVoltage", "1.3.6.1.2.1.33.1.3.3.1.3"},
    Named{"upsOutputSource", "1.3.6.1.2.1.33.1.4.1", true},
    Named{"upsOutputVoltage", "1.3.6.1.2.1.33.1.4.4.1.2"},
    Named{"upsOutputPercentLoad", "1.3.6.1.2.1.33.1.4.4.1.5"},
    Named{"upsAlarmsPresent", "1.3.6.1.2.1.33.1.6.1", true},
    // Printer-MIB, RFC 3805
    Named{"prtMarkerLifeCount", "1.3.6.1.2.1.43.10.2.1.4"},
    Named{"prtMarkerSuppliesDescription", "1.3.6.1.2.1.43.11.1.1.6"},
    Named{"prtMarkerSuppliesMaxCapacity", "1.3.6.1.2.1.43.11.1.1.8"},
    Named{"prtMarkerSuppliesLevel", "1.3.6.1.2.1.43.11.1.1.9"},
    // ENTITY-MIB and ENTITY-SENSOR-MIB, RFC 6933 and 3433
    Named{"entPhysicalDescr", "1.3.6.1.2.1.47.1.1.1.1.2"},
    Named{"entPhysicalName", "1.3.6.1.2.1.47.1.1.1.1.7"},
    Named{"entPhySensorType", "1.3.6.1.2.1.99.1.1.1.1"},
    Named{"entPhySensorScale", "1.3.6.1.2.1.99.1.1.1.2"},
    Named{"entPhySensorPrecision", "1.3.6.1.2.1.99.1.1.1.3"},
    Named{"entPhySensorValue", "1.3.6.1.2.1.99.1.1.1.4"},
    Named{"entPhySensorOperStatus", "1.3.6.1.2.1.99.1.1.1.5"},
    // POWER-ETHERNET-MIB, RFC 3621
    Named{"pethPsePortDetectionStatus", "1.3.6.1.2.1.105.1.1.1.6"},
    Named{"pethMainPseConsumptionPower", "1.3.6.1.2.1.105.1.3.1.1.4"},
    // UCD-SNMP-MIB of net-snmp
    Named{"memTotalSwap", "1.3.6.1.4.1.2021.4.3", true},
    Named{"memAvailSwap", "1.3.6.1.4.1.2021.4.4", true},
    Named{"memTotalReal", "1.3.6.1.4.1.2021.4.5", true},
    Named{"memAvailReal", "1.3.6.1.4.1.2021.4.6", true},
    Named{"memTotalFree", "1.3.6.1.4.1.2021.4.11", true},
    Named{"dskPath", "1.3.6.1.4.1.2021.9.1.2"},
    Named{"dskPercent", "1.3.6.1.4.1.2021.9.1.9"},
    Named{"laLoad", "1.3.6.1.4.1.2021.10.1.3"},
    Named{"ssCpuIdle", "1.3.6.1.4.1.2021.11.11", true},
    Named{"ssCpuRawUser", "1.3.6.1.4.1.2021.11.50", true},
    Named{"ssCpuRawSystem", "1.3.6.1.4.1.2021.11.52", true},
    Named{"ssCpuRawIdle", "1.3.6.1.4.1.2021.11.53", true},
};

constexpr std::size_t kLongestQuoted = 80;

Error bad(std::string_view text, const std::string& what) {
  std::string quoted(text.substr(0, kLongestQuoted));
  for (char& c : quoted) {
    if (c < ' ' || c > '~') c = '?';
  }
  return Error{ErrorKind::config, "\"" + quoted + "\" " + what};
}

const Named* known(std::string_view name) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Named& one) { return one.name == name; });
  return found == kNames.end() ? nullptr : found;
}

Error unknown(std::string_view text, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Named& one : kNames) names.push_back(one.name);
  const std::string_view meant = nearest(name, names);
  if (meant.empty())
    return bad(text, "is not a name that is known here; write it in numbers (snmptranslate -On NAME)");
  return bad(text, "is not a name that is known here; did you mean \"" + std::string(meant) + "\"?");
}

// The parts between these signs; none at all when one of them is empty.
std::vector<std::string_view> parts_of(std::string_view text, char between, bool may_repeat) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(between), text.size());
    if (end > 0) {
      parts.push_back(text.substr(0, end));
    } else if (!may_repeat) {
      return {};
    }
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

// "3", or "dod(6)".
std::optional<std::uint32_t> number_of(std::string_view part) {
  const std::size_t open = part.find('(');
  if (open != std::string_view::npos && open > 0 && part.ends_with(')'))
    part = part.substr(open + 1, part.size() - open - 2);
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(part.data(), part.data() + part.size(), number);
  if (part.empty() || parsed.ec != std::errc() || parsed.ptr != part.data() + part.size())
    return std::nullopt;
  return number;
}

void append(std::string_view numbers, Oid& oid) {
  for (const std::string_view part : parts_of(numbers, '.', false))
    oid.push_back(number_of(part).value_or(0));
}

std::string_view without_blanks(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<Oid> parse_oid(std::string_view text) {
  constexpr const char* kWanted = "is not an OID like 1.3.6.1.2.1.1.3.0 or sysUpTime.0";
  std::string_view rest = without_blanks(text);
  const bool in_braces = rest.starts_with('{') && rest.ends_with('}');  // of ASN.1: { iso org(3) dod(6) 1 }
  if (in_braces) rest = without_blanks(rest.substr(1, rest.size() - 2));
  if (const std::size_t module = rest.find("::"); module != std::string_view::npos) {
    rest.remove_prefix(module + 2);
  } else if (rest.starts_with('.')) {
    rest.remove_prefix(1);
  }
  const auto parts = parts_of(rest, in_braces ? ' ' : '.', in_braces);
  if (parts.empty()) return bad(text, kWanted);
  // Names say where they are: those before the last one are only its path.
  Oid oid;
  std::size_t first = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Named* const name = known(parts[i]);
    if (name == nullptr) continue;
    oid.clear();
    append(name->numbers, oid);
    first = i + 1;
    if (name->scalar && first == parts.size()) oid.push_back(0);
  }
  for (const std::string_view part : std::span(parts).subspan(first)) {
    const auto number = number_of(part);
    const bool is_name = (part[0] >= 'a' && part[0] <= 'z') || (part[0] >= 'A' && part[0] <= 'Z');
    if (!number && is_name) return unknown(text, part);
    if (!number) return bad(text, kWanted);
    oid.push_back(*number);
  }
  // X.690: the first is 0 to 2, the second below 40 under the first two.
  if (oid.size() < 2 || oid.size() > kLongestOid || oid[0] > 2 || (oid[0] < 2 && oid[1] > 39))
    return bad(text, kWanted);
  return oid;
}

std::string oid_text(const Oid& oid) {
  std::string text;
  for (const std::uint32_t number : oid) {
    if (!text.empty()) text += '.';
    text += std::to_string(number);
  }
  return text;
}

}  // namespace vigile::snmp
