// SPDX-License-Identifier: Apache-2.0
#include "drivers/dns/answer.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>

namespace vigile::dns {

namespace {

constexpr std::size_t kMostValues = 64;

// A name in the message, at `at`; moves behind it.
std::optional<std::string> name_at(const ns_msg& message, const unsigned char*& at) {
  char name[NS_MAXDNAME];
  const int used = ::ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), at, name, sizeof name);
  if (used < 0) return std::nullopt;
  at += used;
  return name;
}

std::optional<std::string> value_of(const ns_msg& message, const ns_rr& record, int type) {
  const unsigned char* at = ns_rr_rdata(record);
  const unsigned char* const end = at + ns_rr_rdlen(record);
  const auto number = [&]() -> std::optional<unsigned> {
    if (end - at < 2) return std::nullopt;
    at += 2;
    return static_cast<unsigned>(at[-2] << 8 | at[-1]);
  };
  char text[INET6_ADDRSTRLEN];
  switch (type) {
    case ns_t_a:
      if (end - at != 4 || ::inet_ntop(AF_INET, at, text, sizeof text) == nullptr) return std::nullopt;
      return text;
    case ns_t_aaaa:
      if (end - at != 16 || ::inet_ntop(AF_INET6, at, text, sizeof text) == nullptr) return std::nullopt;
      return text;
    case ns_t_mx: {
      const auto preference = number();
      const auto name = preference ? name_at(message, at) : std::nullopt;
      if (!name) return std::nullopt;
      return std::to_string(*preference) + " " + *name;
    }
    case ns_t_srv: {
      std::string value;
      for (int i = 0; i < 3; ++i) {
        const auto one = number();
        if (!one) return std::nullopt;
        value += std::to_string(*one) + " ";
      }
      const auto name = name_at(message, at);
      if (!name) return std::nullopt;
      return value + *name;
    }
    case ns_t_txt: {
      std::string value;
      while (at < end) {
        const std::size_t size = *at++;
        if (size > static_cast<std::size_t>(end - at)) return std::nullopt;
        value.append(reinterpret_cast<const char*>(at), size);
        at += size;
      }
      return value;
    }
    default:  // CNAME, NS, PTR, SOA (its first name)
      return name_at(message, at);
  }
}

}  // namespace

Result<std::optional<Answer>> parse_answer(std::span<const unsigned char> bytes, std::uint16_t id, int type) {
  const Error broken{ErrorKind::parse, "answers with what is no DNS message"};
  ns_msg message;
  if (bytes.size() > 65'535 || ::ns_initparse(bytes.data(), static_cast<int>(bytes.size()), &message) < 0)
    return broken;
  if (ns_msg_id(message) != id || ns_msg_getflag(message, ns_f_qr) == 0) return std::optional<Answer>();
  Answer answer;
  answer.rcode = ns_msg_getflag(message, ns_f_rcode);
  answer.is_truncated = ns_msg_getflag(message, ns_f_tc) != 0;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (::ns_parserr(&message, ns_s_an, i, &record) < 0) return broken;
    // Beside what was asked for there may be the aliases that led to it.
    if (ns_rr_type(record) != type || answer.values.size() >= kMostValues) continue;
    auto value = value_of(message, record, type);
    if (!value) return broken;
    answer.values.push_back(std::move(*value));
    const std::uint32_t ttl = ns_rr_ttl(record);
    answer.ttl_s = std::min(answer.ttl_s.value_or(ttl), ttl);
  }
  return std::optional(std::move(answer));
}

std::string rcode_text(int rcode) {
  constexpr const char* kTexts[] = {"no error",
                                    "the question is malformed",
                                    "the server fails (SERVFAIL)",
                                    "there is no such name (NXDOMAIN)",
                                    "not implemented",
                                    "refused"};
  return rcode >= 0 && rcode < 6 ? kTexts[rcode] : "answer code " + std::to_string(rcode);
}

}  // namespace vigile::dns
