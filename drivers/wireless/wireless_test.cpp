// SPDX-License-Identifier: Apache-2.0
// Messages as nl80211 sends them, made here: there is no Wi-Fi where the tests run.
#include "drivers/wireless/wireless.h"

#include <gmock/gmock.h>
#include <linux/nl80211.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <cstring>
#include <random>

#include "drivers/testcase/testcase.h"
#include "drivers/wireless/wireless_driver.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Message {
  explicit Message(std::uint8_t command) : message(nlmsg_alloc()) {
    genlmsg_put(message, 0, 0, 30, 0, 0, command, 1);
  }
  ~Message() { nlmsg_free(message); }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  nlmsghdr* head() const { return nlmsg_hdr(message); }
  nl_msg* const message;
};

std::unique_ptr<Message> station_message(std::int8_t signal, std::uint32_t retries) {
  auto made = std::make_unique<Message>(NL80211_CMD_NEW_STATION);
  nl_msg* const m = made->message;
  const unsigned char mac[6] = {2, 0, 0, 0, 0, 7};
  nla_put(m, NL80211_ATTR_MAC, 6, mac);
  nlattr* const info = nla_nest_start(m, NL80211_ATTR_STA_INFO);
  nla_put_u8(m, NL80211_STA_INFO_SIGNAL, static_cast<std::uint8_t>(signal));
  nlattr* rate = nla_nest_start(m, NL80211_STA_INFO_TX_BITRATE);
  nla_put_u16(m, NL80211_RATE_INFO_BITRATE, 650);
  nla_put_u32(m, NL80211_RATE_INFO_BITRATE32, 8667);
  nla_nest_end(m, rate);
  rate = nla_nest_start(m, NL80211_STA_INFO_RX_BITRATE);
  nla_put_u16(m, NL80211_RATE_INFO_BITRATE, 540);
  nla_nest_end(m, rate);
  nla_put_u32(m, NL80211_STA_INFO_TX_RETRIES, retries);
  nla_put_u32(m, NL80211_STA_INFO_TX_FAILED, 3);
  nla_put_u32(m, NL80211_STA_INFO_CONNECTED_TIME, 3600);
  nla_put_u64(m, NL80211_STA_INFO_RX_BYTES64, 1ULL << 40);
  nla_nest_end(m, info);
  return made;
}

TEST(Wireless, MessagesOfTheKernel) {
  const auto made = station_message(-61, 7);
  const auto station = wireless::parse_station(made->head());
  ASSERT_TRUE(station);
  EXPECT_EQ(station->address, "02:00:00:00:00:07");
  EXPECT_EQ(station->signal_dbm, -61);
  EXPECT_EQ(station->tx_mbit_per_s, 866.7);
  EXPECT_EQ(station->rx_mbit_per_s, 54.0);
  EXPECT_EQ(station->tx_retries, 7u);
  EXPECT_EQ(station->connected_s, 3600u);
  EXPECT_EQ(station->rx_bytes, 1ULL << 40);
  EXPECT_FALSE(wireless::parse_interface(made->head()));
  const Message interface(NL80211_CMD_NEW_INTERFACE);
  nla_put_u32(interface.message, NL80211_ATTR_IFINDEX, 3);
  nla_put_string(interface.message, NL80211_ATTR_IFNAME, "wlan0");
  nla_put(interface.message, NL80211_ATTR_SSID, 5, "plant");
  nla_put_u32(interface.message, NL80211_ATTR_WIPHY_FREQ, 5180);
  nla_put_u32(interface.message, NL80211_ATTR_IFTYPE, NL80211_IFTYPE_STATION);
  const auto one = wireless::parse_interface(interface.head());
  ASSERT_TRUE(one);
  EXPECT_EQ(one->name, "wlan0");
  EXPECT_EQ(one->ssid, "plant");
  EXPECT_EQ(one->frequency_mhz, 5180);
  EXPECT_TRUE(one->is_station);
}

TEST(Wireless, SurvivesMutations) {
  std::mt19937 random(20261125);
  const auto made = station_message(-61, 7);
  const std::size_t size = made->head()->nlmsg_len;
  std::vector<unsigned char> good(size);
  std::memcpy(good.data(), made->head(), size);
  for (int i = 0; i < 20'000; ++i) {
    // Of its own size, so that reading past it is seen.
    std::vector<std::uint32_t> room((size + 3) / 4);
    auto bad = good;
    for (auto n = random() % 5 + 1; n > 0; --n)
      bad[sizeof(nlmsghdr) + random() % (size - sizeof(nlmsghdr))] = static_cast<unsigned char>(random());
    std::memcpy(room.data(), bad.data(), size);
    (void)wireless::parse_station(reinterpret_cast<nlmsghdr*>(room.data()));
    (void)wireless::parse_interface(reinterpret_cast<nlmsghdr*>(room.data()));
  }
}

struct Air {
  std::vector<wireless::Interface> interfaces;
  std::map<std::uint32_t, std::vector<wireless::Station>> stations;
};

class FakeNl80211 final : public wireless::Nl80211 {
 public:
  explicit FakeNl80211(Air& air) : air_(air) {}
  Result<std::vector<wireless::Interface>> interfaces() override { return air_.interfaces; }
  Result<std::vector<wireless::Station>> stations(std::uint32_t index) override {
    return air_.stations[index];
  }

 private:
  Air& air_;
};

TEST(Wireless, AClientAndAnAccessPoint) {
  Air air;
  FakeClock clock;
  const auto make = [&](const std::string& yaml) {
    return std::move(*wireless::make_wireless(options_from_yaml(kWirelessDriver, yaml), {.clock = clock},
                                              [&]() -> Result<std::unique_ptr<wireless::Nl80211>> {
                                                return std::unique_ptr<wireless::Nl80211>(
                                                    std::make_unique<FakeNl80211>(air));
                                              }));
  };
  const auto driver = make("");
  const auto sample = [&](Driver& of) {
    TextOutput out(kWirelessDriver);
    const auto done = of.sample({clock.boot(), clock.boot() + 5s, {}}, out);
    clock.advance(10s);
    if (!done)
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    return out.text;
  };
  EXPECT_THAT(sample(*driver), HasSubstr("error: not_found: nl80211: no wireless interface"));
  air.interfaces = {{3, "wlan0", "plant", 5180, true}, {4, "ap0", "machines", 2412, false}};
  air.stations[3] = {*wireless::parse_station(station_message(-61, 100)->head())};
  air.stations[4] = {*wireless::parse_station(station_message(-70, 5)->head()),
                     *wireless::parse_station(station_message(-82, 5)->head())};
  air.stations[4][1].address = "02:00:00:00:00:08";
  sample(*driver);
  air.stations[3] = {*wireless::parse_station(station_message(-63, 150)->head())};
  EXPECT_EQ(
      sample(*driver),
      "wireless,interface=wlan0,ssid=plant "
      "connected=1i,frequency=5180i,signal=-63i,rx_bitrate=54,tx_bitrate=866.7,tx_retries_per_s=5,"
      "tx_failed_per_s=0,connected_time=3600i\n"
      "wireless,interface=ap0,ssid=machines "
      "connected=2i,frequency=2412i,signal=-82i,tx_retries_per_s=0,tx_failed_per_s=0\navailability up\n");
  // Linked anew: its counters begin again.
  air.stations[3] = {*wireless::parse_station(station_message(-63, 2)->head())};
  EXPECT_THAT(sample(*driver), HasSubstr("tx_bitrate=866.7,connected_time=3600i\n"));
  air.stations[3].clear();
  EXPECT_THAT(sample(*driver), HasSubstr("connected=0i,frequency=5180i\n"));
  EXPECT_THAT(sample(*driver), HasSubstr("availability down: wlan0 is not linked with an access point\n"));
  EXPECT_THAT(sample(*make("interfaces: [wlan9]")),
              HasSubstr("error: not_found: nl80211: no interface \"wlan9\""));
}

}  // namespace
}  // namespace vigile
