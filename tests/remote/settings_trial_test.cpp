// SPDX-License-Identifier: Apache-2.0
// Which settings are tried, when they stay, when those before come back.
#include "remote/settings_trial.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "core/file.h"
#include "support/fake_clock.h"
#include "support/settings_keys.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SettingsTrialTest : public testing::Test {
 protected:
  SettingsTrialTest() {
    site_.site_id = "12";
    site_.device = "press-07";
    site_.remote.emplace();
    site_.remote->public_key = keys_.public_key();
    site_.remote->folder = dir_ / "settings";
    site_.remote->trial = 2min;
    start();
  }
  // A process that begins.
  void start() {
    ASSERT_TRUE(SettingsFolder(site_.remote->folder).count_start());
    TrialAgent agent;
    agent.check = [this](const SettingsLayer& layer) {
      calls_.push_back("check");
      EXPECT_THAT(layer.yaml, HasSubstr("# vigile-settings 1"));
      return wrong_;
    };
    agent.remember_failures = [this] { calls_.push_back("remember"); };
    agent.reload = [this] {
      calls_.push_back("reload " + in_force());
      return reload_refused_;
    };
    agent.exercise = [this] { calls_.push_back("exercise"); };
    agent.ailing = [this]() -> std::optional<Ailment> {
      if (ailing_.empty()) return std::nullopt;
      return Ailment{ailing_, may_be_network_};
    };
    auto opened = SettingsTrial::open(site_, agent, clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    trial_ = std::move(*opened);
  }
  std::string signed_by(const SettingsKeys& keys, std::uint64_t serial,
                        std::string_view recipients = "12/press-07") {
    const auto text =
        sign_settings("# " + std::to_string(serial) + "\n", serial, recipients, keys.private_key());
    EXPECT_TRUE(text) << text.error().message;
    return *text;
  }
  std::string message(std::uint64_t serial, std::string_view recipients = "12/press-07") {
    return signed_by(keys_, serial, recipients);
  }
  // The serial that load_settings() would lay over; "" for none; an error's text.
  std::string in_force() {
    const auto layer = remote_layer()(site_);
    if (!layer) return layer.error().message;
    if (!*layer) return "none";
    const auto read = read_signed_settings((*layer)->yaml, *PublicKeys::read(keys_.public_key()));
    return read ? std::to_string(read->serial) : read.error().message;
  }
  void pass(std::chrono::nanoseconds time) {
    const BootTime end = clock_.boot() + time;
    while (const auto due = trial_->step()) {
      if (*due > end) break;
      clock_.advance_to(*due);
    }
    clock_.advance_to(end);
  }
  void offer_and_lose_the_network() {
    trial_->broker_heard();
    trial_->offer(message(5));
    trial_->broker_lost();
    ailing_ = "sink central does not deliver, it is retrying";
    may_be_network_ = true;
  }
  std::string refusal() { return trial_->status().refused; }

  SettingsKeys keys_;
  TempDir dir_;
  FakeClock clock_;
  Settings site_;
  std::vector<std::string> calls_;
  std::string wrong_, reload_refused_, ailing_;
  bool may_be_network_ = false;
  std::unique_ptr<SettingsTrial> trial_;
};

TEST_F(SettingsTrialTest, GoodOnesAreTriedAndStay) {
  EXPECT_EQ(in_force(), "none");
  trial_->offer(message(5));
  EXPECT_THAT(calls_, ElementsAre("check", "remember", "reload 5"));
  EXPECT_EQ(trial_->status().serial, 5u);
  EXPECT_TRUE(trial_->status().on_trial);
  EXPECT_EQ(trial_->status().trial_left, 2min);
  pass(119s);
  EXPECT_TRUE(trial_->status().on_trial);
  EXPECT_EQ(calls_.back(), "exercise");
  pass(2s);
  EXPECT_FALSE(trial_->status().on_trial);
  EXPECT_EQ(in_force(), "5");
  EXPECT_EQ(trial_->step(), std::nullopt);
  // The broker hands it over again at every connection.
  calls_.clear();
  trial_->offer(message(5));
  EXPECT_THAT(calls_, IsEmpty());
  EXPECT_EQ(refusal(), "");
}

TEST_F(SettingsTrialTest, AFleetThatGetsThemTogetherDoesNotDeliverTogether) {
  constexpr int kDevices = 400;
  std::map<std::chrono::nanoseconds, int> by_second;
  for (int device = 0; device < kDevices; ++device) {
    site_.device = "press-" + std::to_string(device);
    site_.remote->folder = dir_ / site_.device;
    start();
    trial_->offer(message(5, "12/+"));
    const auto due = trial_->step();  // the next thing that a trial does
    ASSERT_TRUE(due);
    ++by_second[std::chrono::floor<std::chrono::seconds>(*due - clock_.boot())];
  }
  EXPECT_EQ(by_second.begin()->first, 15s);
  EXPECT_EQ(by_second.rbegin()->first, 59s);
  EXPECT_EQ(by_second.size(), 45u);
  for (const auto& [second, devices] : by_second) EXPECT_LE(devices, kDevices / 45 * 3) << second.count();
}

TEST_F(SettingsTrialTest, WhenTheBrokerIsAwayTooItIsTheNetwork) {
  offer_and_lose_the_network();
  pass(1h);
  EXPECT_EQ(in_force(), "5");
  EXPECT_TRUE(trial_->status().on_trial);
  EXPECT_EQ(trial_->status().trial_left, 0s);
  // Back: all begins again, and is judged.
  calls_.clear();
  trial_->broker_heard();
  EXPECT_EQ(trial_->status().trial_left, 2min);
  pass(119s);
  EXPECT_THAT(calls_, ElementsAre("exercise"));
  EXPECT_EQ(in_force(), "5");
  pass(2s);
  trial_->broker_heard();
  trial_->step();
  EXPECT_EQ(in_force(), "none");
  EXPECT_EQ(trial_->status().failed_why, ailing_);
}

TEST_F(SettingsTrialTest, ABrokerThatSeemsToBeThereIsAskedBeforeASinkIsBlamed) {
  trial_->broker_heard();
  trial_->offer(message(5));
  ailing_ = "sink central does not deliver, it is retrying";
  may_be_network_ = true;
  pass(119s);
  EXPECT_FALSE(trial_->wants_sign_of_life());
  pass(2s);
  trial_->step();
  EXPECT_TRUE(trial_->wants_sign_of_life());
  EXPECT_EQ(in_force(), "5");
  trial_->broker_lost();  // it gave none
  EXPECT_FALSE(trial_->wants_sign_of_life());
  pass(1h);
  EXPECT_EQ(in_force(), "5");
  // What heals needs no broker to be seen.
  ailing_.clear();
  pass(11s);
  EXPECT_FALSE(trial_->status().on_trial);
  EXPECT_EQ(in_force(), "5");
}

TEST_F(SettingsTrialTest, ADayWithoutSinkAndBrokerTakesThemBack) {
  offer_and_lose_the_network();
  pass(24h);
  EXPECT_EQ(in_force(), "5");
  pass(3min);
  EXPECT_EQ(in_force(), "none");
}

TEST_F(SettingsTrialTest, WhatIsNoNetworksFaultIsTakenBackWithoutTheBroker) {
  trial_->offer(message(5));
  ailing_ = "readings cannot be committed";
  pass(121s);
  EXPECT_EQ(in_force(), "none");
}

TEST_F(SettingsTrialTest, UnhealthyOnesAreTakenBack) {
  trial_->offer(message(5));
  pass(121s);
  trial_->offer(message(6));
  EXPECT_EQ(in_force(), "6");
  ailing_ = "sink central does not deliver, it is paused: 401";
  calls_.clear();
  pass(121s);
  EXPECT_EQ(in_force(), "5");
  EXPECT_THAT(calls_, ElementsAre("exercise", "reload 5"));
  EXPECT_EQ(trial_->status().serial, 5u);
  EXPECT_EQ(trial_->status().failed_serial, 6u);
  EXPECT_EQ(trial_->status().failed_why, ailing_);
  EXPECT_FALSE(trial_->status().on_trial);
  // Not a second time, in this process or the next.
  calls_.clear();
  trial_->offer(message(6));
  start();
  trial_->offer(message(6));
  EXPECT_THAT(calls_, IsEmpty());
  EXPECT_EQ(trial_->status().failed_serial, 6u);
  // But the next ones are.
  ailing_.clear();
  trial_->offer(message(7));
  pass(121s);
  EXPECT_EQ(in_force(), "7");
  EXPECT_EQ(trial_->status().failed_serial, 0u);
}

TEST_F(SettingsTrialTest, OnesThatTheReloadRefusesAreTakenBack) {
  reload_refused_ = "site.yaml:3:1: unknown key \"stroe\"";
  trial_->offer(message(5));
  EXPECT_EQ(in_force(), "none");
  EXPECT_EQ(trial_->status().failed_serial, 5u);
  EXPECT_FALSE(trial_->status().on_trial);
}

TEST_F(SettingsTrialTest, WhatIsNotSignedForThisDeviceByOurKeyIsRefused) {
  const SettingsKeys others;
  trial_->offer(signed_by(others, 5));
  EXPECT_THAT(refusal(), HasSubstr("the signature is of none of the public keys"));
  trial_->offer(message(5, "12/press-08"));
  EXPECT_THAT(refusal(), HasSubstr("serial 5 is for 12/press-08; this is 12/press-07"));
  trial_->offer("store: {max_size: 1MiB}\n");
  EXPECT_THAT(refusal(), HasSubstr("line 1: expected"));
  trial_->refuse("a message of more than 1 MiB");
  EXPECT_THAT(refusal(), HasSubstr("more than 1 MiB"));
  EXPECT_THAT(calls_, IsEmpty());
  EXPECT_EQ(in_force(), "none");
  trial_->offer(message(5, "12/+"));
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(in_force(), "5");
}

TEST_F(SettingsTrialTest, AKeyIsReplacedWhileTheAgentRuns) {
  trial_->offer(message(5));
  pass(121s);
  const SettingsKeys next;
  const std::string both = *read_file(keys_.public_key()) + *read_file(next.public_key());
  trial_->offer(signed_by(next, 6));
  EXPECT_THAT(refusal(), HasSubstr("of none of the public keys"));
  std::ofstream(keys_.public_key()) << both;
  trial_->offer(signed_by(next, 6));
  pass(121s);
  EXPECT_EQ(in_force(), "6");
  std::ofstream(keys_.public_key()) << *read_file(next.public_key());
  EXPECT_EQ(in_force(), "6");
  trial_->offer(message(7));
  EXPECT_THAT(refusal(), HasSubstr("of none of the public keys"));
  std::filesystem::remove(keys_.public_key());
  trial_->offer(signed_by(next, 7));
  EXPECT_THAT(refusal(), HasSubstr("settings.pub: No such file"));
}

TEST_F(SettingsTrialTest, OlderOnesAreRefused) {
  trial_->offer(message(5));
  pass(121s);
  trial_->offer(message(4));
  EXPECT_THAT(refusal(), HasSubstr("serial 4 is not above 5"));
  trial_->offer(message(5, "12/+"));  // another text under a known number
  EXPECT_THAT(refusal(), HasSubstr("serial 5 is not above 5"));
  start();
  trial_->offer(message(3));
  EXPECT_THAT(refusal(), HasSubstr("serial 3 is not above 5"));
  EXPECT_EQ(in_force(), "5");
}

TEST_F(SettingsTrialTest, WrongOnesAreCheckedOnceAndUseUpNoNumber) {
  wrong_ = "serial 5:6:1: unknown key \"stroe\"";
  trial_->offer(message(5));
  trial_->offer(message(5));
  EXPECT_THAT(calls_, ElementsAre("check"));
  EXPECT_EQ(refusal(), wrong_);
  EXPECT_EQ(in_force(), "none");
  EXPECT_EQ(trial_->status().failed_serial, 0u);
  // Mended, or known to a newer agent.
  wrong_.clear();
  start();
  trial_->offer(message(5));
  EXPECT_EQ(in_force(), "5");
}

TEST_F(SettingsTrialTest, AMessageThatIsDeletedChangesNothing) {
  trial_->offer(message(5));
  trial_->offer("");
  pass(121s);
  trial_->offer("");
  EXPECT_EQ(in_force(), "5");
  EXPECT_EQ(refusal(), "");
}

TEST_F(SettingsTrialTest, ATrialGoesOnAfterOneStartAndFailsAtTheSecond) {
  trial_->offer(message(5));
  pass(30s);
  start();
  EXPECT_TRUE(trial_->status().on_trial);
  EXPECT_EQ(trial_->status().trial_left, 2min);  // all of it again
  start();
  EXPECT_EQ(in_force(), "none");
  EXPECT_EQ(trial_->status().failed_serial, 5u);
  EXPECT_THAT(trial_->status().failed_why, HasSubstr("ended twice"));
}

TEST_F(SettingsTrialTest, NewerOnesInATrialStartTheirOwn) {
  trial_->offer(message(5));
  pass(90s);
  calls_.clear();
  trial_->offer(message(6));
  // What fails by now may be the fault of 5, and is not forgiven to 6.
  EXPECT_THAT(calls_, ElementsAre("check", "reload 6"));
  EXPECT_EQ(trial_->status().trial_left, 2min);
  ailing_ = "x";
  pass(121s);
  EXPECT_EQ(in_force(), "none");
  EXPECT_EQ(trial_->status().failed_serial, 6u);
}

TEST_F(SettingsTrialTest, WhatSomebodyPutIntoTheFolderIsVerifiedToo) {
  trial_->offer(message(5));
  pass(121s);
  const auto file = dir_ / "settings" / "settings.yaml";
  std::string text = message(5);
  text += "store: {max_size: 1MiB}\n";
  std::ofstream(file) << text;
  EXPECT_THAT(in_force(), HasSubstr("settings.yaml: the signature is of none"));
  std::ofstream(file) << message(5, "12/press-09");
  EXPECT_THAT(in_force(), HasSubstr("serial 5 is for 12/press-09"));
}

TEST_F(SettingsTrialTest, WhatCannotBeKeptIsNotTried) {
  std::filesystem::remove_all(dir_ / "settings");
  std::ofstream(dir_ / "settings") << "in the way";
  trial_->offer(message(5));
  EXPECT_THAT(refusal(), HasSubstr("settings"));
  EXPECT_THAT(calls_, IsEmpty());
}

}  // namespace
}  // namespace vigile
