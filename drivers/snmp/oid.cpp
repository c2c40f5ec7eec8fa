// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/oid.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace vigile::snmp {

namespace {

struct Named {
  std::string_view name;
  std::string_view numbers;
  bool scalar = false;
};

constexpr std::array kNames = {
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

// Appends "3.6.1"; false when it is something else.
bool append(std::string_view numbers, Oid& oid) {
  for (;;) {
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(numbers.data(), numbers.data() + numbers.size(), number);
    if (parsed.ec != std::errc()) return false;
    oid.push_back(number);
    numbers.remove_prefix(static_cast<std::size_t>(parsed.ptr - numbers.data()));
    if (numbers.empty()) return true;
    if (numbers[0] != '.') return false;
    numbers.remove_prefix(1);
  }
}

}  // namespace

Result<Oid> parse_oid(std::string_view text) {
  constexpr const char* kWanted = "is not an OID like 1.3.6.1.2.1.1.3.0 or sysUpTime.0";
  std::string_view rest = text;
  if (const std::size_t module = rest.find("::"); module != std::string_view::npos) {
    rest.remove_prefix(module + 2);
  } else if (rest.starts_with('.')) {
    rest.remove_prefix(1);
  }
  if (rest.empty()) return bad(text, kWanted);
  Oid oid;
  if (rest[0] >= '0' && rest[0] <= '9') {
    if (!append(rest, oid)) return bad(text, kWanted);
  } else {
    const std::string_view name = rest.substr(0, rest.find('.'));
    const auto* const found =
        std::find_if(kNames.begin(), kNames.end(), [&](const Named& one) { return one.name == name; });
    if (found == kNames.end())
      return bad(text, "is not a name that is known here; write it in numbers (snmptranslate -On NAME)");
    append(found->numbers, oid);
    if (name.size() < rest.size()) {
      if (!append(rest.substr(name.size() + 1), oid)) return bad(text, kWanted);
    } else if (found->scalar) {
      oid.push_back(0);
    }
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
