// SPDX-License-Identifier: Apache-2.0
#include "core/repeated_keys.h"

namespace vigile {

void RepeatedKeys::begin_object(std::size_t depth) {
  if (levels_.size() <= depth) levels_.resize(depth + 1);
  levels_[depth] = Level{};
}

void RepeatedKeys::key(std::size_t depth, const std::string& name) {
  if (depth == 0 || depth > levels_.size()) return;
  Level& level = levels_[depth - 1];
  level.last = name;
  if (level.keys.insert(name).second || !place_.empty()) return;
  for (std::size_t i = 0; i < depth; ++i) {
    if (!levels_[i].last.empty()) place_ += "/" + levels_[i].last;
  }
  if (place_.empty()) place_ = "/";  // the key is an empty text
}

}  // namespace vigile
