// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt_session/packet.h"

#include <algorithm>
#include <array>
#include <utility>

#include "drivers/mqtt_session/topic_filter.h"

namespace vigile::mqtt_session {

namespace {

constexpr std::size_t kMostHead =
    65'535 + 8;  // topic, its length, the packet's id, a little of the properties
constexpr std::uint8_t kHasUser = 0x80;
constexpr std::uint8_t kHasPassword = 0x40;
constexpr std::uint32_t kSubscriptionIdentifier = 0x0b;  // property

Error broken(std::string what) {
  return Error{ErrorKind::parse, "not MQTT: " + std::move(what)};
}

void put(std::string& out, std::uint32_t number, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()), 2);
  out += text;
}

void put_length(std::string& out, std::size_t length) {
  do {
    const std::size_t digit = length % 128;
    length /= 128;
    out += static_cast<char>(digit | (length > 0 ? 0x80 : 0));
  } while (length > 0);
}

std::string framed(std::uint8_t first, const std::string& body) {
  std::string out(1, static_cast<char>(first));
  put_length(out, body.size());
  return out + body;
}

// Reads on from the front; once something is missing, `is_short` stays.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t number(std::size_t count) {
    std::uint32_t value = 0;
    for (const char c : take(count)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  std::string_view text() { return take(number(2)); }
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) {
      is_short_ = true;
      bytes_ = {};
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::uint32_t length() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t byte = number(1);
      value |= (byte & 0x7f) << (7 * i);
      if ((byte & 0x80) == 0) return value;
    }
    is_short_ = true;
    return 0;
  }
  std::string_view properties() { return take(length()); }
  std::string_view rest() { return bytes_; }
  bool is_short() const { return is_short_; }
  bool is_empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool is_short_ = false;
};

// Passes over the property's value; false for one that is not known.
bool skip_property(std::uint32_t id, Bytes& bytes) {
  switch (id) {
    case 0x01:
    case 0x17:
    case 0x19:
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2a:
      bytes.take(1);
      return true;
    case 0x13:
    case 0x21:
    case 0x22:
    case 0x23:
      bytes.take(2);
      return true;
    case 0x02:
    case 0x11:
    case 0x18:
    case 0x27:
      bytes.take(4);
      return true;
    case 0x0b:
      bytes.length();
      return true;
    case 0x26:
      bytes.text();
      bytes.text();
      return true;
    case 0x03:
    case 0x08:
    case 0x09:
    case 0x12:
    case 0x15:
    case 0x16:
    case 0x1a:
    case 0x1c:
    case 0x1f:
      bytes.text();
      return true;
    default:
      return false;
  }
}

struct Reason {
  std::uint8_t code;
  std::string_view text;
};
constexpr std::array<Reason, 4> kOldConnack = {{{2, "it does not take this client_id"},
                                                {3, "server unavailable"},
                                                {4, "bad user name or password"},
                                                {5, "not authorised"}}};
constexpr std::array<Reason, 27> kReasons = {{{0x80, "unspecified error"},
                                              {0x81, "malformed packet"},
                                              {0x82, "protocol error"},
                                              {0x83, "implementation specific error"},
                                              {0x84, "it does not speak version 5; set version: 3.1.1"},
                                              {0x85, "it does not take this client_id"},
                                              {0x86, "bad user name or password"},
                                              {0x87, "not authorised"},
                                              {0x88, "server unavailable"},
                                              {0x89, "server busy"},
                                              {0x8a, "banned"},
                                              {0x8b, "server shutting down"},
                                              {0x8d, "keep alive time-out"},
                                              {0x8e, "another client has taken this client_id"},
                                              {0x8f, "topic filter invalid"},
                                              {0x90, "topic name invalid"},
                                              {0x93, "receive maximum exceeded"},
                                              {0x95, "packet too large"},
                                              {0x96, "message rate too high"},
                                              {0x97, "quota exceeded"},
                                              {0x98, "administrative action"},
                                              {0x9a, "retain not supported"},
                                              {0x9c, "use another server"},
                                              {0x9d, "server moved"},
                                              {0x9e, "shared subscriptions not supported"},
                                              {0x9f, "connection rate exceeded"},
                                              {0xa2, "wildcard subscriptions not supported"}}};

}  // namespace

std::string encode_connect(const ConnectRequest& request) {
  std::string body;
  put_text(body, "MQTT");
  put(body, static_cast<std::uint32_t>(request.version), 1);
  std::uint8_t flags = 0;
  if (request.user) flags |= kHasUser;
  if (request.password) flags |= kHasPassword;
  put(body, flags, 1);
  put(body, request.keep_alive_s, 2);
  if (request.version == Version::v5) {
    std::string properties;
    const auto property = [&](std::uint32_t id, std::uint32_t value, int bytes) {
      if (value == 0) return;
      put(properties, id, 1);
      put(properties, value, bytes);
    };
    property(0x11, request.session_expiry_s, 4);
    property(0x21, request.receive_maximum, 2);
    property(0x27, request.maximum_packet_size, 4);
    put_length(body, properties.size());
    body += properties;
  }
  put_text(body, request.client_id);
  if (request.user) put_text(body, *request.user);
  if (request.password) put_text(body, *request.password);
  return framed(0x10, body);
}

std::string encode_subscribe(Version version, std::uint16_t id, const Subscription& subscription) {
  std::string body;
  put(body, id, 2);
  if (version == Version::v5) {
    std::string properties;
    if (subscription.identifier > 0) {
      put(properties, kSubscriptionIdentifier, 1);
      put_length(properties, subscription.identifier);
    }
    put_length(body, properties.size());
    body += properties;
  }
  put_text(body, subscription.filter);
  // QoS 1. Version 5: of what is retained only what is new to this session; a shared subscription gets
  // none.
  put(body, version == Version::v5 && !is_shared(subscription.filter) ? 0x11 : 0x01, 1);
  return framed(0x82, body);
}

std::string encode_unsubscribe(Version version, std::uint16_t id, const std::vector<std::string>& filters) {
  std::string body;
  put(body, id, 2);
  if (version == Version::v5) put_length(body, 0);
  for (const std::string& filter : filters) put_text(body, filter);
  return framed(0xa2, body);
}

std::string encode_puback(std::uint16_t id) {
  std::string body;
  put(body, id, 2);
  return framed(0x40, body);
}

std::string encode_ping() {
  return framed(0xc0, "");
}

std::string encode_disconnect() {
  return framed(0xe0, "");
}

Result<std::optional<Packet>> PacketReader::next() {
  if (!packet_) {
    std::size_t length = 0;
    std::size_t head = 1;
    for (;; ++head) {
      if (head > 4) return broken("a length of more than four bytes");
      if (head >= waiting_.size()) return std::optional<Packet>();
      const auto byte = static_cast<std::uint8_t>(waiting_[head]);
      length |= std::size_t{byte & 0x7fU} << (7 * (head - 1));
      if ((byte & 0x80) == 0) break;
    }
    const auto first = static_cast<std::uint8_t>(waiting_[0]);
    if (first >> 4 == 0) return broken("a packet of type 0");
    packet_.emplace();
    packet_->type = first >> 4;
    packet_->flags = first & 0x0f;
    packet_->is_cut = length > most_bytes_ + kMostHead;
    missing_ = length;
    waiting_.erase(0, head + 1);
  }
  const std::size_t part = std::min(missing_, waiting_.size());
  const std::size_t room = packet_->is_cut ? kMostHead - std::min(kMostHead, packet_->body.size()) : part;
  packet_->body.append(waiting_, 0, std::min(part, room));
  waiting_.erase(0, part);
  missing_ -= part;
  if (missing_ > 0) return std::optional<Packet>();
  return std::exchange(packet_, std::nullopt);
}

Result<Connack> decode_connack(Version version, std::string_view body) {
  Bytes bytes(body);
  Connack connack;
  connack.is_session_present = (bytes.number(1) & 1) != 0;
  connack.reason = static_cast<std::uint8_t>(bytes.number(1));
  if (version == Version::v5 && !bytes.is_empty()) {
    Bytes properties(bytes.properties());
    while (!properties.is_empty() && !properties.is_short()) {
      const std::uint32_t id = properties.length();
      if (id == 0x13) {
        connack.keep_alive_s = static_cast<std::uint16_t>(properties.number(2));
      } else if (id == 0x1f) {
        connack.explanation = properties.text();
      } else if (id == 0x29) {
        connack.takes_identifiers = properties.number(1) != 0;
      } else if (!skip_property(id, properties)) {
        return broken("a CONNACK with property " + std::to_string(id));
      }
    }
    if (properties.is_short()) return broken("a CONNACK with half a property");
  }
  if (bytes.is_short()) return broken("half a CONNACK");
  return connack;
}

Result<Suback> decode_suback(Version version, std::string_view body) {
  Bytes bytes(body);
  Suback suback;
  suback.id = static_cast<std::uint16_t>(bytes.number(2));
  if (version == Version::v5) bytes.properties();
  if (bytes.is_short() || bytes.is_empty()) return broken("half a SUBACK");
  for (const char c : bytes.rest()) suback.reasons.push_back(static_cast<std::uint8_t>(c));
  return suback;
}

Result<Publish> decode_publish(Version version, const Packet& packet) {
  Bytes bytes(packet.body);
  Publish publish;
  publish.qos = packet.flags >> 1 & 3;
  publish.is_retained = (packet.flags & 1) != 0;
  publish.topic = bytes.text();
  if (publish.qos > 0) publish.id = static_cast<std::uint16_t>(bytes.number(2));
  if (bytes.is_short() || publish.topic.empty()) return broken("half a PUBLISH");
  if (publish.qos == 3) return broken("a PUBLISH of QoS 3");
  if (publish.qos > 0 && publish.id == 0) return broken("a PUBLISH with the id 0");
  if (packet.is_cut) return publish;
  if (version == Version::v5) {
    Bytes properties(bytes.properties());
    while (!properties.is_empty() && !properties.is_short()) {
      const std::uint32_t id = properties.length();
      if (id == kSubscriptionIdentifier) {
        publish.subscriptions.push_back(properties.length());
      } else if (!skip_property(id, properties)) {
        break;  // of a later version; the payload does not depend on it
      }
    }
    if (properties.is_short()) return broken("a PUBLISH with half a property");
  }
  if (bytes.is_short()) return broken("a PUBLISH with half a property");
  publish.payload = bytes.rest();
  return publish;
}

std::string reason_text(Version version, PacketType type, std::uint8_t reason) {
  const bool is_old = version == Version::v3_1_1;
  if (is_old && type == PacketType::suback) return "refused";
  // A broker of 3.1.1 answers version 5 in its own form: 1.
  if (type == PacketType::connack && reason == 1)
    return is_old ? "it does not speak version 3.1.1; set version: 5"
                  : "it does not speak version 5; set version: 3.1.1";
  if (is_old && type == PacketType::connack) {
    for (const Reason& one : kOldConnack) {
      if (one.code == reason) return std::string(one.text);
    }
  }
  for (const Reason& one : kReasons) {
    if (one.code == reason) return std::string(one.text);
  }
  return "reason " + std::to_string(reason);
}

}  // namespace vigile::mqtt_session
