// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program under test (LD_PRELOAD): names are not resolved, nor refused, while the file that
// VIGILE_TEST_HANG names is there. So is a resolver whose servers do not answer.
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <cstdlib>

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const Function next = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const char* const file = std::getenv("VIGILE_TEST_HANG");
  while (file != nullptr && ::access(file, F_OK) == 0) ::usleep(20'000);
  return next(name, service, hints, found);
}
