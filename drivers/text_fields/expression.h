// SPDX-License-Identifier: Apache-2.0
// POSIX extended regular expressions, regex(7): their time is bounded by the text's length.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

// Compiled once; may be copied (copies share what was compiled) and used by several threads.
class Expression {
 public:
  // Errors: config: not an expression, longer than 500 bytes, or with a class of other dialects (\d, \t) that
  // regex(7) takes for a letter.
  static Result<Expression> compile(const std::string& text);

  // The first group of the first place in `text` that matches, or all of it when the expression has no group.
  struct Found {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::optional<Found> find(std::string_view text) const;
  const std::string& text() const { return text_; }

 private:
  struct Compiled;
  Expression(std::string text, std::shared_ptr<const Compiled> compiled)
      : text_(std::move(text)), compiled_(std::move(compiled)) {}

  std::string text_;
  std::shared_ptr<const Compiled> compiled_;  // shared by copies: a regex_t cannot be copied
};

}  // namespace vigile
