// SPDX-License-Identifier: Apache-2.0
#include "drivers/ping/icmp_packet.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace vigile {

namespace {

constexpr std::size_t kHeaderSize = 8;       // of an ICMP message
constexpr std::size_t kIpv4HeaderSize = 20;  // without options
constexpr std::size_t kIpv6HeaderSize = 40;
constexpr std::uint8_t kProtocolIcmp = 1;
constexpr std::uint8_t kProtocolIcmpv6 = 58;

constexpr std::uint8_t request_type(IpFamily family) {
  return family == IpFamily::v4 ? 8 : 128;
}
constexpr std::uint8_t reply_type(IpFamily family) {
  return family == IpFamily::v4 ? 0 : 129;
}

// Unreachable, too big (v6), time exceeded, parameter problem. Redirects are not errors: the packet went on.
bool is_error_type(IpFamily family, std::uint8_t type) {
  return family == IpFamily::v4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
}

std::uint16_t be16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put_be16(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

// RFC 1071. Zero over a message that holds its own right checksum.
std::uint16_t checksum(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += be16(bytes, i);
  if (bytes.size() % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back()) << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

Error cut_short(std::string_view what) {
  return Error{ErrorKind::parse, "ICMP packet: cut short in " + std::string(what)};
}

// What follows the IP header; empty when it holds no ICMP message. `whole`: all of it must be there, and not
// only as much as an error quotes.
Result<Bytes> after_ip_header(Bytes packet, IpFamily family, bool whole) {
  if (family == IpFamily::v6) {
    if (packet.size() < kIpv6HeaderSize) return cut_short("the IPv6 header");
    if (packet[0] >> 4 != 6 || packet[6] != kProtocolIcmpv6) return Bytes();
    return packet.subspan(kIpv6HeaderSize);
  }
  if (packet.size() < kIpv4HeaderSize) return cut_short("the IP header");
  const std::size_t header = std::size_t{4} * (packet[0] & 15U);
  if (packet[0] >> 4 != 4 || header < kIpv4HeaderSize || packet[9] != kProtocolIcmp) return Bytes();
  if (packet.size() < header) return cut_short("the options of the IP header");
  if (!whole) return packet.subspan(header);
  const std::size_t total = be16(packet, 2);
  if (total < header || total > packet.size()) return cut_short("the IP packet");
  return packet.subspan(header, total - header);
}

}  // namespace

std::vector<std::uint8_t> build_echo_request(IpFamily family, std::uint16_t id, std::uint16_t sequence,
                                             Bytes payload) {
  std::vector<std::uint8_t> packet(kHeaderSize + payload.size());
  packet[0] = request_type(family);
  put_be16(packet, 4, id);
  put_be16(packet, 6, sequence);
  std::copy(payload.begin(), payload.end(), packet.begin() + kHeaderSize);
  if (family == IpFamily::v4) put_be16(packet, 2, checksum(packet));
  return packet;
}

Result<IcmpMessage> parse_icmp(Bytes packet, IpFamily family, bool raw) {
  if (raw && family == IpFamily::v4) {
    const auto inner = after_ip_header(packet, family, true);
    if (!inner) return inner.error();
    if (inner->empty()) return IcmpMessage();
    packet = *inner;
    if (packet.size() >= kHeaderSize && checksum(packet) != 0)
      return Error{ErrorKind::parse, "ICMP packet: wrong checksum"};
  }
  if (packet.size() < kHeaderSize) return cut_short("the ICMP header");
  IcmpMessage message{.type = packet[0], .code = packet[1]};
  if (message.type == reply_type(family) && message.code == 0) {
    message.kind = IcmpMessage::Kind::reply;
    message.id = be16(packet, 4);
    message.sequence = be16(packet, 6);
    message.payload = packet.subspan(kHeaderSize);
  } else if (is_error_type(family, message.type)) {
    const auto quoted = after_ip_header(packet.subspan(kHeaderSize), family, false);
    if (!quoted) return quoted.error();
    return parse_quoted_request(*quoted, family, message.type, message.code);
  }
  return message;
}

IcmpMessage parse_quoted_request(Bytes request, IpFamily family, std::uint8_t error_type,
                                 std::uint8_t error_code) {
  IcmpMessage message{.type = error_type, .code = error_code};
  if (request.size() < kHeaderSize || request[0] != request_type(family)) return message;
  message.kind = IcmpMessage::Kind::error;
  message.id = be16(request, 4);
  message.sequence = be16(request, 6);
  message.payload = request.subspan(kHeaderSize);
  return message;
}

std::string icmp_error_text(IpFamily family, std::uint8_t type, std::uint8_t code) {
  struct Name {
    IpFamily family;
    int type;
    int code;  // -1: any
    std::string_view text;
  };
  // The first that fits.
  static constexpr std::array kNames = {
      Name{IpFamily::v4, 3, 0, "network unreachable"},
      Name{IpFamily::v4, 3, 1, "host unreachable"},
      Name{IpFamily::v4, 3, 2, "protocol unreachable"},
      Name{IpFamily::v4, 3, 4, "packet too big"},
      Name{IpFamily::v4, 3, 9, "network prohibited"},
      Name{IpFamily::v4, 3, 10, "host prohibited"},
      Name{IpFamily::v4, 3, 13, "prohibited by a filter"},
      Name{IpFamily::v4, 3, -1, "unreachable"},
      Name{IpFamily::v4, 11, 0, "hop limit exceeded"},
      Name{IpFamily::v4, 11, -1, "time exceeded"},
      Name{IpFamily::v6, 1, 0, "no route"},
      Name{IpFamily::v6, 1, 1, "prohibited by a filter"},
      Name{IpFamily::v6, 1, 3, "address unreachable"},
      Name{IpFamily::v6, 1, -1, "unreachable"},
      Name{IpFamily::v6, 2, -1, "packet too big"},
      Name{IpFamily::v6, 3, 0, "hop limit exceeded"},
      Name{IpFamily::v6, 3, -1, "time exceeded"},
  };
  for (const Name& name : kNames) {
    if (name.family == family && name.type == type && (name.code == code || name.code == -1))
      return std::string(name.text);
  }
  return "ICMP error " + std::to_string(type) + "/" + std::to_string(code);
}

}  // namespace vigile
