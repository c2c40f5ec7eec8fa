// SPDX-License-Identifier: Apache-2.0
// line_decode_fuzz [libFuzzer options] <folder for new inputs> tests/fuzz/corpus/line_decode
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "line_decode_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fault = vigile::line_decode_fault({reinterpret_cast<const char*>(data), size});
  if (fault) {
    std::fprintf(stderr, "%s\n", fault->c_str());
    std::abort();
  }
  return 0;
}
