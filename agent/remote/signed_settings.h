// SPDX-License-Identifier: Apache-2.0
// Settings as they are published: YAML after four lines of comment.
//
//   # vigile-settings 1
//   # serial: 7
//   # for: 12/+
//   # signature: <base64>
//
// What is signed is the whole text without its fourth line. Later settings have a higher serial. `for` is
// <site>/<device>, where + stands for all of them. Pure but for the files of keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"
#include "remote/signature.h"

namespace vigile {

inline constexpr std::size_t kLargestSignedSettings = std::size_t{1} << 20;  // bytes

struct SignedSettings {
  std::uint64_t serial = 0;  // from 1
  std::string recipients;    // "12/+"
  std::string text;          // all of it; as YAML, its lines are the message's

  bool is_for(std::string_view site, std::string_view device) const;
};

// Errors: parse ("line 2: expected …"), full, permission when no key has signed it.
Result<SignedSettings> read_signed_settings(std::string_view text, const PublicKeys& keys);

// `yaml` with its four lines; those that it has already are replaced. Errors: config, and of the file.
Result<std::string> sign_settings(std::string_view yaml, std::uint64_t serial, std::string_view recipients,
                                  const std::filesystem::path& private_key_file);

}  // namespace vigile
