// SPDX-License-Identifier: Apache-2.0
// What an answer must be like.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace vigile {

// Status codes as written in the settings: "200", "200-399", "200, 204, 301-308".
class StatusSet {
 public:
  // Errors: config.
  static Result<StatusSet> parse(std::string_view text);
  bool contains(long status) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::pair<long, long>> ranges_;  // first and last
};

// Looks for a text in a body that comes in chunks; keeps no more of it than that text is long.
class BodySearch {
 public:
  explicit BodySearch(std::string wanted) : wanted_(std::move(wanted)) {}
  void feed(std::string_view chunk);
  bool found() const { return found_ || wanted_.empty(); }

 private:
  const std::string wanted_;
  std::string tail_;  // of what was fed, shorter than wanted_
  bool found_ = false;
};

}  // namespace vigile
