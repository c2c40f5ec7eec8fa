// SPDX-License-Identifier: Apache-2.0
#include "drivers/dns/answer.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

namespace vigile::dns {

namespace {

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
    // Beside what was asked for there may be the aliases that led to it. A message has 64 KiB at most, and so
    // not more than 5,460 records.
    if (ns_rr_type(record) != type) continue;
    auto value = value_of(message, record, type);
    if (!value) return broken;
    answer.values.push_back(std::move(*value));
    const std::uint32_t ttl = ns_rr_ttl(record);
    answer.ttl_s = std::min(answer.ttl_s.value_or(ttl), ttl);
  }
  return std::optional(std::move(answer));
}

namespace {

// A name without its final dot, in lower case (RFC 4343). A dot behind a backslash is part of a label.
std::string canonical_name(std::string_view name) {
  std::size_t backslashes = 0;
  while (name.size() > backslashes + 1 && name[name.size() - 2 - backslashes] == '\\') ++backslashes;
  if (name.size() > 1 && name.back() == '.' && backslashes % 2 == 0) name.remove_suffix(1);
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

// "10  Mail.Example." as "10 mail.example": so many numbers, then a name.
std::string canonical_numbers(const std::string& text, int numbers) {
  std::istringstream words(text);
  std::string out, word;
  for (int i = 0; i < numbers && words >> word; ++i) {
    unsigned number = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != word.data() + word.size()) return text;
    out += std::to_string(number) + " ";
  }
  std::string more;
  if (!(words >> word) || words >> more) return text;
  return out + canonical_name(word);
}

}  // namespace

std::string canonical_value(int type, const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> shown{};
  switch (type) {
    case ns_t_a:
    case ns_t_aaaa: {
      const int family = type == ns_t_a ? AF_INET : AF_INET6;
      if (::inet_pton(family, text.c_str(), bytes.data()) != 1) return "";
      return ::inet_ntop(family, bytes.data(), shown.data(), shown.size());
    }
    case ns_t_mx:
      return canonical_numbers(text, 1);
    case ns_t_srv:
      return canonical_numbers(text, 3);
    case ns_t_txt:
      return text;
    default:
      return canonical_name(text);
  }
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
