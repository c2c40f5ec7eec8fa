// SPDX-License-Identifier: Apache-2.0
#include "drivers/text_fields/expression.h"

#include <regex.h>

#include <utility>

#include "drivers/line_text/line_text.h"

namespace vigile {

struct Expression::Compiled {
  regex_t regex{};
  bool is_good = false;

  Compiled() = default;
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  ~Compiled() {
    if (is_good) ::regfree(&regex);
  }
};

namespace {

constexpr std::size_t kLongestExpression = 500;

// Classes of Perl and its kin, and what regex(7) has instead. glibc itself has \w, \W, \s and \S, but not
// between brackets.
constexpr std::pair<char, std::string_view> kOutsideBrackets[] = {{'d', "[0-9]"},
                                                                  {'D', "[^0-9]"},
                                                                  {'h', "[[:blank:]]"},
                                                                  {'t', "[[:blank:]]"},
                                                                  {'n', "$ and a new ^"},
                                                                  {'r', "[[:space:]]"},
                                                                  {'x', "the character itself"},
                                                                  {'u', "the character itself"}};
constexpr std::pair<char, std::string_view> kInBrackets[] = {
    {'d', "0-9"},           {'D', "[^0-9]"},    {'w', "[:alnum:]_"},
    {'W', "[^[:alnum:]_]"}, {'s', "[:space:]"}, {'S', "[^[:space:]]"},
    {'t', "[:blank:]"},     {'n', "[:space:]"}, {'r', "[:space:]"}};

template <std::size_t N>
std::string foreign_class(const std::pair<char, std::string_view> (&classes)[N], char letter) {
  for (const auto& [name, instead] : classes) {
    if (name == letter)
      return "regex(7) has no \\" + std::string(1, name) + "; write " + std::string(instead);
  }
  return "";
}

// The end of the bracket expression that begins at `at`: behind its ].
std::size_t end_of_brackets(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  if (i < text.size() && text[i] == '^') ++i;
  if (i < text.size() && text[i] == ']') ++i;  // the first is a member
  while (i < text.size() && text[i] != ']') {
    const char kind = i + 1 < text.size() && text[i] == '[' ? text[i + 1] : '\0';
    if (kind == ':' || kind == '.' || kind == '=') {
      const std::size_t end = text.find(std::string{kind, ']'}, i + 2);
      i = end == std::string_view::npos ? text.size() : end + 2;
    } else {
      ++i;
    }
  }
  return std::min(i + 1, text.size());
}

// What is wrong; empty: nothing. regcomp(3) takes these for letters, and then nothing ever matches.
std::string foreign_class(std::string_view text) {
  std::string wrong;
  for (std::size_t i = 0; i < text.size() && wrong.empty();) {
    if (text[i] == '[') {
      const std::size_t end = end_of_brackets(text, i);
      for (std::size_t k = i; k + 1 < end && wrong.empty(); ++k) {
        if (text[k] == '\\') wrong = foreign_class(kInBrackets, text[k + 1]);
      }
      i = end;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      wrong = foreign_class(kOutsideBrackets, text[i + 1]);
      i += 2;
    } else {
      ++i;
    }
  }
  return wrong;
}

}  // namespace

Result<Expression> Expression::compile(const std::string& text) {
  if (text.size() > kLongestExpression)
    return Error{ErrorKind::config, "an expression has at most 500 bytes"};
  if (const std::string wrong = foreign_class(text); !wrong.empty())
    return Error{ErrorKind::config, shown_text(text) + ": " + wrong};
  auto compiled = std::make_shared<Compiled>();
  if (const int code = ::regcomp(&compiled->regex, text.c_str(), REG_EXTENDED | REG_NEWLINE); code != 0) {
    char why[128];
    ::regerror(code, &compiled->regex, why, sizeof why);
    return Error{ErrorKind::config, shown_text(text) + " is not an extended regular expression: " + why};
  }
  compiled->is_good = true;
  return Expression(text, std::move(compiled));
}

std::optional<Expression::Found> Expression::find(std::string_view text) const {
  regmatch_t groups[2]{};
  // From here to there: no copy, and no end that text would have to have (REG_STARTEND of glibc).
  groups[0].rm_so = 0;
  groups[0].rm_eo = static_cast<regoff_t>(text.size());
  if (::regexec(&compiled_->regex, text.data(), 2, groups, REG_STARTEND) != 0) return std::nullopt;
  const regmatch_t& group = groups[1].rm_so >= 0 ? groups[1] : groups[0];
  return Found{static_cast<std::size_t>(group.rm_so), static_cast<std::size_t>(group.rm_eo)};
}

}  // namespace vigile
