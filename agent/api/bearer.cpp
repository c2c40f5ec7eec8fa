// SPDX-License-Identifier: Apache-2.0
#include "api/bearer.h"

#include <strings.h>

#include <cstddef>

namespace vigile {

bool bearer_fits(std::string_view header, std::string_view token) {
  constexpr std::string_view kScheme = "Bearer ";
  if (token.empty() || header.size() < kScheme.size() ||
      ::strncasecmp(header.data(), kScheme.data(), kScheme.size()) != 0) {
    return false;
  }
  header.remove_prefix(kScheme.size());
  if (header.size() != token.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < token.size(); ++i) {
    difference |= static_cast<unsigned char>(header[i]) ^ static_cast<unsigned char>(token[i]);
  }
  return difference == 0;
}

}  // namespace vigile
