// SPDX-License-Identifier: Apache-2.0
// Against devices that answer wrongly, late, or not at all, and several instances on one line.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <stdexcept>

#include "drivers/modbus/bus.h"
#include "drivers/modbus/modbus.h"
#include "drivers/modbus/scripted_unit.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Asked = ScriptedUnit::Asked;
using Reply = ScriptedUnit::Reply;
using Then = Reply::Then;

const SystemClock system_clock;

std::unique_ptr<Driver> make(const std::string& address, const std::string& more) {
  auto driver = kModbusDriver.make(
      options_from_yaml(kModbusDriver,
                        "{address: '" + address + "', " + more +
                            (more.find("timeout:") == std::string::npos ? ", timeout: 5s}" : "}")),
      {.clock = system_clock});
  if (!driver) throw std::runtime_error(driver.error().message);
  return std::move(*driver);
}

std::string sample(Driver& driver, std::chrono::nanoseconds deadline = 20s, std::stop_token stop = {}) {
  TextOutput out(kModbusDriver);
  const auto done =
      driver.sample({system_clock.boot(), system_clock.boot() + deadline, std::move(stop)}, out);
  if (!done)
    out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
  std::string text = replace_numbers(out.text, " response_time=", " #");
  text = replace_numbers(replace_all(text, " #,", " "), "availability up ", "availability up #");
  text = replace_all(text, "availability up # ms", "availability up");
  for (const char* line : {"rtu+tcp://127.0.0.1:", "tcp://127.0.0.1:", "rtu:///dev/pts/"})
    text = replace_numbers(text, line, "LINE");
  return text;
}

// A device that has these addresses only.
ScriptedUnit::Script has(std::vector<int> addresses) {
  return [addresses](const Asked& asked) {
    for (int at = asked.first; at < asked.first + asked.count; ++at) {
      if (std::find(addresses.begin(), addresses.end(), at) == addresses.end())
        return ScriptedUnit::exception(asked, 2);
    }
    return ScriptedUnit::words(asked);
  };
}

class ModbusLine : public testing::TestWithParam<ScriptedUnit::Line> {
 protected:
  bool serial() const { return GetParam() == ScriptedUnit::Line::serial; }
  bool has_rtu_frames() const { return GetParam() != ScriptedUnit::Line::tcp; }
};
INSTANTIATE_TEST_SUITE_P(Each, ModbusLine,
                         testing::Values(ScriptedUnit::Line::tcp, ScriptedUnit::Line::serial,
                                         ScriptedUnit::Line::rtu_over_tcp),
                         [](const auto& one) {
                           return one.param == ScriptedUnit::Line::tcp      ? "tcp"
                                  : one.param == ScriptedUnit::Line::serial ? "serial"
                                                                            : "rtu_over_tcp";
                         });

TEST_P(ModbusLine, OneBadRegisterDoesNotTakeTheOthers) {
  ScriptedUnit unit(GetParam(), has({1, 2, 3, 5, 6, 7, 8}));
  const auto driver =
      make(unit.address(),
           "registers: [{name: a, address: 1}, {name: b, address: 2}, {name: c, address: 3}, "
           "{name: bad, address: 4}, {name: d, address: 5}, {name: e, address: 7, type: uint32}]");
  EXPECT_EQ(sample(*driver),
            "modbus,address=LINE,unit=1 a=1i,b=2i,c=3i,d=5i,e=458760i\n"
            "modbus,address=LINE requests=5i,errors=3i\n"
            "availability up\n"
            "error: not_found: LINE unit 1, holding 4: illegal data address (exception 2)\n");
  // What was learnt is used: the good ones in two requests, and the bad one.
  const int before = unit.asked();
  EXPECT_THAT(sample(*driver), HasSubstr("a=1i,b=2i,c=3i,d=5i,e=458760i\nmodbus,address=LINE requests=3i"));
  EXPECT_EQ(unit.asked() - before, 3);
}

TEST_P(ModbusLine, NamesWhatTheDeviceSays) {
  const std::map<int, std::string> names = {
      {1, "unavailable: LINE unit 9, holding 1: illegal function (exception 1)"},
      {3, "unavailable: LINE unit 9, holding 1: illegal data value (exception 3)"},
      {4, "unavailable: LINE unit 9, holding 1: server device failure (exception 4)"},
      {5, "unavailable: LINE unit 9, holding 1: acknowledge, not ready yet (exception 5)"},
      {6, "unavailable: LINE unit 9, holding 1: server device busy (exception 6)"},
      {8, "unavailable: LINE unit 9, holding 1: memory parity error (exception 8)"},
      {99, "unavailable: LINE unit 9, holding 1: an exception of no known code"}};
  for (const auto& [code, name] : names) {
    ScriptedUnit unit(GetParam(),
                      [code = code](const Asked& asked) { return ScriptedUnit::exception(asked, code); });
    const auto driver = make(unit.address(), "unit_id: 9, registers: [{name: a, address: 1}]");
    EXPECT_EQ(sample(*driver),
              "modbus,address=LINE requests=1i,errors=1i\navailability up\nerror: " + name + "\n");
  }
}

// Some devices refuse an address that they do not have with another exception.
TEST_P(ModbusLine, AnExceptionOfAnyKindCostsItsAddressOnly) {
  for (const int code : {1, 2, 3, 4, 8, 99}) {
    SCOPED_TRACE(code);
    ScriptedUnit unit(GetParam(), [code](const Asked& asked) {
      const bool touches = asked.first <= 3 && 3 < asked.first + asked.count;
      return touches ? ScriptedUnit::exception(asked, code) : ScriptedUnit::words(asked);
    });
    const auto driver =
        make(unit.address(),
             "registers: [{name: a, address: 1}, {name: b, address: 2}, {name: bad, address: 3}, "
             "{name: c, address: 4}]");
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(sample(*driver), AllOf(HasSubstr("LINE,unit=1 a=1i,b=2i,c=4i\n"),
                                         HasSubstr("availability up\n"), HasSubstr(" unit 1, holding 3: ")));
    }
    EXPECT_EQ(unit.asked(), 5 + 3);  // the second run asks in three
  }
}

TEST_P(ModbusLine, ABadMomentOfADeviceIsForgotten) {
  std::atomic<bool> bad{true};
  ScriptedUnit unit(GetParam(), [&](const Asked& asked) {
    return bad ? ScriptedUnit::exception(asked, 4) : ScriptedUnit::words(asked);
  });
  const auto driver = make(unit.address(), "registers: [{name: a, address: 1}, {name: b, address: 2}]");
  EXPECT_THAT(sample(*driver), HasSubstr("requests=3i,errors=3i"));
  bad = false;
  EXPECT_THAT(sample(*driver), HasSubstr("a=1i,b=2i\nmodbus,address=LINE requests=1i,errors=0i"));
}

TEST_P(ModbusLine, AWrongOrEmptyAnswerCostsOneRequest) {
  for (const Then then : {Then::damaged, Then::half, Then::silence, Then::close}) {
    if (then == Then::close && serial()) continue;
    SCOPED_TRACE(static_cast<int>(then));
    ScriptedUnit unit(GetParam(), [then](const Asked& asked) {
      Reply reply = ScriptedUnit::words(asked);
      if (asked.first == 100) reply.then = then;
      return reply;
    });
    const auto driver = make(unit.address(),
                             "timeout: 200ms, retries: 0, registers: [{name: a, address: 1}, "
                             "{name: bad, address: 100}, {name: b, address: 200}]");
    EXPECT_THAT(sample(*driver), AllOf(HasSubstr("LINE,unit=1 a=1i,b=200i\n"), HasSubstr("availability up\n"),
                                       HasSubstr("error: "), HasSubstr(" unit 1, holding 100: ")));
  }
}

TEST_P(ModbusLine, WhatIsNotAnsweredIsAskedLast) {
  ScriptedUnit unit(GetParam(), [](const Asked& asked) {
    Reply reply = ScriptedUnit::words(asked);
    if (asked.first == 1) reply.then = Then::silence;
    return reply;
  });
  const auto driver =
      make(unit.address(),
           "timeout: 200ms, retries: 0, registers: [{name: bad, address: 1}, {name: a, address: 100}, "
           "{name: b, address: 200}]");
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(sample(*driver),
                AllOf(HasSubstr("LINE,unit=1 a=100i,b=200i\n"), HasSubstr("requests=3i"),
                      HasSubstr("availability up\n"), HasSubstr("error: timeout: LINE unit 1, holding 1: ")));
  }
}

// There may be nobody: each request costs the time-out. When it is back, its silent request hides nothing.
TEST_P(ModbusLine, AUnitThatIsOffCostsThreeRequestsAndThenOne) {
  std::atomic<bool> off{true};
  ScriptedUnit unit(GetParam(), [&](const Asked& asked) {
    Reply reply = ScriptedUnit::words(asked);
    if (off || asked.first == 400) reply.then = Then::silence;
    return reply;
  });
  const auto driver =
      make(unit.address(),
           "timeout: 60ms, retries: 0, registers: [{name: a, address: 1}, {name: b, address: 100}, "
           "{name: c, address: 200}, {name: bad, address: 400}]");
  EXPECT_THAT(sample(*driver), AllOf(HasSubstr("requests=3i,errors=3i"), HasSubstr("availability down")));
  for (int i = 0; i < 5; ++i)
    EXPECT_THAT(sample(*driver), AllOf(HasSubstr("requests=1i,errors=1i"), HasSubstr("availability down")));
  off = false;
  // Within two runs, whichever of its requests is the next.
  const std::string text = sample(*driver) + sample(*driver);
  EXPECT_THAT(text, HasSubstr("a=1i,b=100i,c=200i\n"));
}

TEST_P(ModbusLine, AUnitThatAGatewayDoesNotReachIsDownAndAskedNoMore) {
  ScriptedUnit gateway(GetParam(), [](const Asked& asked) {
    if (asked.unit == 2) return ScriptedUnit::exception(asked, 11);
    if (asked.unit == 3) return ScriptedUnit::exception(asked, 10);
    return ScriptedUnit::words(asked);
  });
  const auto driver =
      make(gateway.address(),
           "registers: [{name: a, address: 1, unit_id: 2}, {name: b, address: 100, unit_id: 2}, "
           "{name: a, address: 1, unit_id: 3}, {name: a, address: 1}]");
  EXPECT_EQ(
      sample(*driver),
      "modbus,address=LINE,unit=1 a=1i\n"
      "modbus,address=LINE requests=3i,errors=2i\n"
      "availability down: LINE unit 2, holding 1: gateway target device failed to respond (exception 11)\n"
      "error: unavailable: LINE unit 2, holding 1: gateway target device failed to respond (exception 11) "
      "(and 1 more requests)\n");
}

TEST_P(ModbusLine, DamageIsAskedAgain) {
  for (const Then then : {Then::damaged, Then::half, Then::silence, Then::wrong_unit, Then::close}) {
    SCOPED_TRACE(static_cast<int>(then));
    std::atomic<int> wrong{1};
    ScriptedUnit unit(GetParam(), [&](const Asked& asked) {
      Reply reply = ScriptedUnit::words(asked);
      if (wrong-- > 0) reply.then = then;
      return reply;
    });
    // A serial line cannot be closed; in frames of TCP the unit is not compared, the transaction is.
    if (then == Then::close && serial()) continue;
    if (then == Then::wrong_unit && !has_rtu_frames()) continue;
    const auto driver = make(unit.address(), "timeout: 100ms, registers: [{name: a, address: 1}]");
    EXPECT_EQ(
        sample(*driver),
        "modbus,address=LINE,unit=1 a=1i\nmodbus,address=LINE requests=2i,errors=1i\navailability up\n");
    wrong = then == Then::close ? 3 : 2;  // a connection that was good once is made anew for nothing
    const std::string twice = sample(*driver);
    EXPECT_THAT(twice, AllOf(HasSubstr("modbus,address=LINE requests="),
                             HasSubstr("availability down: LINE "), Not(HasSubstr("a=1i"))));
    EXPECT_THAT(sample(*driver), HasSubstr("a=1i\n"));
  }
}

TEST_P(ModbusLine, SaysWhatWasWrongWithAnAnswer) {
  const auto answer = [&](Then then) {
    ScriptedUnit unit(GetParam(), [then](const Asked& asked) {
      Reply reply = ScriptedUnit::words(asked);
      reply.then = then;
      return reply;
    });
    const auto driver = make(unit.address(), "timeout: 60ms, retries: 0, registers: [{name: a, address: 1}]");
    const std::string text = sample(*driver);
    return text.substr(text.find("error: "));
  };
  const std::string place = "LINE unit 1, holding 1: ";
  EXPECT_EQ(answer(Then::silence), "error: timeout: " + place + "no answer within 60ms\n");
  EXPECT_EQ(answer(Then::half), "error: timeout: " + place + "no answer within 60ms\n");
  EXPECT_EQ(answer(Then::damaged), "error: unavailable: " + place +
                                       (has_rtu_frames() ? "the answer is damaged (checksum)\n"
                                                         : "the answer does not fit the question\n"));
  if (has_rtu_frames()) {
    EXPECT_EQ(answer(Then::wrong_unit), "error: unavailable: " + place + "another unit answered\n");
  }
  if (!serial()) {
    EXPECT_EQ(answer(Then::close), "error: unavailable: " + place + "the connection was closed\n");
  }
}

TEST_P(ModbusLine, AnAnswerThatCameTooLateIsNotTakenForTheNext) {
  ScriptedUnit unit(GetParam(), [](const Asked& asked) {
    Reply reply = ScriptedUnit::words(asked);
    reply.then = Then::twice;  // one of them is still in the line when the next is asked
    return reply;
  });
  const auto driver =
      make(unit.address(), "retries: 0, registers: [{name: a, address: 1}, {name: b, address: 100}]");
  for (int i = 0; i < 20; ++i) {
    const std::string text = sample(*driver);
    EXPECT_THAT(text, Not(HasSubstr("b=1i")));
    EXPECT_THAT(text, Not(HasSubstr("a=100i")));
  }
}

TEST_P(ModbusLine, IsSharedByItsInstances) {
  std::atomic<int> at_once{0};
  std::atomic<int> most{0};
  ScriptedUnit line(GetParam(), [&](const Asked& asked) {
    most = std::max(most.load(), ++at_once);
    --at_once;
    return ScriptedUnit::words(asked, 1000 * asked.unit);
  });
  std::vector<std::string> texts(6);
  {
    std::vector<std::unique_ptr<Driver>> drivers;
    for (int i = 0; i < 6; ++i) {
      drivers.push_back(
          make(line.address(), "unit_id: " + std::to_string(i + 1) +
                                   ", registers: [{name: a, address: 1}, {name: b, address: 200}]"));
    }
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 20; ++round) texts[i] = sample(*drivers[i]);
      });
    }
  }
  for (std::size_t i = 0; i < 6; ++i) {
    const std::string unit = std::to_string(i + 1);
    EXPECT_EQ(texts[i], "modbus,address=LINE,unit=" + unit + " a=" + unit + "001i,b=" + unit +
                            "200i\nmodbus,address=LINE requests=2i,errors=0i\navailability up\n");
  }
  EXPECT_EQ(most, 1);
  if (!serial()) {
    EXPECT_EQ(line.connections(), 1);
  }
}

TEST_P(ModbusLine, KeepsSilentBeforeEachRequest) {
  std::array<std::atomic<std::int64_t>, 2> times{};
  std::atomic<std::size_t> count{0};
  ScriptedUnit unit(GetParam(), [&](const Asked& asked) {
    times.at(count) = to_ns(system_clock.boot());
    ++count;
    return ScriptedUnit::words(asked);
  });
  const auto driver =
      make(unit.address(), "delay: 40ms, registers: [{name: a, address: 1}, {name: b, address: 200}]");
  EXPECT_THAT(sample(*driver), HasSubstr("a=1i,b=200i\n"));
  ASSERT_EQ(count, 2U);
  EXPECT_GE(std::chrono::nanoseconds(times[1] - times[0]), 40ms);
}

TEST_P(ModbusLine, EndsAtTheDeadline) {
  ScriptedUnit unit(GetParam(), [](const Asked&) { return Reply{{}, Then::silence}; });
  const auto driver = make(unit.address(), "retries: 9, registers: [{name: a, address: 1}]");
  const auto begin = system_clock.boot();
  EXPECT_THAT(sample(*driver, 150ms),
              AllOf(HasSubstr("requests=1i,errors=1i\navailability down: "), HasSubstr("error: timeout: ")));
  EXPECT_LT(system_clock.boot() - begin, 3s);
  EXPECT_THAT(sample(*driver, 0s),
              AllOf(HasSubstr("error: timeout: LINE: "), Not(HasSubstr("availability"))));
}

TEST_P(ModbusLine, EndsWhenStopped) {
  std::atomic<bool> asked{false};
  ScriptedUnit unit(GetParam(), [&](const Asked&) {
    asked = true;
    return Reply{{}, Then::silence};
  });
  // A request on a serial line cannot be broken off.
  const auto driver = make(unit.address(), std::string(serial() ? "timeout: 500ms, " : "timeout: 50s, ") +
                                               "retries: 9, registers: [{name: a, address: 1}]");
  const auto waiting = make(unit.address(), "registers: [{name: a, address: 1}]");
  std::stop_source stop;
  std::string text, waited;
  const auto begin = system_clock.boot();
  {
    const std::jthread thread([&] { text = sample(*driver, 60s, stop.get_token()); });
    ASSERT_TRUE(eventually([&] { return asked.load(); }));
    const std::jthread second([&] { waited = sample(*waiting, 60s, stop.get_token()); });
    stop.request_stop();
  }
  EXPECT_LT(system_clock.boot() - begin, 10s);
  EXPECT_THAT(text, AllOf(HasSubstr("error: unavailable: LINE: stopped\n"), Not(HasSubstr("availability"))));
  EXPECT_THAT(waited, HasSubstr("error: unavailable: LINE: stopped\n"));
}

TEST_P(ModbusLine, AnyAnswerIsAValueOrAnError) {
  std::mt19937 random(20261125);
  ScriptedUnit unit(GetParam(), [&](const Asked& asked) {
    Reply reply = ScriptedUnit::words(asked);
    switch (random() % 4) {
      case 0:
        for (int i = 0; i < 3; ++i)
          reply.pdu[random() % reply.pdu.size()] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        reply.pdu.resize(1 + random() % reply.pdu.size());
        break;
      case 2:
        reply.pdu.resize(reply.pdu.size() + random() % 200, 0x55);
        break;
      default:
        break;
    }
    return reply;
  });
  const auto driver =
      make(unit.address(),
           "timeout: 5ms, retries: 0, registers: [{name: a, address: 1}, {name: b, address: 40, type: "
           "float64}, {name: c, address: 90, kind: coil}, {name: d, address: 9, kind: input}]");
  int good = 0;
  for (int round = 0; round < 200; ++round) {
    const std::string text = sample(*driver);
    if (text.find("error: ") == std::string::npos) ++good;
    EXPECT_LT(text.size(), 1000U) << text;
  }
  EXPECT_LT(good, 200);
}

TEST(ModbusBus, WaitsForItsTurnNoLongerThanItsDeadline) {
  ScriptedUnit unit(ScriptedUnit::Line::tcp, has({1}));
  const auto line = modbus::parse_line_address(unit.address());
  ASSERT_TRUE(line);
  const auto bus = modbus::Bus::shared(*line, system_clock);
  const auto turn = bus->take_turn({system_clock.boot() + 10s, {}});
  ASSERT_TRUE(turn);
  const auto driver = make(unit.address(), "registers: [{name: a, address: 1}]");
  EXPECT_EQ(sample(*driver, 30ms),
            "modbus,address=LINE requests=0i,errors=0i\nerror: timeout: LINE: in use by other instances\n");
}

}  // namespace
}  // namespace vigile
