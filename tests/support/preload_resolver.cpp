// SPDX-License-Identifier: Apache-2.0
// A resolver for programs under test, preloaded (LD_PRELOAD) or linked into them (test_names):
// - Names are not resolved, nor refused, while the file that VIGILE_TEST_HANG names is there. So is a
// resolver
//   whose servers do not answer.
// - VIGILE_TEST_NAMES="press.test=127.0.0.2,::1 switch.test=127.0.0.3" gives names their addresses, in this
// order.
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>

namespace {

using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

// "127.0.0.2,::1", or empty.
std::string addresses_of(const std::string& name) {
  const char* const names = std::getenv("VIGILE_TEST_NAMES");
  std::istringstream entries(names == nullptr ? "" : names);
  for (std::string entry; entries >> entry;) {
    if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
  }
  return "";
}

}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  static const Function next = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const bool numeric = hints != nullptr && (hints->ai_flags & AI_NUMERICHOST) != 0;
  const char* const file = std::getenv("VIGILE_TEST_HANG");
  while (!numeric && file != nullptr && ::access(file, F_OK) == 0) ::usleep(20'000);
  const std::string addresses = name == nullptr ? "" : addresses_of(name);
  if (addresses.empty() || numeric) return next(name, service, hints, found);
  std::istringstream list(addresses);
  addrinfo** end = found;  // glibc's freeaddrinfo() frees a chain entry by entry
  for (std::string address; std::getline(list, address, ',');) {
    addrinfo plain{};
    if (hints != nullptr) plain = *hints;
    plain.ai_flags = AI_NUMERICHOST;
    if (const int code = next(address.c_str(), service, &plain, end); code != 0) return code;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return 0;
}
