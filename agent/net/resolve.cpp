// SPDX-License-Identifier: Apache-2.0
#include "net/resolve.h"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

#include "core/mutex.h"

namespace vigile::net {

namespace {

using Addresses = Result<std::vector<Address>>;

std::vector<Address> copied(const addrinfo* list) {
  std::vector<Address> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    Address address;
    if (at->ai_addrlen > sizeof address.bytes) continue;
    std::memcpy(&address.bytes, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    std::array<char, 64> text{};
    ::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
    address.text = text.data();
    addresses.push_back(std::move(address));
  }
  return addresses;
}

// The families take turns, beginning with the one that is preferred.
std::vector<Address> interleaved(std::vector<Address> sorted) {
  if (sorted.empty()) return sorted;
  const auto family = sorted.front().bytes.ss_family;
  const auto others = std::stable_partition(
      sorted.begin(), sorted.end(), [&](const Address& one) { return one.bytes.ss_family == family; });
  std::vector<Address> order;
  for (auto first = sorted.begin(), second = others; first != others || second != sorted.end();) {
    if (first != others) order.push_back(std::move(*first++));
    if (second != sorted.end()) order.push_back(std::move(*second++));
  }
  return order;
}

// Blocks for as long as the resolver does, unless `flags` has AI_NUMERICHOST.
Addresses ask_resolver(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;  // one entry an address; of any use, over UDP too
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code == EAI_SYSTEM) return errno_error(host, errno);
  if (code != 0) {
    const bool absent = code == EAI_NONAME || code == EAI_NODATA || code == EAI_ADDRFAMILY;
    return Error{absent ? ErrorKind::not_found : ErrorKind::unavailable, host + ": " + ::gai_strerror(code)};
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  auto addresses = interleaved(copied(found));
  if (addresses.empty()) return Error{ErrorKind::not_found, host + ": has no address"};
  return addresses;
}

// A lookup under way. Its thread and those that wait for it share it: whoever is last lets it go.
struct Lookup {
  Mutex mutex;
  CondVar done;
  std::optional<Addresses> result GUARDED_BY(mutex);
};

struct Lookups {
  Mutex mutex;
  std::map<std::string, std::shared_ptr<Lookup>> by_host GUARDED_BY(mutex);
};

// Never destroyed: a lookup may outlast main().
Lookups& lookups() {
  static Lookups& all = *new Lookups;
  return all;
}

void look_up(const std::string& host, Lookup& lookup) {
  // First without asking for addresses of a family that this machine has not: some name servers never answer
  // to that question.
  Addresses result = ask_resolver(host, AI_ADDRCONFIG);
  if (!result && result.error().kind == ErrorKind::not_found) result = ask_resolver(host, 0);
  {
    const MutexLock lock(lookups().mutex);
    lookups().by_host.erase(host);
  }
  const MutexLock lock(lookup.mutex);
  lookup.result = std::move(result);
  lookup.done.notify_all();
}

Result<std::shared_ptr<Lookup>> lookup_of(const std::string& host) {
  const MutexLock lock(lookups().mutex);
  auto& lookup = lookups().by_host[host];
  if (lookup) return lookup;
  lookup = std::make_shared<Lookup>();
  try {
    // Nothing ends getaddrinfo(3); so nobody joins the thread, and it holds nothing but the lookup.
    std::thread([host, lookup] { look_up(host, *lookup); }).detach();
  } catch (const std::system_error& error) {
    lookups().by_host.erase(host);
    return Error{ErrorKind::unavailable, host + ": cannot look it up: " + error.what()};
  }
  return lookup;
}

Addresses wait_for(Lookup& lookup, const std::string& host, const Limit& limit) {
  const std::stop_callback on_stop(limit.stop, [&lookup] {
    const MutexLock lock(lookup.mutex);
    lookup.done.notify_all();
  });
  const MutexLock lock(lookup.mutex);
  while (!lookup.result) {
    if (limit.stop.stop_requested()) return Error{ErrorKind::unavailable, host + ": stopped"};
    const auto left = limit.deadline - limit.clock.boot();
    if (left <= left.zero()) {
      return Error{ErrorKind::timeout,
                   host + ": the name servers do not answer in time; check this device's DNS"};
    }
    lookup.done.wait_for(lookup.mutex, std::min<std::chrono::nanoseconds>(left, std::chrono::hours(1)));
  }
  return *lookup.result;
}

void set_port(Address& address, std::uint16_t port) {
  // At the same place in sockaddr_in and sockaddr_in6.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  reinterpret_cast<sockaddr_in*>(&address.bytes)->sin_port = htons(port);
}

}  // namespace

Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port, const Limit& limit) {
  Addresses found = ask_resolver(host, AI_NUMERICHOST);
  if (!found) {
    const auto lookup = lookup_of(host);
    if (!lookup) return lookup.error();
    found = wait_for(**lookup, host, limit);
  }
  if (!found) return found;
  for (Address& address : *found) set_port(address, port);
  return found;
}

void put_first(std::vector<Address>& addresses, std::string_view text) {
  const auto found = std::find_if(addresses.begin(), addresses.end(),
                                  [&](const Address& address) { return address.text == text; });
  if (found != addresses.end()) std::rotate(addresses.begin(), found, found + 1);
}

}  // namespace vigile::net
