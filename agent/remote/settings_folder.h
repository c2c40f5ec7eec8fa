// SPDX-License-Identifier: Apache-2.0
// What arrived, on disk. Every step is one rename, so that after a crash at any moment one file or the other
// is in force, whole. The texts are kept as they came, signatures and all, and verified again when they are
// read.
//
//   offered.yaml       being checked
//   settings.yaml      in force
//   trial.yaml         in force, on trial
//   trial-again.yaml   the same, after the agent was started again in the middle of it
//   failed.yaml        taken back; why, in failed.txt
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace vigile {

struct HeldSettings {
  std::filesystem::path file;
  std::string text;
  bool on_trial = false;
};

// Errors: io, permission, full; they name the file.
class SettingsFolder {
 public:
  explicit SettingsFolder(std::filesystem::path path) : path_(std::move(path)) {}

  // Absent: nothing ever arrived and stayed.
  Result<std::optional<HeldSettings>> in_force() const;
  // The ones taken back last.
  Result<std::optional<HeldSettings>> failed() const;
  std::string failed_why() const;  // empty when that is not known

  // Before they are looked at any closer, so that those at which the agent dies are not looked at for ever.
  // Makes the folder when there is none.
  Result<void> offer(const std::string& text) const;
  Result<void> withdraw() const;     // the ones offered are forgotten
  Result<void> begin_trial() const;  // the ones offered are on trial, in the place of those that were
  Result<void> confirm() const;      // the ones on trial stay
  Result<void> take_back(const std::string& why) const;  // the ones on trial fail

  // To be called once by a new process, before what is in force is used. What was being checked has failed. A
  // second start in the middle of a trial is allowed for (the power may have gone), a third takes them back.
  Result<void> count_start() const;

 private:
  std::filesystem::path path_;
};

}  // namespace vigile
