// SPDX-License-Identifier: Apache-2.0
#include "drivers/wireless/station.h"

#include <linux/nl80211.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <functional>

namespace vigile::wireless {

namespace {

struct FreeSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};

using Attributes = std::array<nlattr*, NL80211_ATTR_MAX + 1>;

bool parse(nlmsghdr* message, std::uint8_t command, Attributes& attributes) {
  if (nlmsg_datalen(message) < static_cast<int>(GENL_HDRLEN)) return false;
  auto* const head = static_cast<genlmsghdr*>(nlmsg_data(message));
  if (head->cmd != command) return false;
  attributes.fill(nullptr);
  return nla_parse(attributes.data(), NL80211_ATTR_MAX, genlmsg_attrdata(head, 0), genlmsg_attrlen(head, 0),
                   nullptr) == 0;
}

// In 100 kbit/s; the newer attribute has 32 bits.
std::optional<double> rate_of(nlattr* nested) {
  std::array<nlattr*, NL80211_RATE_INFO_MAX + 1> rate{};
  if (nested == nullptr || nla_parse_nested(rate.data(), NL80211_RATE_INFO_MAX, nested, nullptr) != 0)
    return std::nullopt;
  nlattr* const wide = rate[NL80211_RATE_INFO_BITRATE32];
  nlattr* const narrow = rate[NL80211_RATE_INFO_BITRATE];
  if (wide != nullptr && nla_len(wide) >= 4) return nla_get_u32(wide) / 10.0;
  if (narrow != nullptr && nla_len(narrow) >= 2) return nla_get_u16(narrow) / 10.0;
  return std::nullopt;
}

std::optional<std::uint64_t> number_of(nlattr* attribute) {
  if (attribute == nullptr) return std::nullopt;
  switch (nla_len(attribute)) {
    case 1:
      return nla_get_u8(attribute);
    case 2:
      return nla_get_u16(attribute);
    case 4:
      return nla_get_u32(attribute);
    case 8:
      return nla_get_u64(attribute);
    default:
      return std::nullopt;
  }
}

class Kernel final : public Nl80211 {
 public:
  Kernel(std::unique_ptr<nl_sock, FreeSocket> socket, int family)
      : socket_(std::move(socket)), family_(family) {}

  Result<std::vector<Interface>> interfaces() override {
    std::vector<Interface> all;
    const auto done = dump(NL80211_CMD_GET_INTERFACE, 0, [&](nlmsghdr* message) {
      if (auto one = parse_interface(message)) all.push_back(std::move(*one));
    });
    if (!done) return done.error();
    return all;
  }
  Result<std::vector<Station>> stations(std::uint32_t index) override {
    std::vector<Station> all;
    const auto done = dump(NL80211_CMD_GET_STATION, index, [&](nlmsghdr* message) {
      if (auto one = parse_station(message)) all.push_back(std::move(*one));
    });
    if (!done) return done.error();
    return all;
  }

 private:
  using Take = std::function<void(nlmsghdr*)>;

  Result<void> dump(std::uint8_t command, std::uint32_t index, const Take& take) {
    const std::unique_ptr<nl_msg, FreeMessage> message(nlmsg_alloc());
    if (!message) return Error{ErrorKind::io, "nl80211: out of memory"};
    genlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, family_, 0, NLM_F_DUMP, command, 0);
    if (index != 0) nla_put_u32(message.get(), NL80211_ATTR_IFINDEX, index);
    nl_socket_modify_cb(
        socket_.get(), NL_CB_VALID, NL_CB_CUSTOM,
        [](nl_msg* got, void* user) {
          (*static_cast<const Take*>(user))(nlmsg_hdr(got));
          return static_cast<int>(NL_OK);
        },
        const_cast<Take*>(&take));
    int code = nl_send_auto(socket_.get(), message.get());
    if (code >= 0) code = nl_recvmsgs_default(socket_.get());
    if (code < 0)
      return Error{code == -NLE_PERM ? ErrorKind::permission : ErrorKind::io,
                   std::string("nl80211: ") + nl_geterror(code)};
    return {};
  }

  const std::unique_ptr<nl_sock, FreeSocket> socket_;
  const int family_;
};

}  // namespace

std::optional<Interface> parse_interface(nlmsghdr* message) {
  Attributes attributes;
  if (!parse(message, NL80211_CMD_NEW_INTERFACE, attributes)) return std::nullopt;
  nlattr* const name = attributes[NL80211_ATTR_IFNAME];
  const auto index = number_of(attributes[NL80211_ATTR_IFINDEX]);
  if (name == nullptr || !index) return std::nullopt;
  Interface one;
  one.index = static_cast<std::uint32_t>(*index);
  const auto* const text = static_cast<const char*>(nla_data(name));
  one.name.assign(text, strnlen(text, static_cast<std::size_t>(nla_len(name))));
  if (nlattr* const ssid = attributes[NL80211_ATTR_SSID]; ssid != nullptr)
    one.ssid.assign(static_cast<const char*>(nla_data(ssid)), static_cast<std::size_t>(nla_len(ssid)));
  if (const auto frequency = number_of(attributes[NL80211_ATTR_WIPHY_FREQ]))
    one.frequency_mhz = static_cast<std::int64_t>(*frequency);
  one.is_station = number_of(attributes[NL80211_ATTR_IFTYPE]) == NL80211_IFTYPE_STATION;
  return one;
}

std::optional<Station> parse_station(nlmsghdr* message) {
  Attributes attributes;
  if (!parse(message, NL80211_CMD_NEW_STATION, attributes)) return std::nullopt;
  nlattr* const address = attributes[NL80211_ATTR_MAC];
  nlattr* const nested = attributes[NL80211_ATTR_STA_INFO];
  std::array<nlattr*, NL80211_STA_INFO_MAX + 1> info{};
  if (address == nullptr || nla_len(address) != 6 || nested == nullptr ||
      nla_parse_nested(info.data(), NL80211_STA_INFO_MAX, nested, nullptr) != 0) {
    return std::nullopt;
  }
  Station one;
  char text[18];
  const auto* const mac = static_cast<const unsigned char*>(nla_data(address));
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                mac[5]);
  one.address = text;
  nlattr* const signal = info[NL80211_STA_INFO_SIGNAL];
  if (signal != nullptr && nla_len(signal) >= 1)
    one.signal_dbm = static_cast<std::int8_t>(nla_get_u8(signal));
  one.rx_mbit_per_s = rate_of(info[NL80211_STA_INFO_RX_BITRATE]);
  one.tx_mbit_per_s = rate_of(info[NL80211_STA_INFO_TX_BITRATE]);
  one.rx_bytes = number_of(info[NL80211_STA_INFO_RX_BYTES64]);
  one.tx_bytes = number_of(info[NL80211_STA_INFO_TX_BYTES64]);
  one.tx_retries = number_of(info[NL80211_STA_INFO_TX_RETRIES]);
  one.tx_failed = number_of(info[NL80211_STA_INFO_TX_FAILED]);
  one.connected_s = number_of(info[NL80211_STA_INFO_CONNECTED_TIME]);
  return one;
}

Result<std::unique_ptr<Nl80211>> Nl80211::open() {
  std::unique_ptr<nl_sock, FreeSocket> socket(nl_socket_alloc());
  if (!socket) return Error{ErrorKind::io, "nl80211: out of memory"};
  if (const int code = genl_connect(socket.get()); code != 0)
    return Error{ErrorKind::io, std::string("netlink: ") + nl_geterror(code)};
  const int family = genl_ctrl_resolve(socket.get(), NL80211_GENL_NAME);
  if (family < 0) return Error{ErrorKind::not_found, "nl80211: the kernel has no Wi-Fi"};
  return std::unique_ptr<Nl80211>(std::make_unique<Kernel>(std::move(socket), family));
}

}  // namespace vigile::wireless
