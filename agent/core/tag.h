// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vigile {

// One tag of a series, not owned.
struct Tag {
  std::string_view key;
  std::string_view value;
};

}  // namespace vigile
