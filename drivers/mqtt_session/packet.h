// SPDX-License-Identifier: Apache-2.0
// The packets of MQTT that a subscriber sends and gets, versions 3.1.1 and 5.
// Source: OASIS MQTT 3.1.1 and 5.0, chapters 2 and 3. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vigile::mqtt_session {

enum class Version : std::uint8_t { v3_1_1 = 4, v5 = 5 };

enum class PacketType : std::uint8_t {
  connack = 2,
  publish = 3,
  suback = 9,
  unsuback = 11,
  pingresp = 13,
  disconnect = 14,  // from a server only in version 5
};

struct ConnectRequest {
  Version version = Version::v5;
  std::string client_id;
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::uint16_t keep_alive_s = 0;
  std::uint32_t session_expiry_s = 0;     // version 5
  std::uint16_t receive_maximum = 0;      // version 5
  std::uint32_t maximum_packet_size = 0;  // version 5
};
std::string encode_connect(const ConnectRequest& request);  // asks for the session that there was
struct Subscription {
  std::string filter;
  std::uint32_t identifier = 0;  // version 5, 1 to 268,435,455: comes with each of its messages; 0: none
};
// One SUBSCRIBE packet with one identifier for all its filters.
std::string encode_subscribe(Version version, std::uint16_t id, const Subscription& subscription);
std::string encode_unsubscribe(Version version, std::uint16_t id, const std::vector<std::string>& filters);
std::string encode_puback(std::uint16_t id);  // success
std::string encode_ping();
std::string encode_disconnect();  // the session stays

struct Packet {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::string body;
  bool is_cut = false;  // it was longer than allowed, and `body` is its beginning
};

// Cuts a stream of bytes into packets. Holds one packet, and never more of it than `most_bytes` and a
// topic's length.
class PacketReader {
 public:
  explicit PacketReader(std::size_t most_bytes) : most_bytes_(most_bytes) {}
  void feed(std::string_view bytes) { waiting_.append(bytes); }
  // Absent: more bytes are needed. Errors: parse, when this cannot be MQTT.
  Result<std::optional<Packet>> next();

 private:
  const std::size_t most_bytes_;
  std::string waiting_;
  std::optional<Packet> packet_;  // whose body is not complete
  std::size_t missing_ = 0;       // bytes of it, the dropped ones too
};

struct Connack {
  bool is_session_present = false;
  std::uint8_t reason = 0;                    // 0: accepted
  std::optional<std::uint16_t> keep_alive_s;  // what the server wants, version 5
  std::string explanation;                    // the server's words, version 5
  bool takes_identifiers = true;              // of subscriptions, version 5
};
Result<Connack> decode_connack(Version version, std::string_view body);

struct Suback {
  std::uint16_t id = 0;
  std::vector<std::uint8_t> reasons;  // one a filter: below 0x80 the QoS that was granted
};
Result<Suback> decode_suback(Version version, std::string_view body);

struct Publish {
  std::string_view topic;    // into the packet
  std::string_view payload;  // into the packet
  std::uint8_t qos = 0;
  std::uint16_t id = 0;  // QoS 1 and 2
  bool is_retained = false;
  std::vector<std::uint32_t> subscriptions;  // identifiers, version 5; empty: none came
};
Result<Publish> decode_publish(Version version, const Packet& packet);

// Why a server refuses or ends something, in words; of CONNACK, SUBACK and DISCONNECT.
std::string reason_text(Version version, PacketType type, std::uint8_t reason);

}  // namespace vigile::mqtt_session
