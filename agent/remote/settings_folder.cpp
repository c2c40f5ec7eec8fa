// SPDX-License-Identifier: Apache-2.0
#include "remote/settings_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/file.h"
#include "remote/signed_settings.h"

namespace vigile {

namespace {

namespace fs = std::filesystem;

constexpr const char* kOffered = "offered.yaml";
constexpr const char* kInForce = "settings.yaml";
constexpr const char* kTrial = "trial.yaml";
constexpr const char* kTrialAgain = "trial-again.yaml";
constexpr const char* kFailed = "failed.yaml";
constexpr const char* kFailedWhy = "failed.txt";
constexpr mode_t kFolderMode = 0750;
constexpr mode_t kFileMode = 0640;

Result<std::optional<HeldSettings>> read_held(const fs::path& file, bool on_trial) {
  auto text = read_file(file, kLargestSignedSettings);
  if (text) return std::optional(HeldSettings{file, std::move(*text), on_trial});
  if (text.error().kind == ErrorKind::not_found) return std::optional<HeldSettings>();
  return text.error();
}

// False when there is no `from`.
Result<bool> rename_within(const fs::path& folder, const char* from, const char* to) {
  if (std::rename((folder / from).c_str(), (folder / to).c_str()) != 0) {
    if (errno == ENOENT) return false;
    return errno_error((folder / from).string(), errno);
  }
  if (const auto synced = sync_directory(folder); !synced) return synced.error();
  return true;
}

// What failed says more than why, and comes whether or not this could be written.
void write_why(const fs::path& folder, const std::string& why) {
  (void)replace_file(folder / kFailedWhy, why + "\n", kFileMode);
}

// The trial, under whichever name.
Result<void> end_trial(const fs::path& folder, const char* to) {
  for (const char* const name : {kTrial, kTrialAgain}) {
    const auto renamed = rename_within(folder, name, to);
    if (!renamed) return renamed.error();
  }
  return {};
}

}  // namespace

Result<std::optional<HeldSettings>> SettingsFolder::in_force() const {
  for (const char* const name : {kTrial, kTrialAgain}) {
    auto held = read_held(path_ / name, true);
    if (!held || *held) return held;
  }
  return read_held(path_ / kInForce, false);
}

Result<std::optional<HeldSettings>> SettingsFolder::failed() const {
  return read_held(path_ / kFailed, false);
}

std::string SettingsFolder::failed_why() const {
  auto why = read_file(path_ / kFailedWhy);
  if (!why) return {};
  while (why->ends_with('\n')) why->pop_back();
  return *why;
}

Result<void> SettingsFolder::offer(const std::string& text) const {
  if (::mkdir(path_.c_str(), kFolderMode) != 0 && errno != EEXIST) return errno_error(path_.string(), errno);
  return replace_file(path_ / kOffered, text, kFileMode);
}

Result<void> SettingsFolder::withdraw() const {
  if (::unlink((path_ / kOffered).c_str()) != 0 && errno != ENOENT)
    return errno_error((path_ / kOffered).string(), errno);
  return {};
}

Result<void> SettingsFolder::begin_trial() const {
  const auto renamed = rename_within(path_, kOffered, kTrial);
  if (!renamed) return renamed.error();
  (void)::unlink((path_ / kTrialAgain).c_str());
  return {};
}

Result<void> SettingsFolder::confirm() const {
  return end_trial(path_, kInForce);
}

Result<void> SettingsFolder::take_back(const std::string& why) const {
  write_why(path_, why);
  return end_trial(path_, kFailed);
}

Result<void> SettingsFolder::count_start() const {
  std::error_code ignored;
  if (fs::exists(path_ / kOffered, ignored)) {
    write_why(path_, "the agent ended while they were checked");
    if (const auto failed = rename_within(path_, kOffered, kFailed); !failed) return failed.error();
  }
  if (fs::exists(path_ / kTrialAgain, ignored))
    return take_back("the agent ended twice while they were on trial");
  const auto renamed = rename_within(path_, kTrial, kTrialAgain);
  if (!renamed) return renamed.error();
  return {};
}

}  // namespace vigile
