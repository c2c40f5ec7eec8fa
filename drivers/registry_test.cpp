// SPDX-License-Identifier: Apache-2.0
#include "drivers/registry.h"

#include <gtest/gtest.h>

namespace vigile {
namespace {

TEST(Registry, FindsEachDriverByItsName) {
  std::string_view previous;
  for (const DriverInfo* const driver : all_drivers()) {
    EXPECT_EQ(find_driver(driver->name), driver);
    EXPECT_NE(driver->make, nullptr);
    EXPECT_LT(previous, driver->name) << "by name";
    previous = driver->name;
  }
  EXPECT_EQ(find_driver("cpus"), nullptr);
  EXPECT_EQ(find_driver(""), nullptr);
}

}  // namespace
}  // namespace vigile
