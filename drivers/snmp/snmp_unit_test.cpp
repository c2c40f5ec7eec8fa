// SPDX-License-Identifier: Apache-2.0
// What needs no agent: OIDs, settings, values, counters that wrap, walks against agents that misbehave.
#include "drivers/snmp/snmp.h"

#include <gmock/gmock.h>

#include <random>

#include "drivers/snmp/counter_rate.h"
#include "drivers/snmp/interface_table.h"
#include "drivers/snmp/oid.h"
#include "drivers/snmp/snmp_settings.h"
#include "drivers/snmp/snmp_value.h"
#include "drivers/snmp/table_walk.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using snmp::As;
using snmp::growth;
using snmp::Oid;
using snmp::SnmpValue;
using Type = SnmpValue::Type;

std::string numbers(std::string_view text) {
  const auto oid = snmp::parse_oid(text);
  return oid ? snmp::oid_text(*oid) : "no: " + oid.error().message;
}

TEST(SnmpOid, IsReadInNumbersAndByCommonNames) {
  EXPECT_EQ(numbers("1.3.6.1.2.1.1.3.0"), "1.3.6.1.2.1.1.3.0");
  EXPECT_EQ(numbers(".1.3.6.1.4.1.9.9"), "1.3.6.1.4.1.9.9");
  EXPECT_EQ(numbers("2.999"), "2.999");
  EXPECT_EQ(numbers("1.3.4294967295"), "1.3.4294967295");
  EXPECT_EQ(numbers("sysUpTime"), "1.3.6.1.2.1.1.3.0");
  EXPECT_EQ(numbers("sysUpTime.0"), "1.3.6.1.2.1.1.3.0");
  EXPECT_EQ(numbers("SNMPv2-MIB::sysName.0"), "1.3.6.1.2.1.1.5.0");
  EXPECT_EQ(numbers("ifHCInOctets"), "1.3.6.1.2.1.31.1.1.1.6");
  EXPECT_EQ(numbers("IF-MIB::ifHCInOctets.10101"), "1.3.6.1.2.1.31.1.1.1.6.10101");
  EXPECT_EQ(numbers("laLoad.1"), "1.3.6.1.4.1.2021.10.1.3.1");
  EXPECT_EQ(numbers("sysFoo"),
            "no: \"sysFoo\" is not a name that is known here; write it in numbers (snmptranslate -On NAME)");
  for (const char* bad : {"", ".", "1", "1.", "1..3", "3.1", "1.40", "1.3.4294967296", "sysUpTime.",
                          "::", "1.3 6", "{}", "{ 1 }"}) {
    EXPECT_EQ(numbers(bad),
              "no: \"" + std::string(bad) + "\" is not an OID like 1.3.6.1.2.1.1.3.0 or sysUpTime.0");
  }
  EXPECT_NE(numbers(std::string(300, '1') + "\n").find("no: \"1111"), std::string::npos);
  std::string longest = "1.3";
  for (int i = 0; i < 126; ++i) longest += ".1";
  EXPECT_EQ(numbers(longest), longest);
  EXPECT_EQ(numbers(longest + ".1").substr(0, 4), "no: ");
}

TEST(SnmpOid, IsTakenAsManualsWriteIt) {
  EXPECT_EQ(numbers("iso.org.dod.internet.mgmt.mib-2.system.sysUpTime.0"), "1.3.6.1.2.1.1.3.0");
  EXPECT_EQ(numbers(".iso.3.6.1.2.1.1.5.0"), "1.3.6.1.2.1.1.5.0");
  EXPECT_EQ(numbers("interfaces.ifTable.ifEntry.ifInOctets.2"), "1.3.6.1.2.1.2.2.1.10.2");
  EXPECT_EQ(numbers("enterprises.318.1.1.1"), "1.3.6.1.4.1.318.1.1.1");
  EXPECT_EQ(numbers("SNMPv2-SMI::enterprises.318"), "1.3.6.1.4.1.318");
  EXPECT_EQ(numbers("{ iso(1) org(3) dod(6) internet(1) private(4) 1 318 }"), "1.3.6.1.4.1.318");
  EXPECT_EQ(numbers("{enterprises 318 1}"), "1.3.6.1.4.1.318.1");
  EXPECT_EQ(numbers(" 1.3.6.1 "), "1.3.6.1");
}

TEST(SnmpOid, ANameThatIsNearIsSuggested) {
  const std::string wrong = " is not a name that is known here; did you mean ";
  EXPECT_EQ(numbers("sysUptime.0"), "no: \"sysUptime.0\"" + wrong + "\"sysUpTime\"?");
  EXPECT_EQ(numbers("sysUpTiem"), "no: \"sysUpTiem\"" + wrong + "\"sysUpTime\"?");
  EXPECT_EQ(numbers("IF-MIB::ifHCInOctet.1"), "no: \"IF-MIB::ifHCInOctet.1\"" + wrong + "\"ifHCInOctets\"?");
}

TEST(SnmpOid, AnyTextIsAnOidOrAnError) {
  std::mt19937 random(20261125);
  constexpr std::string_view kSigns = "0123456789..::-isUpT eyé\n\t%";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = i % 3 == 0 ? "1.3.6.1" : i % 3 == 1 ? "ifName" : "";
    for (std::size_t size = random() % 20; size > 0; --size) text += kSigns[random() % kSigns.size()];
    const auto oid = snmp::parse_oid(text);
    if (oid) {
      ASSERT_EQ(numbers(snmp::oid_text(*oid)), snmp::oid_text(*oid));
    } else {
      ASSERT_LT(oid.error().message.size(), 200U);
      ASSERT_EQ(oid.error().message.find_first_of("\n\t"), std::string::npos);
    }
  }
}

TEST(SnmpValues, BecomeReadings) {
  const auto reading = [](const SnmpValue& value, As as = As::gauge, double scale = 1) -> std::string {
    const auto got = to_reading(value, {.as = as, .scale = scale});
    if (!got) return got.error().message;
    if (const auto* text = std::get_if<std::string>(&*got)) return *text;
    if (const auto* whole = std::get_if<std::int64_t>(&*got)) return std::to_string(*whole) + "i";
    if (const auto* large = std::get_if<std::uint64_t>(&*got)) return std::to_string(*large) + "u";
    return testing::PrintToString(std::get<double>(*got));
  };
  EXPECT_EQ(reading({.type = Type::integer, .number = -5}), "-5i");
  EXPECT_EQ(reading({.type = Type::integer, .number = 253}, As::gauge, 0.1), "25.3");
  EXPECT_EQ(reading({.type = Type::counter64, .count = ~std::uint64_t{0}}, As::counter),
            "18446744073709551615u");
  EXPECT_EQ(reading({.type = Type::timeticks, .count = 4294967295}), "4294967295i");
  EXPECT_EQ(reading({.type = Type::bytes, .text = " 0.12\n"}), "0.12");
  EXPECT_EQ(reading({.type = Type::real, .real = 1.5}), "1.5");
  EXPECT_EQ(reading({.type = Type::counter64, .count = std::uint64_t{1} << 63}), "9223372036854775808u");
  EXPECT_EQ(reading({.type = Type::gauge32, .count = ~std::uint64_t{0}}), "18446744073709551615u");  // opaque
  EXPECT_EQ(reading({.type = Type::bytes, .text = "12 V"}), "12");
  EXPECT_EQ(reading({.type = Type::bytes, .text = "98%"}), "98");
  EXPECT_EQ(reading({.type = Type::bytes, .text = "21.5 C"}), "21.5");
  EXPECT_EQ(reading({.type = Type::bytes, .text = "21,5"}), "21.5");
  EXPECT_EQ(reading({.type = Type::bytes, .text = "-71"}), "-71");
  EXPECT_NE(reading({.type = Type::bytes, .text = ""}).find("number"), std::string::npos);
  EXPECT_NE(reading({.type = Type::bytes, .text = "nan"}).find("number"), std::string::npos);
  EXPECT_NE(reading({.type = Type::bytes, .text = std::string("\0\0\x01\xf4", 4)}).find("number"),
            std::string::npos);
  EXPECT_EQ(reading({.type = Type::bytes, .text = "Quai 1 – été "}, As::text), "Quai 1 – été");
  EXPECT_EQ(reading({.type = Type::bytes, .text = std::string("\x00\x1b\x21", 3)}, As::text), "00:1b:21");
  EXPECT_EQ(reading({.type = Type::bytes, .text = "\xc3"}, As::text), "c3");
  EXPECT_EQ(reading({.type = Type::bytes, .text = std::string("abc\0", 4)}, As::text), "abc");
  EXPECT_EQ(reading({.type = Type::other, .text = "10.0.0.1"}, As::text), "10.0.0.1");
  EXPECT_EQ(reading({.type = Type::other, .text = "10.0.0.1"}), "\"10.0.0.1\" is not a number");
}

TEST(SnmpValues, BytesAreShownInHexadecimalWhenAskedFor) {
  const auto shown = [](std::string bytes, As as) {
    return std::get<std::string>(
        *snmp::to_reading({.type = Type::bytes, .text = std::move(bytes)}, {.as = as}));
  };
  EXPECT_EQ(shown("A1B2C3", As::text), "A1B2C3");
  EXPECT_EQ(shown("A1B2C3", As::mac), "41:31:42:32:43:33");  // six bytes that happen to be printable
  EXPECT_EQ(shown("A1B2C3", As::hex), "41:31:42:32:43:33");
  EXPECT_EQ(shown(std::string("\x02\xe2\xba\x9b\x83\0", 6), As::mac), "02:e2:ba:9b:83:00");
  EXPECT_EQ(shown("      ", As::mac), "20:20:20:20:20:20");
  EXPECT_EQ(shown("00-1B-21-0A-0B-0C", As::mac), "00:1b:21:0a:0b:0c");
  EXPECT_EQ(shown("001b.210a.0b0c", As::mac), "00:1b:21:0a:0b:0c");
  EXPECT_EQ(shown("", As::mac), "");
  EXPECT_EQ(shown(std::string("\0\0\x01\xf4", 4), As::hex), "00:00:01:f4");
}

TEST(SnmpValues, AreCombinedFromColumns) {
  using snmp::combined;
  EXPECT_EQ(combined(215, {.prefix = 9, .precision = 1}), 21.5);      // 21.5 °C
  EXPECT_EQ(combined(12042, {.prefix = 8, .precision = 0}), 12.042);  // 12042 mV
  EXPECT_EQ(combined(3, {.prefix = 10, .precision = -2}), 3000);
  EXPECT_EQ(combined(1, {.prefix = 14}), 1e18);  // exa stands before peta in RFC 3433
  EXPECT_EQ(combined(1, {.prefix = 15}), 1e15);
  EXPECT_EQ(combined(1, {.prefix = 18}), std::nullopt);
  EXPECT_EQ(combined(1, {.prefix = 0}), std::nullopt);
  EXPECT_EQ(combined(1000, {.times = 4096}), 4096000);
  EXPECT_EQ(combined(25, {.over = 50}), 0.5);
  EXPECT_EQ(combined(25, {.over = 0}), std::nullopt);
}

SnmpValue counter32(std::uint64_t count) {
  return {.type = Type::counter32, .count = count};
}
SnmpValue counter64(std::uint64_t count) {
  return {.type = Type::counter64, .count = count};
}

TEST(SnmpCounter, GrowsAndWraps) {
  EXPECT_EQ(growth(counter32(10), counter32(15), {}), 5U);
  EXPECT_EQ(growth(counter32(4294967290), counter32(4), {}), 10U);
  EXPECT_EQ(growth(counter64(10), counter64(5'000'000'000), {}), 4'999'999'990U);
  EXPECT_EQ(growth(counter64(~std::uint64_t{0}), counter64(9), {}), 10U);
  // Set back to nothing, not wrapped: half of the range is no growth to believe in.
  EXPECT_EQ(growth(counter32(1000), counter32(5), {}), std::nullopt);
  EXPECT_EQ(growth(counter64(1'000'000'000'000), counter64(5), {}), std::nullopt);
  // Where more is known than that, it decides.
  EXPECT_EQ(growth(counter32(3'000'000'000), counter32(1'000'000'000), 3e9), 2'294'967'296U);
  EXPECT_EQ(growth(counter32(3'000'000'000), counter32(1'000'000'000), 1e9), std::nullopt);
  // Another type is another thing, and what is no counter goes up or not.
  EXPECT_EQ(growth(counter32(10), counter64(15), {}), std::nullopt);
  EXPECT_EQ(growth({.type = Type::gauge32, .count = 4294967290}, {.type = Type::gauge32, .count = 4}, {}),
            std::nullopt);
  EXPECT_EQ(growth({.type = Type::integer, .number = 4}, {.type = Type::integer, .number = 6}, {}), 2U);
  EXPECT_EQ(growth({.type = Type::integer, .number = -4}, {.type = Type::integer, .number = 6}, {}),
            std::nullopt);
}

TEST(SnmpCounter, TellsARestartFromAWrapOfTheUptime) {
  EXPECT_TRUE(snmp::ran_on(1000, 2000, 10s));
  EXPECT_TRUE(snmp::ran_on(1000, 2600, 10s));          // its clock is not ours
  EXPECT_TRUE(snmp::ran_on(4'294'967'000, 704, 10s));  // after 497 days
  EXPECT_FALSE(snmp::ran_on(100'000, 500, 10s));       // began anew
  EXPECT_FALSE(snmp::ran_on(400, 3400, 60s));          // the same, though it reads more than before
  EXPECT_FALSE(snmp::ran_on(4'294'967'000, 300'000, 10s));
  EXPECT_TRUE(snmp::ran_on(0, 0, 4294967296ms * 10));  // a whole turn between two runs
}

TEST(SnmpCounter, RatesNeedTwoReadingsOfOneLife) {
  snmp::CounterMemory memory;
  FakeClock clock;
  const auto run = [&](std::uint32_t uptime, const SnmpValue& value, std::uint64_t discontinuity = 0) {
    memory.begin(clock.boot(), uptime);
    const auto rate = memory.rate("a", value, clock.boot(), discontinuity);
    memory.end();
    clock.advance(10s);
    return rate;
  };
  EXPECT_EQ(run(1000, counter32(4'294'967'000)), std::nullopt);
  EXPECT_EQ(run(2000, counter32(704)), 100.0);           // wrapped
  EXPECT_EQ(run(200, counter32(50'000)), std::nullopt);  // began anew
  EXPECT_EQ(run(1200, counter32(51'000)), 100.0);
  EXPECT_EQ(run(2200, counter32(90'000), 2000), std::nullopt);  // discontinuity
  EXPECT_EQ(run(3200, counter32(91'000), 2000), 100.0);
  memory.begin(clock.boot(), 4200);
  memory.end();  // not seen
  clock.advance(10s);
  EXPECT_EQ(run(5200, counter32(92'000), 2000), std::nullopt);
}

// An agent out of a map, whose answers a test may spoil.
struct FakeAgent {
  std::map<Oid, SnmpValue> objects;
  std::size_t most_variables = 1000;
  int asked = 0;
  snmp::AskNext ask() {
    return [this](std::span<const Oid> oids, int repetitions) -> Result<snmp::Response> {
      if (++asked > 100'000) return Error{ErrorKind::timeout, "asked without end"};
      snmp::Response response;
      std::vector<Oid> at(oids.begin(), oids.end());
      for (int i = 0; i < repetitions; ++i) {
        for (Oid& one : at) {
          if (response.variables.size() == most_variables) return response;
          const auto next = objects.upper_bound(one);
          if (next == objects.end()) {
            response.variables.push_back({one, {.type = Type::end_of_mib_view}});
          } else {
            response.variables.push_back({next->first, next->second});
            one = next->first;
          }
        }
      }
      return response;
    };
  }
};

TEST(SnmpWalk, FindsEachRowOfEachColumn) {
  FakeAgent agent;
  for (std::uint32_t row = 1; row <= 57; ++row) {
    agent.objects[{1, 3, 1, row}] = counter32(row);
    if (row % 3 == 0) agent.objects[{1, 3, 2, row, 7}] = counter32(row);  // another index
    if (row != 20) agent.objects[{1, 3, 4, row}] = counter32(row);
  }
  const std::vector<Oid> columns = {{1, 3, 1}, {1, 3, 4}, {1, 3, 9}};
  const FakeClock clock;
  for (const std::size_t most : {1, 2, 3, 4, 50, 1000}) {
    for (const int repetitions : {1, 2, 10, 200}) {
      agent.most_variables = most;
      const auto table = snmp::walk_table(columns, repetitions, clock, agent.ask());
      ASSERT_TRUE(table) << table.error().message;
      ASSERT_EQ(table->rows.size(), 57U);
      for (const auto& [index, row] : table->rows) {
        EXPECT_EQ(row.cells[0]->count, index[0]);
        EXPECT_EQ(row.cells[1].has_value(), index[0] != 20);
        EXPECT_FALSE(row.cells[2]);
      }
    }
  }
}

TEST(SnmpWalk, EndsWhateverTheAgentAnswers) {
  const FakeClock clock;
  const std::vector<Oid> columns = {{1, 3, 1}};
  const auto walk = [&](const snmp::AskNext& ask) {
    const auto table = snmp::walk_table(columns, 10, clock, ask);
    if (!table) return table.error().message;
    return std::to_string(table->rows.size()) + (table->cut ? "+" : "") + " " + table->faults[0];
  };
  const auto always = [](snmp::Response response) {
    return [response](std::span<const Oid>, int) -> Result<snmp::Response> { return response; };
  };
  EXPECT_EQ(walk(always({})), "0 the agent answers with nothing");
  EXPECT_EQ(walk(always({.error_status = 5})), "0 the agent answers with genErr");
  EXPECT_EQ(walk(always({.error_status = 1})), "0 the agent answers with tooBig");
  EXPECT_EQ(walk(always({.error_status = 99})), "0 the agent answers with an unknown error");
  EXPECT_EQ(walk(always({.error_status = 2})), "0 ");
  EXPECT_EQ(walk(always({.variables = {{{1, 3, 1, 5}, counter32(1)}}})),
            "1 the agent does not get past 1.3.1.5");
  EXPECT_EQ(walk(always({.variables = {{{1, 3, 1, 5}, counter32(1)}, {{1, 3, 1, 4}, counter32(1)}}})), "2 ");
  EXPECT_EQ(walk(always({.variables = {{{1, 3, 0, 5}, counter32(1)}}})), "0 ");
  EXPECT_EQ(walk(always({.variables = {{{}, counter32(1)}}})), "0 ");
  std::uint32_t next = 0;
  EXPECT_EQ(walk([&](std::span<const Oid>, int) -> Result<snmp::Response> {
              return snmp::Response{.variables = {{{1, 3, 1, ++next}, counter32(1)}}};
            }),
            "4096+ ");
}

TEST(SnmpWalk, AColumnThatIsRefusedCostsItself) {
  FakeAgent agent;
  for (const std::uint32_t column : {1U, 2U, 3U}) {
    for (std::uint32_t row = 1; row <= 9; ++row) agent.objects[{1, 3, column, row}] = counter32(row);
  }
  const auto inner = agent.ask();
  const FakeClock clock;
  const std::vector<Oid> columns = {{1, 3, 1}, {1, 3, 2}, {1, 3, 3}};
  for (const int blamed : {0, 1}) {  // with an index in the answer, and without
    const auto table = snmp::walk_table(
        columns, 4, clock, [&](std::span<const Oid> oids, int repetitions) -> Result<snmp::Response> {
          const auto bad = std::find_if(oids.begin(), oids.end(), [](const Oid& oid) { return oid[2] == 2; });
          if (bad == oids.end()) return inner(oids, repetitions);
          return snmp::Response{.error_status = 5,
                                .error_index = blamed * static_cast<int>(bad - oids.begin() + 1)};
        });
    ASSERT_TRUE(table);
    EXPECT_EQ(table->rows.size(), 9U);
    for (const auto& [index, row] : table->rows) {
      EXPECT_TRUE(row.cells[0] && !row.cells[1] && row.cells[2]);
    }
    EXPECT_THAT(table->faults, testing::ElementsAre("", "the agent answers with genErr", ""));
  }
}

TEST(SnmpWalk, AsksForLessWhenAnAnswerWouldBeTooBig) {
  FakeAgent agent;
  for (std::uint32_t row = 1; row <= 9; ++row) agent.objects[{1, 3, 1, row}] = counter32(row);
  const auto inner = agent.ask();
  const FakeClock clock;
  const std::vector<Oid> columns = {{1, 3, 1}};
  const auto table = snmp::walk_table(
      columns, 40, clock, [&](std::span<const Oid> oids, int repetitions) -> Result<snmp::Response> {
        if (repetitions > 3) return snmp::Response{.error_status = 1};
        return inner(oids, repetitions);
      });
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->rows.size(), 9U);
}

std::string refusal(const std::string& yaml) {
  const FakeClock clock;
  const auto made = kSnmpDriver.make(options_from_yaml(kSnmpDriver, yaml), {.clock = clock});
  if (made) return "";
  EXPECT_EQ(made.error().kind, ErrorKind::config);
  return made.error().message;
}

TEST(SnmpSettings, AreTakenOrRefusedWithTheReason) {
  EXPECT_EQ(refusal("{address: h}"), "");
  EXPECT_EQ(refusal("{address: h, get: [{name: a, oid: sysName, as: text}]}"), "");
  EXPECT_EQ(
      refusal("{address: h, get: [{name: a, oid: foo}]}"),
      "get: \"a\": oid: \"foo\" is not a name that is known here; write it in numbers (snmptranslate -On "
      "NAME)");
  EXPECT_EQ(refusal("{address: h, get: [{name: uptime, oid: sysUpTime}]}"),
            "get: \"uptime\": is the name of a metric that the driver itself has");
  EXPECT_EQ(refusal("{address: h, get: [{name: a, oid: sysName}, {name: a, oid: sysDescr}]}"),
            "get: \"a\": is there twice");
  EXPECT_EQ(refusal("{address: h, get: [{name: a, oid: sysName, as: text, scale: 2}]}"),
            "get: \"a\": a text has no scale and offset");
  EXPECT_EQ(refusal("{address: h, tables: [{name: a, oid: sysName}]}"),
            "tables: \"a\": oid: \"sysName\" is no column of a table");
  EXPECT_EQ(
      refusal("{address: h, tables: [{name: a, oid: ifMtu, label: nope}]}"),
      "tables: \"a\": label: \"nope\" is not a name that is known here; write it in numbers (snmptranslate "
      "-On NAME)");
  EXPECT_EQ(refusal("{address: h, tables: [{name: a, oid: ifMtu, tag: address}]}"),
            "tables: \"a\": tag: must be a name, and not address");
  EXPECT_EQ(refusal("{address: h, tables: [{name: a, oid: ifMtu, as: rate, times: ifSpeed}]}"),
            "tables: \"a\": times, over, prefix and precision are for a gauge");
  EXPECT_EQ(refusal("{address: h, user: u}"), "user: needs version: \"3\"");
  EXPECT_EQ(refusal("{address: h, version: '3'}"), "user: version 3 needs one, of up to 32 bytes");
  EXPECT_EQ(refusal("{address: h, version: '3', user: u, community: c0mmunity}"),
            "community: is of versions 1 and 2c, not 3");
  EXPECT_EQ(refusal("{address: h, version: '3', user: u, priv_password: s3cr3t-privacy}"),
            "priv_password: needs an auth_password too");
  EXPECT_EQ(refusal("{address: h, version: '3', user: u, auth_password: s3cr3t}"),
            "auth_password: has less than 8 characters");
  EXPECT_EQ(refusal("{address: h, only_interfaces: [eth0]}"),
            "only_interfaces, except_interfaces: need interfaces: true");
}

TEST(SnmpSettings, TakeAddresses) {
  const auto shown = [](const std::string& text) {
    const auto peer = snmp::parse_peer(text);
    return peer ? peer->shown : "no: " + peer.error().message;
  };
  EXPECT_EQ(shown("10.0.0.2"), "10.0.0.2:161");
  EXPECT_EQ(shown("switch.example:1161"), "switch.example:1161");
  EXPECT_EQ(shown("[2001:db8::1]"), "[2001:db8::1]:161");
  EXPECT_EQ(shown("[2001:db8::1]:1161"), "[2001:db8::1]:1161");
  for (const char* bad : {"", ":161", "h:", "h:0", "h:65536", "h:x", "udp:h:161", "[::1", "[::1]x",
                          "[::1]:", "a b", "user@h", "http://h"}) {
    EXPECT_EQ(shown(bad), "no: address: \"" + std::string(bad) +
                              "\" is not like 10.0.0.2, host:161 or [2001:db8::1]:161");
  }
}

}  // namespace
}  // namespace vigile
