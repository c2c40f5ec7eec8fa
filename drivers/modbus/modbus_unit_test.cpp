// SPDX-License-Identifier: Apache-2.0
// What needs no device: settings, the plan of requests, the meaning of words.
#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "drivers/modbus/modbus.h"
#include "drivers/modbus/modbus_settings.h"
#include "drivers/modbus/register_address.h"
#include "drivers/scale/scale.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using modbus::Kind;
using modbus::Reading;
using modbus::Register;
using modbus::Type;

Register reg(int address, int count = 1, Kind kind = Kind::holding, int unit = 1) {
  Register one;
  one.address = address;
  one.count = count;
  one.kind = kind;
  one.unit_id = unit;
  return one;
}

std::string shown(const std::vector<modbus::Request>& plan) {
  std::string text;
  for (const auto& one : plan) {
    text += std::to_string(one.unit_id) + " " + std::string(to_string(one.kind)) + " " +
            std::to_string(one.first) + "+" + std::to_string(one.count) + ":";
    for (const std::size_t entry : one.entries) text += " " + std::to_string(entry);
    text += "\n";
  }
  return text;
}

TEST(ModbusPlan, PutsNeighboursTogetherWithinTheGap) {
  const std::vector<Register> list = {reg(20), reg(10, 2), reg(12), reg(18), reg(100)};
  EXPECT_EQ(shown(plan_requests(list, {.max_gap = 5})),
            "1 holding 10+11: 1 2 3 0\n"
            "1 holding 100+1: 4\n");
  EXPECT_EQ(shown(plan_requests(list, {.max_gap = 4})),
            "1 holding 10+3: 1 2\n"
            "1 holding 18+3: 3 0\n"
            "1 holding 100+1: 4\n");
}

TEST(ModbusPlan, NeverMixesKindsOrUnits) {
  const std::vector<Register> list = {reg(1, 1, Kind::holding, 7), reg(1),
                                      reg(2, 1, Kind::input),      reg(2),
                                      reg(2, 1, Kind::holding, 7), reg(3, 1, Kind::coil)};
  EXPECT_EQ(shown(plan_requests(list, {.max_gap = 100})),
            "7 holding 1+2: 0 4\n"
            "1 coil 3+1: 5\n"
            "1 holding 1+2: 1 3\n"
            "1 input 2+1: 2\n");
}

TEST(ModbusPlan, KeepsToTheProtocolsLimits) {
  std::vector<Register> list;
  for (int i = 0; i < 130; ++i) list.push_back(reg(i));
  list.push_back(reg(124, 4));  // must not be cut
  auto plan = plan_requests(list, {});
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(plan[0].count, 125);
  EXPECT_EQ(plan[1].first, 124);
  EXPECT_EQ(plan[1].count, 6);
  list.clear();
  for (int i = 0; i < 4001; ++i) list.push_back(reg(i, 1, Kind::discrete));
  plan = plan_requests(list, {.max_words = 10});
  ASSERT_EQ(plan.size(), 3U);
  EXPECT_EQ(plan[0].count, 2000);
  EXPECT_EQ(plan[2].count, 1);
}

TEST(ModbusPlan, HoldsForAnyList) {
  std::mt19937 random(20261125);
  for (int round = 0; round < 500; ++round) {
    std::vector<Register> list;
    const int size = 1 + static_cast<int>(random() % 60);
    for (int i = 0; i < size; ++i) {
      list.push_back(reg(static_cast<int>(random() % 400), 1 + static_cast<int>(random() % 4),
                         static_cast<Kind>(random() % 4), 1 + static_cast<int>(random() % 2)));
    }
    const modbus::PlanLimits limits{static_cast<int>(random() % 20), 4 + static_cast<int>(random() % 121)};
    std::vector<modbus::Request> plan = plan_requests(list, limits);
    std::vector<int> seen(list.size());
    while (!plan.empty()) {
      const modbus::Request one = plan.back();
      plan.pop_back();
      ASSERT_LE(one.count, has_bits(one.kind) ? modbus::kMostBits : limits.max_words);
      for (const std::size_t entry : one.entries) {
        const Register& wanted = list[entry];
        ASSERT_EQ(wanted.unit_id, one.unit_id);
        ASSERT_EQ(wanted.kind, one.kind);
        ASSERT_GE(wanted.address, one.first);
        ASSERT_LE(wanted.address + wanted.count, one.first + one.count);
      }
      if (one.entries.size() == 1) {
        ++seen[one.entries[0]];
        continue;
      }
      auto [first, second] = split(one, list);
      ASSERT_EQ(first.entries.size() + second.entries.size(), one.entries.size());
      plan.push_back(std::move(first));
      plan.push_back(std::move(second));
    }
    ASSERT_THAT(seen, testing::Each(1));
  }
}

std::optional<Reading> decode(Type type, std::vector<std::uint16_t> words,
                              const std::string& order = "ABCD") {
  Register one;
  one.type = type;
  one.count = static_cast<int>(words.size());
  one.swap_words = order == "CDAB" || order == "DCBA";
  one.swap_bytes = order == "BADC" || order == "DCBA";
  return decode_words(one, words);
}

TEST(ModbusValue, ReadsEachTypeInEachOrder) {
  EXPECT_EQ(decode(Type::int16, {0xffff}), Reading(std::int64_t{-1}));
  EXPECT_EQ(decode(Type::uint16, {0xffff}), Reading(std::int64_t{65535}));
  EXPECT_EQ(decode(Type::uint16, {0x1234}, "BADC"), Reading(std::int64_t{0x3412}));
  EXPECT_EQ(decode(Type::uint16, {0x1234}, "CDAB"), Reading(std::int64_t{0x1234}));
  EXPECT_EQ(decode(Type::boolean, {0x8000}), Reading(true));
  EXPECT_EQ(decode(Type::uint32, {0x1122, 0x3344}, "ABCD"), Reading(std::int64_t{0x11223344}));
  EXPECT_EQ(decode(Type::uint32, {0x3344, 0x1122}, "CDAB"), Reading(std::int64_t{0x11223344}));
  EXPECT_EQ(decode(Type::uint32, {0x2211, 0x4433}, "BADC"), Reading(std::int64_t{0x11223344}));
  EXPECT_EQ(decode(Type::uint32, {0x4433, 0x2211}, "DCBA"), Reading(std::int64_t{0x11223344}));
  EXPECT_EQ(decode(Type::int32, {0xffff, 0xfffe}), Reading(std::int64_t{-2}));
  EXPECT_EQ(decode(Type::uint32, {0xffff, 0xfffe}), Reading(std::int64_t{4294967294}));
  EXPECT_EQ(decode(Type::int64, {0xffff, 0xffff, 0xffff, 0xfffd}), Reading(std::int64_t{-3}));
  EXPECT_EQ(decode(Type::uint64, {4, 3, 2, 0xffff}, "CDAB"), Reading(std::uint64_t{0xffff000200030004}));
  EXPECT_EQ(decode(Type::float32, {0x41ca, 0x6666}), Reading(25.3));  // not 25.299999237060547
  EXPECT_EQ(decode(Type::float32, {0x6666, 0x41ca}, "CDAB"), Reading(25.3));
  EXPECT_EQ(decode(Type::float64, {0x4039, 0x4ccc, 0xcccc, 0xcccd}), Reading(25.3));
  EXPECT_EQ(decode(Type::text, {0x4142, 0x4320, 0x2000}), Reading(std::string("ABC")));
  EXPECT_EQ(decode(Type::text, {0x4241, 0x0a43}, "BADC"), Reading(std::string("ABC?")));
}

TEST(ModbusValue, LeavesOutWhatIsNoNumber) {
  EXPECT_EQ(decode(Type::float32, {0x7fc0, 0}), std::nullopt);
  EXPECT_EQ(decode(Type::float32, {0x7f80, 0}), std::nullopt);
  EXPECT_EQ(decode(Type::float64, {0xfff8, 0, 0, 0}), std::nullopt);
}

TEST(ModbusValue, KeepsAllBitsOfAnUnsignedNumber) {
  EXPECT_EQ(decode(Type::uint64, {0xffff, 0xffff, 0xffff, 0xffff}),
            Reading(std::uint64_t{0xffff'ffff'ffff'ffff}));
  EXPECT_EQ(decode(Type::uint64, {0x8000, 0, 0, 0}), Reading(std::uint64_t{1} << 63));
}

TEST(ModbusValue, ScalesWithoutNoise) {
  EXPECT_EQ(scaled(3, 0.1, 0), 0.3);
  EXPECT_EQ(scaled(-253, 0.1, 0), -25.3);
  EXPECT_EQ(scaled(253, -0.1, 0), -25.3);
  EXPECT_EQ(scaled(1234, 0.01, -40), 12.34 - 40);
  EXPECT_EQ(scaled(3, 1.5, 1), 5.5);
  EXPECT_EQ(scaled(3, 10, 0), 30);
  EXPECT_EQ(scaled(7, 1, 0), 7);
}

TEST(ModbusValue, TakesBitFields) {
  Register one;
  one.bit = 3;
  const std::vector<std::uint16_t> words = {0b0110'1000};
  EXPECT_EQ(decode_words(one, words), Reading(true));
  one.bit = 4;
  EXPECT_EQ(decode_words(one, words), Reading(false));
  one.bits = 3;
  EXPECT_EQ(decode_words(one, words), Reading(std::int64_t{6}));
  one.scale = 0.5;
  EXPECT_EQ(decode_words(one, words), Reading(3.0));
  one = {};
  one.type = Type::uint64;
  one.count = 4;
  one.bit = 1;
  one.bits = 63;
  const std::vector<std::uint16_t> many = {0xffff, 0xffff, 0xffff, 0xffff};
  EXPECT_EQ(decode_words(one, many), Reading(std::int64_t{0x7fffffffffffffff}));
}

std::string refusal(const std::string& yaml) {
  const FakeClock clock;
  const auto made = kModbusDriver.make(options_from_yaml(kModbusDriver, yaml), {.clock = clock});
  if (made) return "";
  EXPECT_EQ(made.error().kind, ErrorKind::config);
  return made.error().message;
}

std::string refusal_of(const std::string& row) {
  return refusal("{address: tcp://h, registers: [{" + row + "}]}");
}

TEST(ModbusSettings, AreTakenOrRefusedWithTheReason) {
  EXPECT_EQ(refusal_of("name: a, address: 1"), "");
  EXPECT_EQ(refusal_of("name: a, address: 1, type: text"), "registers: \"a\": a text needs a length");
  EXPECT_EQ(refusal_of("name: a, address: 1, length: 2"), "registers: \"a\": only a text has a length");
  EXPECT_EQ(refusal_of("name: a, address: 65535, type: int32"),
            "registers: \"a\": reaches past address 65535");
  EXPECT_EQ(refusal_of("name: a, address: 1, kind: coil, type: int16"), "registers: \"a\": a coil is a bool");
  EXPECT_EQ(refusal_of("name: a, address: 1, bit: 16"),
            "registers: \"a\": the bit field reaches past its 16 bits");
  EXPECT_EQ(refusal_of("name: a, address: 1, bit: 15, bits: 2"),
            "registers: \"a\": the bit field reaches past its 16 bits");
  EXPECT_EQ(refusal_of("name: a, address: 1, bits: 2"), "registers: \"a\": bits needs bit");
  EXPECT_EQ(refusal_of("name: a, address: 1, type: float32, bit: 1"),
            "registers: \"a\": a bit field needs a register of an integer type");
  EXPECT_EQ(refusal_of("name: a, address: 1, kind: discrete, scale: 2"),
            "registers: \"a\": only numbers have scale and offset");
  EXPECT_EQ(refusal_of("name: a, address: 1, scale: 0"), "registers: \"a\": a scale of 0 leaves nothing");
  EXPECT_EQ(refusal_of("name: response_time, address: 1"),
            "registers: \"response_time\": is the name of a metric that the driver itself has");
  EXPECT_EQ(refusal_of("name: a, address: 1, unit_id: 248"),
            "registers: \"a\": unit_id: 248 is not 0 to 247, or 255");
  EXPECT_EQ(refusal_of("name: a, address: 1, unit_id: 255"), "");
  EXPECT_EQ(refusal_of("name: a, address: 1}, {name: a, address: 2"),
            "registers: \"a\": is there twice for unit_id 1");
  EXPECT_EQ(refusal_of("name: a, address: 1}, {name: a, address: 1, unit_id: 2"), "");
  EXPECT_EQ(refusal("{address: tcp://h, registers: []}"), "registers: must not be empty");
  EXPECT_EQ(refusal("{address: rtu:///dev/x, unit_id: 0, registers: [{name: a, address: 1}]}"),
            "unit_id: 0 is not 1 to 247");
  EXPECT_EQ(refusal("{address: tcp://h, max_registers: 1, registers: [{name: a, address: 1, type: int32}]}"),
            "registers: \"a\": is longer than max_registers");
}

std::string address_of(const char* text, modbus::Numbering numbering = modbus::Numbering::protocol) {
  const auto parsed = modbus::parse_register_address(text, numbering);
  if (!parsed) return "no: " + parsed.error().message;
  return std::string(parsed->kind ? to_string(*parsed->kind) : "any") + " " + std::to_string(parsed->address);
}

TEST(ModbusAddress, IsTakenAsManualsWriteIt) {
  EXPECT_EQ(address_of("0"), "any 0");
  EXPECT_EQ(address_of("65535"), "any 65535");
  EXPECT_EQ(address_of("0x10"), "any 16");
  EXPECT_EQ(address_of("0XffFF"), "any 65535");
  EXPECT_EQ(address_of("0010h"), "any 16");
  EXPECT_EQ(address_of("16#10"), "any 16");
  EXPECT_EQ(address_of("40001"), "any 40001");  // SunSpec's maps begin at 40000 of the protocol
  EXPECT_EQ(address_of("400001"), "holding 0");
  EXPECT_EQ(address_of("465536"), "holding 65535");
  EXPECT_EQ(address_of("300017"), "input 16");
  EXPECT_EQ(address_of("000001"), "coil 0");
  EXPECT_EQ(address_of("4x0001"), "holding 0");
  EXPECT_EQ(address_of("3X17"), "input 16");
  EXPECT_EQ(address_of("1x0001"), "discrete 0");
  EXPECT_EQ(address_of("%MW100"), "holding 100");
  const auto reference = modbus::Numbering::reference;
  EXPECT_EQ(address_of("40001", reference), "holding 0");
  EXPECT_EQ(address_of("49999", reference), "holding 9998");
  EXPECT_EQ(address_of("30101", reference), "input 100");
  EXPECT_EQ(address_of("10001", reference), "discrete 0");
  EXPECT_EQ(address_of("00001", reference), "coil 0");
  EXPECT_EQ(address_of("0x10", reference), "any 16");
}

TEST(ModbusAddress, IsRefusedWithTheReason) {
  for (const char* bad : {"", "-1", "65536", "0x10000", "0x", "h", "1.5", "x4", "HR100", "4 0001", "1e3"}) {
    EXPECT_EQ(address_of(bad),
              "no: \"" + std::string(bad) +
                  "\" is no address: 0 to 65535 as in the protocol (100, 0x64, 64h), or a reference "
                  "that names its table (400101, 4x0101)");
  }
  for (const char* bad : {"400000", "465537", "500001", "2x0001", "4x0"}) {
    EXPECT_EQ(address_of(bad),
              "no: \"" + std::string(bad) +
                  "\" is no reference: a table (0, 1, 3 or 4) and a number from 1, as 40001");
  }
  EXPECT_EQ(
      address_of("100", modbus::Numbering::reference),
      "no: \"100\" is no reference of five or six digits, as 40001; an address of the protocol is written "
      "0x… here");
  EXPECT_EQ(refusal_of("name: a, address: 400001, kind: coil"),
            "registers: \"a\": \"400001\" is of the table holding, not coil");
  EXPECT_EQ(refusal_of("name: a, address: 300001, type: int32"), "");
}

TEST(ModbusSettings, TakeAddresses) {
  const auto host_port = [](const char* text) {
    const auto line = modbus::parse_line_address(text);
    return line ? line->host + " " + (line->port == 0 ? "" : std::to_string(line->port)) + " " + line->device
                : "no: " + line.error().message;
  };
  EXPECT_EQ(host_port("tcp://plc.example"), "plc.example 502 ");
  EXPECT_EQ(host_port("tcp://10.0.0.5:1502"), "10.0.0.5 1502 ");
  EXPECT_EQ(host_port("tcp://[2001:db8::1]"), "2001:db8::1 502 ");
  EXPECT_EQ(host_port("tcp://[2001:db8::1]:503"), "2001:db8::1 503 ");
  EXPECT_EQ(host_port("rtu:///dev/ttyUSB0"), "  /dev/ttyUSB0");
  EXPECT_EQ(host_port("rtu+tcp://moxa:4001"), "moxa 4001 ");
  for (const char* bad : {"", "10.0.0.5", "tcp://", "tcp://h:", "tcp://h:0", "tcp://h:65536", "tcp://h:5x",
                          "tcp://h/x", "tcp://[::1", "tcp://[::1]5", "tcp://a:b:502", "rtu://",
                          "rtu://ttyUSB0", "rtu:///dev/", "udp://h", "rtu+tcp://h"}) {
    EXPECT_EQ(host_port(bad), "no: address: \"" + std::string(bad) +
                                  "\" is not like tcp://host:502, rtu+tcp://host:4001 or rtu:///dev/ttyUSB0");
  }
  EXPECT_EQ(host_port("tcp://h\n"),
            "no: address: is not like tcp://host:502, rtu+tcp://host:4001 or rtu:///dev/ttyUSB0");
}

}  // namespace
}  // namespace vigile
