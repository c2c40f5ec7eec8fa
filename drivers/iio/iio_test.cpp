// SPDX-License-Identifier: Apache-2.0
#include "drivers/iio/iio.h"

#include <gtest/gtest.h>

#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

TEST(Iio, Testcases) {
  run_testcases(kIioDriver);
}

}  // namespace
}  // namespace vigile
