// SPDX-License-Identifier: Apache-2.0
// With a service on a private bus that answers as ModemManager does.
#include "drivers/modem/modem.h"

#include <gmock/gmock.h>
#include <systemd/sd-bus.h>

#include "drivers/testcase/testcase.h"
#include "support/fake_bus.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string sample(const std::string& yaml) {
  const FakeClock clock;
  auto driver = kModemDriver.make(options_from_yaml(kModemDriver, yaml), {.clock = clock});
  if (!driver) return driver.error().message;
  TextOutput out(kModemDriver);
  const auto done = (*driver)->sample({clock.boot(), clock.boot() + 5s, {}}, out);
  if (!done)
    out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
  return out.text;
}

FakeObjects modems(std::int32_t state) {
  const std::string modem = "/org/freedesktop/ModemManager1/Modem/0";
  const std::string bearer = "/org/freedesktop/ModemManager1/Bearer/3";
  return {
      {modem,
       {{"org.freedesktop.ModemManager1.Modem",
         {{"Model", fake_text("EG25-G")},
          {"State", fake_i(state)},
          {"AccessTechnologies", fake_u(1U << 14)},
          {"SignalQuality", [](sd_bus_message* m) { sd_bus_message_append(m, "v", "(ub)", 67U, 1); }},
          {"Bearers",
           [bearer](sd_bus_message* m) { sd_bus_message_append(m, "v", "ao", 1, bearer.c_str()); }},
          {"SupportedModes", [](sd_bus_message* m) { sd_bus_message_append(m, "v", "a(uu)", 1, 1U, 2U); }}}},
        {"org.freedesktop.ModemManager1.Modem.Modem3gpp",
         {{"RegistrationState", fake_u(5)}, {"OperatorName", fake_text("Telekom")}}},
        {"org.freedesktop.ModemManager1.Modem.Signal",
         {{"Lte",
           [](sd_bus_message* m) {
             sd_bus_message_append(m, "v", "a{sv}", 3, "rssi", "d", -61.0, "rsrp", "d", -90.5, "snr", "d",
                                   -32768.0);
           }},
          {"Gsm",
           [](sd_bus_message* m) { sd_bus_message_append(m, "v", "a{sv}", 1, "rssi", "d", -99.0); }}}}}},
      {bearer, {{"org.freedesktop.ModemManager1.Bearer", {{"Stats", [](sd_bus_message* m) {
                                                             sd_bus_message_append(
                                                                 m, "v", "a{sv}", 2, "rx-bytes", "t",
                                                                 std::uint64_t{123456}, "tx-bytes", "t",
                                                                 std::uint64_t{789});
                                                           }}}}}}};
}

TEST(Modem, WhatModemManagerKnows) {
  const FakeBus bus;
  const std::string yaml = "bus: '" + bus.address() + "'";
  EXPECT_THAT(sample("{" + yaml + "}"), HasSubstr("error: not_found: org.freedesktop.ModemManager1: "));
  const FakeService service(bus, "org.freedesktop.ModemManager1", modems(11));
  EXPECT_EQ(sample("{" + yaml + "}"),
            "modem,model=EG25-G,modem=0 "
            "state=11i,connected=1i,registration=5i,signal_quality=67i,rssi=-61,rsrp=-90.5,rx_bytes=123456i,"
            "tx_bytes=789i,technology=\"lte\",operator=\"Telekom\"\navailability up\n");
  EXPECT_EQ(sample("{" + yaml + ", modems: [\"EG*\"]}").substr(0, 24), "modem,model=EG25-G,modem");
  EXPECT_THAT(sample("{" + yaml + ", modems: [1]}"),
              HasSubstr("error: not_found: ModemManager: no modem matches the option \"modems\""));
}

TEST(Modem, OneThatIsNotConnectedIsDown) {
  const FakeBus bus;
  const FakeService service(bus, "org.freedesktop.ModemManager1", modems(8));
  EXPECT_THAT(sample("{bus: '" + bus.address() + "'}"), HasSubstr("state=8i,connected=0i"));
  EXPECT_THAT(sample("{bus: '" + bus.address() + "'}"),
              HasSubstr("availability down: modem 0 is not connected\n"));
}

TEST(Modem, NoneAtAll) {
  const FakeBus bus;
  const FakeService service(bus, "org.freedesktop.ModemManager1", {});
  EXPECT_THAT(sample("{bus: '" + bus.address() + "'}"),
              HasSubstr("error: not_found: ModemManager: there is no modem"));
}

}  // namespace
}  // namespace vigile
