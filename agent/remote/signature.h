// SPDX-License-Identifier: Apache-2.0
// Ed25519 signatures (RFC 8032), by OpenSSL; the only files that know it are signature.cpp and, in builds
// without it, no_signature.cpp. Keys are PEM files as `openssl genpkey -algorithm ed25519` makes them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

// Why this build can neither sign nor verify; empty when it can.
std::string_view signatures_missing();

class PublicKeys {
 public:
  // All keys of a file, of which any may have signed. Errors: not_found, permission, io, config (no key, or
  // not Ed25519).
  static Result<PublicKeys> read(const std::filesystem::path& file);
  PublicKeys(PublicKeys&&) noexcept;
  PublicKeys& operator=(PublicKeys&&) noexcept;
  ~PublicKeys();

  // `signature` in base64.
  bool verify(std::string_view text, std::string_view signature) const;

 private:
  struct Keys;
  explicit PublicKeys(std::unique_ptr<Keys> keys);
  std::unique_ptr<Keys> keys_;
};

// The signature of `text` in base64. Errors: as above; a key with a passphrase is config.
Result<std::string> sign(std::string_view text, const std::filesystem::path& private_key_file);

}  // namespace vigile
