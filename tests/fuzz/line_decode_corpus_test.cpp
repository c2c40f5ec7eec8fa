// SPDX-License-Identifier: Apache-2.0
// The fuzzer's corpus as an ordinary test.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "line_decode_check.h"

namespace vigile {
namespace {

TEST(LineDecodeCorpus, HoldsWhatMustHold) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(VIGILE_SOURCE_DIR "/tests/fuzz/corpus/line_decode")) {
    std::ifstream file(entry.path(), std::ios::binary);
    ASSERT_TRUE(file) << entry.path();
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(line_decode_fault(text), std::nullopt) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 10);
}

}  // namespace
}  // namespace vigile
