// SPDX-License-Identifier: Apache-2.0
#include "remote/signature.h"

namespace vigile {

namespace {

Error missing() {
  return Error{ErrorKind::config, std::string(signatures_missing())};
}

}  // namespace

std::string_view signatures_missing() {
  return VIGILE_NO_SIGNATURES;
}

struct PublicKeys::Keys {};

PublicKeys::PublicKeys(std::unique_ptr<Keys> keys) : keys_(std::move(keys)) {}
PublicKeys::PublicKeys(PublicKeys&&) noexcept = default;
PublicKeys& PublicKeys::operator=(PublicKeys&&) noexcept = default;
PublicKeys::~PublicKeys() = default;

Result<PublicKeys> PublicKeys::read(const std::filesystem::path&) {
  return missing();
}

bool PublicKeys::verify(std::string_view, std::string_view) const {
  return false;
}

Result<std::string> sign(std::string_view, const std::filesystem::path&) {
  return missing();
}

}  // namespace vigile
