// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/scripted_agent.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

namespace vigile {

namespace {

using snmp::Oid;

constexpr std::uint8_t kGet = 0xa0, kGetNext = 0xa1, kResponse = 0xa2, kGetBulk = 0xa5;
constexpr int kNoSuchName = 2, kGenErr = 5;
constexpr std::size_t kMostBytes = 1300;

std::string field(std::uint8_t tag, const std::string& content) {
  std::string out(1, static_cast<char>(tag));
  if (content.size() >= 256) {
    out += '\x82';
    out += static_cast<char>(content.size() >> 8);
  } else if (content.size() >= 128) {
    out += '\x81';
  }
  return out + static_cast<char>(content.size() & 0xff) + content;
}

std::string number(std::uint8_t tag, std::uint64_t value) {
  std::string bytes;
  do {
    bytes.insert(bytes.begin(), static_cast<char>(value & 0xff));
    value >>= 8;
  } while (value != 0);
  if ((bytes[0] & 0x80) != 0) bytes.insert(bytes.begin(), '\0');
  return field(tag, bytes);
}

std::string object_id(const Oid& oid) {
  std::string bytes(1, static_cast<char>(oid[0] * 40 + oid[1]));
  for (const std::uint32_t part : std::vector(oid.begin() + 2, oid.end())) {
    std::string digits(1, static_cast<char>(part & 0x7f));
    for (std::uint32_t rest = part >> 7; rest != 0; rest >>= 7)
      digits.insert(digits.begin(), static_cast<char>(0x80 | (rest & 0x7f)));
    bytes += digits;
  }
  return field(6, bytes);
}

struct Field {
  std::uint8_t tag = 0;
  std::string content;
};

Field take(std::string& text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text.at(i)); };
  std::size_t size = at(1), begin = 2;
  if (size >= 0x80) {
    const std::size_t digits = size & 0x7f;
    size = 0;
    for (std::size_t i = 0; i < digits; ++i) size = size << 8 | at(begin++);
  }
  Field one{at(0), text.substr(begin, size)};
  text.erase(0, begin + size);
  return one;
}

std::uint64_t number_in(const std::string& bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

Oid oid_in(const std::string& bytes) {
  const auto first = static_cast<std::uint8_t>(bytes.at(0));
  Oid oid = {first / 40U, first % 40U};
  std::uint32_t part = 0;
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    part = part << 7 | (byte & 0x7fU);
    if ((byte & 0x80) != 0) continue;
    oid.push_back(part);
    part = 0;
  }
  return oid;
}

}  // namespace

std::string ScriptedAgent::integer(std::int64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff);
  // As short as BER wants it.
  while (bytes.size() > 1 &&
         ((bytes[0] == '\0' && (bytes[1] & 0x80) == 0) || (bytes[0] == '\xff' && (bytes[1] & 0x80) != 0)))
    bytes.erase(0, 1);
  return field(2, bytes);
}
std::string ScriptedAgent::text(std::string_view bytes) {
  return field(4, std::string(bytes));
}
std::string ScriptedAgent::counter32(std::uint32_t value) {
  return number(0x41, value);
}
std::string ScriptedAgent::counter64(std::uint64_t value) {
  return number(0x46, value);
}
std::string ScriptedAgent::ticks(std::uint32_t value) {
  return number(0x43, value);
}

ScriptedAgent::ScriptedAgent(std::vector<Object> objects, Manners manners)
    : objects_(std::move(objects)),
      manners_(std::move(manners)),
      socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(manners_.port);
  ::inet_pton(AF_INET, manners_.address.c_str(), &at.sin_addr);
  socklen_t size = sizeof at;
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&at), size) != 0 ||
      ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::runtime_error("cannot bind");
  port_ = ntohs(at.sin_port);
  thread_ = std::jthread([this] { run(); });
}

ScriptedAgent::~ScriptedAgent() {
  (void)::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void ScriptedAgent::run() {
  for (;;) {
    std::array<pollfd, 2> waiting = {{{stop_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}}};
    ::poll(waiting.data(), waiting.size(), -1);
    if (waiting[0].revents != 0) return;
    std::array<char, 4096> buffer{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got <= 0) continue;
    ++asked_;
    const std::string reply = answer({buffer.data(), static_cast<std::size_t>(got)});
    if (!reply.empty())
      (void)!::sendto(socket_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

std::string ScriptedAgent::answer(const std::string& request) {
  std::string outer = request;
  std::string message = take(outer).content;
  const Field version = take(message), community = take(message);
  const Field pdu = take(message);
  std::string rest = pdu.content;
  const Field id = take(rest), first = take(rest), second = take(rest);
  std::string list = take(rest).content;
  std::vector<Oid> asked;
  while (!list.empty()) {
    std::string variable = take(list).content;
    asked.push_back(oid_in(take(variable).content));
  }
  const bool v1 = number_in(version.content) == 0;
  if (manners_.only_version_1 && !v1) return "";
  using Bulk = Manners::Bulk;
  if (pdu.tag == kGetBulk && manners_.bulk == Bulk::ignored) return "";
  int status = pdu.tag == kGetBulk && manners_.bulk == Bulk::refused ? kGenErr : 0, index = 0;
  std::string variables;
  const auto place = [&](const Oid& oid) {
    return std::find_if(objects_.begin(), objects_.end(), [&](const Object& one) { return one.oid == oid; });
  };
  // The next in the order of the list; of one that is not there, the first that is greater.
  const auto after = [&](const Oid& oid) {
    const auto found = place(oid);
    if (found != objects_.end()) return found + 1;
    return std::find_if(objects_.begin(), objects_.end(), [&](const Object& one) { return one.oid > oid; });
  };
  const std::uint64_t rounds = pdu.tag == kGetBulk ? number_in(second.content) : 1;
  std::vector<Oid> at = asked;
  for (std::uint64_t round = 0; round < rounds && status == 0 && variables.size() < kMostBytes; ++round) {
    for (std::size_t i = 0; i < at.size() && status == 0; ++i) {
      const Oid& column = manners_.refused_column;
      const bool refused = !column.empty() && (at[i] == column || snmp::is_below(at[i], column));
      const auto found = pdu.tag == kGet ? place(at[i]) : after(at[i]);
      const bool absent = found == objects_.end();
      if (refused || (absent && v1)) {
        status = refused ? kGenErr : kNoSuchName;
        index = static_cast<int>(i) + 1;
      } else if (absent) {
        variables += field(0x30, object_id(at[i]) + field(pdu.tag == kGet ? 0x80 : 0x82, ""));
      } else {
        variables += field(0x30, object_id(found->oid) + found->value);
        at[i] = found->oid;
      }
    }
  }
  if (status != 0) {  // RFC 1157 §4.1: the variables of the request come back
    variables.clear();
    for (const Oid& oid : asked) variables += field(0x30, object_id(oid) + field(5, ""));
  }
  return field(0x30, field(2, version.content) + field(4, community.content) +
                         field(kResponse, field(2, id.content) + integer(status) + integer(index) +
                                              field(0x30, variables)));
}

}  // namespace vigile
