// SPDX-License-Identifier: Apache-2.0
#include "drivers/diskio/diskio.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Diskio, Testcases) {
  run_testcases(kDiskioDriver);
}

}  // namespace
}  // namespace vigile
