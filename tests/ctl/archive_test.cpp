// SPDX-License-Identifier: Apache-2.0
#include "ctl/archive.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_dir.h"

namespace vigile {
namespace {

TEST(Archive, OneThatIsNotWholeLeavesNothing) {
  const TempDir directory;
  const std::string path = (directory / "a.tar.gz").string();
  {
    auto archive = Archive::create(path);
    ASSERT_TRUE(archive);
    ASSERT_TRUE(archive->add("one", "text", 0));
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    auto archive = Archive::create(path);
    ASSERT_TRUE(archive);
    EXPECT_FALSE(Archive::create(path)) << "never writes over a file";
    ASSERT_TRUE(archive->finish());
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace vigile
