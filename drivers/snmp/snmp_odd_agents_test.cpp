// SPDX-License-Identifier: Apache-2.0
// Against agents that no snmpd is like: rows out of order, no GetBulk, version 1 only, a name with several
// addresses.
#include <gmock/gmock.h>

#include <cstdlib>

#include "drivers/snmp/scripted_agent.h"
#include "drivers/snmp/snmp.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using snmp::Oid;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Agent = ScriptedAgent;
using Manners = Agent::Manners;

constexpr std::uint32_t kRows[] = {21, 22, 40014};

Oid cell(std::uint32_t column, std::uint32_t row) {
  return {1, 3, 6, 1, 2, 1, 2, 2, 1, column, row};
}

// A switch; in its column of ifInDiscards the last row comes first.
std::vector<Agent::Object> a_switch() {
  std::vector<Agent::Object> objects = {{{1, 3, 6, 1, 2, 1, 1, 3, 0}, Agent::ticks(5000)}};
  const char* const names[] = {"ge-0/0/1", "ge-0/0/2", "ae0"};
  for (std::size_t i = 0; i < 3; ++i) objects.push_back({cell(2, kRows[i]), Agent::text(names[i])});
  for (const auto row : kRows) objects.push_back({cell(8, row), Agent::integer(1)});
  for (const auto row : {40014U, 21U, 22U}) objects.push_back({cell(13, row), Agent::counter32(row)});
  for (const std::uint32_t column : {14U, 19U, 20U}) {
    for (const auto row : kRows) objects.push_back({cell(column, row), Agent::counter32(0)});
  }
  return objects;
}

class OddAgent : public testing::Test {
 protected:
  std::unique_ptr<Driver> make(std::uint16_t port, const std::string& more,
                               const std::string& host = "127.0.0.1") {
    auto driver =
        kSnmpDriver.make(options_from_yaml(kSnmpDriver, "{address: '" + host + ":" + std::to_string(port) +
                                                            "', timeout: 300ms, retries: 0" + more + "}"),
                         {.clock = clock_});
    if (!driver) throw std::runtime_error(driver.error().message);
    return std::move(*driver);
  }

  std::string sample(Driver& driver) {
    TextOutput out(kSnmpDriver);
    const auto done = driver.sample({clock_.boot(), clock_.boot() + 60s, {}}, out);
    if (!done) out.text += "error: " + done.error().message + "\n";
    return replace_numbers(out.text, "127.0.0.1:", "ADDRESS");
  }

  const SystemClock clock_;
};

const std::string kInterfaces = ", interfaces: true";

void expect_all_interfaces(const std::string& text) {
  EXPECT_THAT(text, AllOf(HasSubstr("interface=ge-0/0/1 rx_errors_per_s=0"), HasSubstr("interface=ge-0/0/2 "),
                          HasSubstr("interface=ae0 rx_errors_per_s=0"), HasSubstr("up=true"),
                          HasSubstr("availability up"), Not(HasSubstr("error: "))));
}

TEST_F(OddAgent, AColumnOutOfOrderIsReadWhole) {
  const Agent agent(a_switch(), {});
  const auto driver = make(agent.port(), kInterfaces + ", tables: [{name: discards, oid: ifInDiscards}]");
  (void)sample(*driver);
  const std::string text = sample(*driver);
  expect_all_interfaces(text);
  EXPECT_THAT(text, AllOf(HasSubstr("index=21 discards=21i"), HasSubstr("index=22 discards=22i"),
                          HasSubstr("index=40014 discards=40014i"), HasSubstr("rx_drops_per_s=0")));
}

TEST_F(OddAgent, WithoutGetBulkIsAskedWithGetNext) {
  for (const auto bulk : {Manners::Bulk::ignored, Manners::Bulk::refused}) {
    const Agent agent(a_switch(), {.bulk = bulk});
    const auto driver = make(agent.port(), kInterfaces);
    (void)sample(*driver);
    const int before = agent.asked();
    const std::string text = sample(*driver);
    expect_all_interfaces(text);
    EXPECT_THAT(text, HasSubstr("errors=0i"));  // it is not tried in vain again
    EXPECT_LT(agent.asked() - before, 20);
  }
}

TEST_F(OddAgent, OfVersion1IsRead) {
  const Agent agent(a_switch(), {.only_version_1 = true});
  const auto driver =
      make(agent.port(), kInterfaces +
                             ", version: '1', get: [{name: one, oid: ifOperStatus.21}, "
                             "{name: none, oid: ifOperStatus.5}, {name: two, oid: ifOperStatus.22}]");
  (void)sample(*driver);
  const std::string text = sample(*driver);
  EXPECT_THAT(text,
              AllOf(HasSubstr("snmp,address=ADDRESS one=1i,two=1i\n"), HasSubstr("uptime=50\n"),
                    HasSubstr("interface=ae0 rx_errors_per_s=0"),
                    HasSubstr("error: ADDRESS ifOperStatus.5: the agent has no such object (noSuchName)\n")));
}

TEST_F(OddAgent, OfVersion1WithoutUptimeIsRead) {
  auto objects = a_switch();
  objects.erase(objects.begin());
  const Agent agent(objects, {.only_version_1 = true});
  const auto driver = make(agent.port(), ", version: '1', get: [{name: one, oid: ifOperStatus.21}]");
  EXPECT_THAT(sample(*driver),
              AllOf(HasSubstr("one=1i"), Not(HasSubstr("error: ")), Not(HasSubstr("uptime"))));
}

TEST_F(OddAgent, AColumnThatIsRefusedCostsItself) {
  const Agent agent(a_switch(), {.refused_column = {1, 3, 6, 1, 2, 1, 2, 2, 1, 19}});
  const auto driver = make(agent.port(), kInterfaces);
  (void)sample(*driver);
  EXPECT_THAT(
      sample(*driver),
      AllOf(HasSubstr("interface=ae0 rx_errors_per_s=0,tx_errors_per_s=0,rx_drops_per_s=0,up=true"),
            HasSubstr("error: ADDRESS interfaces 1.3.6.1.2.1.2.2.1.19: the agent answers with genErr")));
}

TEST_F(OddAgent, InterfacesWithoutNamesAreTaggedWithTheirIndex) {
  std::vector<Agent::Object> objects;
  for (const std::uint32_t column : {8U, 14U}) {
    for (const auto row : kRows)
      objects.push_back({cell(column, row), column == 8 ? Agent::integer(2) : Agent::counter32(0)});
  }
  const Agent agent(objects, {});
  const auto driver = make(agent.port(), kInterfaces);
  EXPECT_THAT(sample(*driver), AllOf(HasSubstr("interface=21 up=false\n"),
                                     HasSubstr("interface=40014 up=false\n"), Not(HasSubstr("error: "))));
}

TEST_F(OddAgent, MacAddressesAreAlwaysPairs) {
  const Agent agent({{cell(6, 1), Agent::text("\x02\x1a^V3[")},
                     {cell(6, 2), Agent::text("A1B2C3")},
                     {cell(8, 1), Agent::integer(1)},
                     {cell(8, 2), Agent::integer(2)}},
                    {});
  const auto driver = make(agent.port(),
                           ", tables: [{name: mac, oid: ifPhysAddress, as: text}, "
                           "{name: state, oid: ifOperStatus, tag: mac, label: ifPhysAddress}]");
  EXPECT_THAT(sample(*driver), AllOf(HasSubstr("index=1 mac=\"02:1a:5e:56:33:5b\""),
                                     HasSubstr("index=2 mac=\"41:31:42:32:43:33\""),
                                     HasSubstr("mac=41:31:42:32:43:33 state=2i"), Not(HasSubstr("error: "))));
}

TEST_F(OddAgent, TextsInLatin1AreTextsAndOtherOctetsAreNot) {
  const auto alias = [](std::uint32_t row) { return Oid{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18, row}; };
  const Agent agent({{cell(2, 1), Agent::text("eth1")},
                     {cell(2, 2), Agent::text("eth2")},
                     {cell(2, 3), Agent::text("eth3")},
                     {cell(8, 1), Agent::integer(1)},
                     {cell(8, 2), Agent::integer(1)},
                     {cell(8, 3), Agent::integer(1)},
                     {alias(1), Agent::text("B\xfcro S\xfc"
                                            "d")},
                     {alias(2), Agent::text("A\x85"
                                            "BCDEF")},
                     {alias(3), Agent::text("\xe1\xb2\xe3")},
                     {{1, 3, 6, 1, 4, 1, 99999, 1, 1, 0},
                      Agent::text("21,5 \xb0"
                                  "C")}},
                    {});
  const auto driver =
      make(agent.port(), std::string(kInterfaces) + ", get: [{name: t, oid: 1.3.6.1.4.1.99999.1.1.0}]");
  EXPECT_THAT(sample(*driver), AllOf(HasSubstr("t=21.5\n"), HasSubstr("alias=Büro Süd,interface=eth1"),
                                     HasSubstr("alias=41:85:42:43:44:45:46,interface=eth2"),
                                     HasSubstr("alias=e1:b2:e3,interface=eth3"), Not(HasSubstr("error: "))));
}

TEST_F(OddAgent, TextsAreNumbersAndCodesAreNone) {
  const Oid at = {1, 3, 6, 1, 4, 1, 99999, 1};
  const auto instance = [&](std::uint32_t number) {
    Oid oid = at;
    oid.insert(oid.end(), {number, 0});
    return oid;
  };
  const Agent agent({{instance(1), Agent::text("21,5")},
                     {instance(2), Agent::text("21.5 C")},
                     {instance(3), Agent::text("98%")},
                     {instance(4), Agent::text("1.234,5")},
                     {instance(5), Agent::integer(-2)},
                     {instance(6), Agent::text("N/A")},
                     {instance(7), Agent::counter64(~std::uint64_t{0})}},
                    {});
  const std::string oid = "1.3.6.1.4.1.99999.1.";
  const auto driver = make(agent.port(), ", get: [{name: a, oid: " + oid + "1.0}, {name: b, oid: " + oid +
                                             "2.0}, {name: c, oid: " + oid + "3.0}, {name: d, oid: " + oid +
                                             "4.0, decimal: comma, thousands: point}, {name: e, "
                                             "oid: " +
                                             oid + "5.0, not_available: [-2]}, {name: f, oid: " + oid +
                                             "6.0, not_available: [N/A]}, {name: g, oid: " + oid + "7.0}]");
  EXPECT_THAT(sample(*driver), AllOf(HasSubstr("a=21.5,b=21.5,c=98,d=1234.5,g=18446744073709551615u\n"),
                                     HasSubstr("not_available=2i"), Not(HasSubstr("error: "))));
}

TEST_F(OddAgent, ValuesAreComputedFromColumns) {
  const auto storage = [](std::uint32_t column, std::uint32_t row) {
    return Oid{1, 3, 6, 1, 2, 1, 25, 2, 3, 1, column, row};
  };
  const auto sensor = [](std::uint32_t column, std::uint32_t row) {
    return Oid{1, 3, 6, 1, 2, 1, 99, 1, 1, 1, column, row};
  };
  const Agent agent({{storage(4, 1), Agent::integer(4096)},
                     {storage(5, 1), Agent::integer(1000)},
                     {storage(6, 1), Agent::integer(250)},
                     {storage(6, 2), Agent::integer(7)},
                     {sensor(2, 1), Agent::integer(9)},
                     {sensor(2, 2), Agent::integer(8)},
                     {sensor(3, 1), Agent::integer(1)},
                     {sensor(3, 2), Agent::integer(0)},
                     {sensor(4, 1), Agent::integer(215)},
                     {sensor(4, 2), Agent::integer(12042)}},
                    {});
  const auto driver = make(agent.port(),
                           ", tables: [{name: used, oid: hrStorageUsed, times: hrStorageAllocationUnits}, "
                           "{name: used_percent, oid: hrStorageUsed, over: hrStorageSize, scale: 100}, "
                           "{name: sensor, oid: entPhySensorValue, prefix: entPhySensorScale, "
                           "precision: entPhySensorPrecision, tag: sensor}]");
  EXPECT_THAT(
      sample(*driver),
      AllOf(HasSubstr("index=1 used=1024000,used_percent=25\n"), HasSubstr("sensor=1 sensor=21.5\n"),
            HasSubstr("sensor=2 sensor=12.042\n"), Not(HasSubstr("index=2")), Not(HasSubstr("error: "))));
}

TEST_F(OddAgent, ASilentAddressOfANameDoesNotMakeItUnavailable) {
  const Agent agent(a_switch(), {});
  Agent silent(a_switch(), {.only_version_1 = true, .address = "127.0.0.2", .port = agent.port()});
  ::setenv("VIGILE_TEST_NAMES", "switch.test=127.0.0.2,127.0.0.1", 1);
  const auto driver = make(agent.port(), ", get: [{name: one, oid: ifOperStatus.21}]", "switch.test");
  EXPECT_THAT(sample(*driver),
              AllOf(HasSubstr("one=1i"), HasSubstr("availability up"), Not(HasSubstr("error: "))));
  const int before = silent.asked();
  EXPECT_THAT(sample(*driver), HasSubstr("one=1i"));
  EXPECT_EQ(silent.asked(), before);  // the one that answered is asked first
}

TEST_F(OddAgent, WhenNoAddressAnswersEachIsNamed) {
  Agent one({}, {.only_version_1 = true});
  Agent two({}, {.only_version_1 = true, .address = "127.0.0.2", .port = one.port()});
  ::setenv("VIGILE_TEST_NAMES", "switch.test=127.0.0.2,127.0.0.1", 1);
  const auto driver = make(one.port(), "", "switch.test");
  EXPECT_THAT(sample(*driver), AllOf(HasSubstr("127.0.0.2: no answer within 300ms"),
                                     HasSubstr("; ADDRESS no answer"), HasSubstr("availability down")));
}

}  // namespace
}  // namespace vigile
