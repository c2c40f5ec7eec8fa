// SPDX-License-Identifier: Apache-2.0
#include "drivers/mmc/mmc.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Mmc, Testcases) {
  run_testcases(kMmcDriver);
}

}  // namespace
}  // namespace vigile
