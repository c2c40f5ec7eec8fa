// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/logging.h"
#include "targets.h"

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  vigile::log::set_level(vigile::log::Level{});  // what is said of each damaged file helps nobody here
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fault = vigile::VIGILE_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  if (fault) {
    std::fprintf(stderr, "does not hold: %s\n", fault->c_str());
    std::abort();
  }
  return 0;
}
