// SPDX-License-Identifier: Apache-2.0
#include "drivers/pressure/pressure.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Pressure, Testcases) {
  run_testcases(kPressureDriver);
}

}  // namespace
}  // namespace vigile
