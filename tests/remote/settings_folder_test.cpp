// SPDX-License-Identifier: Apache-2.0
#include "remote/settings_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "support/temp_dir.h"

namespace vigile {
namespace {

using testing::HasSubstr;

class SettingsFolderTest : public testing::Test {
 protected:
  // What is in force: its text, "?" behind it while it is on trial.
  std::string in_force() const {
    const auto held = folder_.in_force();
    EXPECT_TRUE(held) << held.error().message;
    if (!*held) return "";
    return (*held)->text + ((*held)->on_trial ? "?" : "");
  }
  std::string failed() const {
    const auto held = folder_.failed();
    EXPECT_TRUE(held);
    return *held ? (*held)->text + ": " + folder_.failed_why() : "";
  }
  void on_trial(const std::string& text) {
    ASSERT_TRUE(folder_.offer(text));
    ASSERT_TRUE(folder_.begin_trial());
  }
  void start() { ASSERT_TRUE(folder_.count_start()); }

  TempDir dir_;
  const SettingsFolder folder_{dir_ / "settings"};
};

TEST_F(SettingsFolderTest, NothingIsThereAtFirst) {
  EXPECT_EQ(in_force(), "");
  start();
  EXPECT_EQ(in_force() + failed(), "");
  EXPECT_FALSE(std::filesystem::exists(dir_ / "settings"));  // off by default leaves nothing behind
}

TEST_F(SettingsFolderTest, ATrialThatSucceedsStays) {
  ASSERT_TRUE(folder_.offer("a"));
  EXPECT_EQ(in_force(), "");  // not before it was checked
  ASSERT_TRUE(folder_.begin_trial());
  EXPECT_EQ(in_force(), "a?");
  ASSERT_TRUE(folder_.confirm());
  EXPECT_EQ(in_force(), "a");
  for (int i = 0; i < 5; ++i) start();
  EXPECT_EQ(in_force() + failed(), "a");
  struct stat status {};
  ASSERT_EQ(::stat((dir_ / "settings" / "settings.yaml").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0007U, 0U);  // there may be secrets in it
}

TEST_F(SettingsFolderTest, ATrialThatFailsGivesWayToWhatWas) {
  on_trial("a");
  ASSERT_TRUE(folder_.confirm());
  on_trial("b");
  ASSERT_TRUE(folder_.take_back("sink central is paused"));
  EXPECT_EQ(in_force(), "a");
  EXPECT_EQ(failed(), "b: sink central is paused");
}

TEST_F(SettingsFolderTest, WithdrawnSettingsLeaveNothing) {
  ASSERT_TRUE(folder_.offer("a"));
  ASSERT_TRUE(folder_.withdraw());
  start();
  EXPECT_EQ(in_force() + failed(), "");
}

TEST_F(SettingsFolderTest, OneStartInATrialIsAllowedForASecondIsNot) {
  on_trial("a");
  ASSERT_TRUE(folder_.confirm());
  on_trial("b");
  start();
  EXPECT_EQ(in_force(), "b?");
  start();
  EXPECT_EQ(in_force(), "a");
  EXPECT_THAT(failed(), HasSubstr("b: the agent ended twice"));
}

TEST_F(SettingsFolderTest, ATrialThatGoesOnAfterAStartEndsAsAnyOther) {
  on_trial("a");
  start();
  ASSERT_TRUE(folder_.confirm());
  EXPECT_EQ(in_force(), "a");
  on_trial("b");
  start();
  ASSERT_TRUE(folder_.take_back("why"));
  EXPECT_EQ(in_force(), "a");
  EXPECT_EQ(failed(), "b: why");
}

TEST_F(SettingsFolderTest, WhatTheAgentDiedOfCheckingIsNotCheckedAgain) {
  ASSERT_TRUE(folder_.offer("a"));
  start();
  EXPECT_EQ(in_force(), "");
  EXPECT_EQ(failed(), "a: the agent ended while they were checked");
}

TEST_F(SettingsFolderTest, NewerSettingsTakeThePlaceOfThoseOnTrial) {
  on_trial("a");
  start();
  on_trial("b");
  EXPECT_EQ(in_force(), "b?");
  start();  // the first one of b's trial
  EXPECT_EQ(in_force(), "b?");
  ASSERT_TRUE(folder_.confirm());
  EXPECT_EQ(in_force() + failed(), "b");
}

TEST_F(SettingsFolderTest, AFolderThatCannotBeSaysSo) {
  const SettingsFolder nowhere(dir_ / "absent" / "settings");
  const auto offered = nowhere.offer("a");
  ASSERT_FALSE(offered);
  EXPECT_THAT(offered.error().message, HasSubstr("absent/settings: No such file"));
}

}  // namespace
}  // namespace vigile
