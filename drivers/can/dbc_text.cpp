// SPDX-License-Identifier: Apache-2.0
#include "drivers/can/dbc_text.h"

#include <algorithm>

namespace vigile::can {

namespace {

constexpr std::size_t kLongestName = 128;
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kWithinLine = " \t\r";

// They end with their line.
constexpr std::string_view kOfALine[] = {"VERSION", "NS_", "BS_", "BU_", "BO_", "SG_"};
// They end with a semicolon.
constexpr std::string_view kOthers[] = {"CM_",
                                        "BA_DEF_",
                                        "BA_",
                                        "VAL_",
                                        "CAT_DEF_",
                                        "CAT_",
                                        "FILTER",
                                        "BA_DEF_DEF_",
                                        "EV_DATA_",
                                        "ENVVAR_DATA_",
                                        "SGTYPE_",
                                        "SGTYPE_VAL_",
                                        "BA_DEF_SGTYPE_",
                                        "BA_SGTYPE_",
                                        "SIG_TYPE_REF_",
                                        "VAL_TABLE_",
                                        "SIG_GROUP_",
                                        "SIG_VALTYPE_",
                                        "SIGTYPE_VALTYPE_",
                                        "BO_TX_BU_",
                                        "BA_DEF_REL_",
                                        "BA_REL_",
                                        "BA_DEF_DEF_REL_",
                                        "BU_SG_REL_",
                                        "BU_EV_REL_",
                                        "BU_BO_REL_",
                                        "SG_MUL_VAL_",
                                        "EV_"};

template <std::size_t N>
bool is_among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_of_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view word_at(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && is_of_word(text[size])) ++size;
  return text.substr(0, size);
}

}  // namespace

void DbcText::pass(std::size_t to) {
  to = std::min(to, text_.size());
  line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                       text_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
  at_ = to;
}

bool DbcText::begins_statement(std::size_t at) const {
  const std::string_view word = word_at(text_.substr(at, kLongestName));
  return is_among(kOfALine, word) || is_among(kOthers, word);
}

// The closing quote of the string that opens at `opening`; npos: it is not closed. Of a string that is the
// last of its statement the one before the semicolon, so that a quote within a comment does no harm.
std::size_t DbcText::end_of_string(std::size_t opening, bool is_last) const {
  std::size_t first = std::string_view::npos;
  for (std::size_t i = opening + 1; i < text_.size(); ++i) {
    if (text_[i] == '\\') {
      ++i;
    } else if (text_[i] == '"') {
      if (!is_last) return i;
      first = std::min(first, i);
      const std::size_t next = text_.find_first_not_of(kBlanks, i + 1);
      if (next != std::string_view::npos && text_[next] == ';') return i;
    } else if (text_[i] == '\n' && first != std::string_view::npos && begins_statement(i + 1)) {
      return first;  // its semicolon is missing
    }
  }
  return first;
}

std::size_t DbcText::end_of_statement(std::size_t from, std::string_view keyword) const {
  for (std::size_t i = from; i < text_.size(); ++i) {
    if (text_[i] == ';') return i;
    if (text_[i] == '"') {
      const std::size_t closing = end_of_string(i, keyword == "CM_");
      if (closing == std::string_view::npos) return std::min(text_.find('\n', i), text_.size());
      i = closing;
    } else if (text_[i] == '\n') {
      if (begins_statement(i + 1)) return i;
    }
  }
  return text_.size();
}

std::optional<DbcStatement> DbcText::next() {
  for (;;) {
    pass(text_.find_first_not_of(" \t\r\n;", at_));
    if (at_ >= text_.size()) return std::nullopt;
    const std::string_view keyword = word_at(text_.substr(at_));
    const std::size_t after = at_ + keyword.size();
    const std::size_t end_of_line = std::min(text_.find('\n', after), text_.size());
    const bool is_alone = text_.find_first_not_of(kWithinLine, after) >= end_of_line;
    DbcStatement statement{keyword, {}, line_};
    if (is_among(kOthers, keyword) && !is_alone) {
      const std::size_t end = end_of_statement(after, keyword);
      statement.rest = text_.substr(after, end - after);
      pass(end);
      return statement;
    }
    statement.rest = text_.substr(after, end_of_line - after);
    pass(end_of_line);
    if (is_among(kOfALine, keyword)) return statement;
  }
}

void DbcScan::blanks() {
  const std::size_t at = rest_.find_first_not_of(kBlanks);
  rest_.remove_prefix(std::min(at, rest_.size()));
}

bool DbcScan::at_end() {
  blanks();
  return rest_.empty();
}

bool DbcScan::is(std::string_view sign) {
  blanks();
  if (!rest_.starts_with(sign)) return false;
  rest_.remove_prefix(sign.size());
  return true;
}

std::string DbcScan::word() {
  blanks();
  const std::string word(word_at(rest_));
  rest_.remove_prefix(word.size());
  ok_ = ok_ && !word.empty() && word.size() <= kLongestName;
  return word;
}

std::string DbcScan::quoted() {
  expect("\"");
  std::string text;
  while (ok_ && !rest_.starts_with('"')) {
    if (rest_.starts_with("\\\"")) rest_.remove_prefix(1);
    ok_ = !rest_.empty();
    if (ok_ && text.size() < kLongestName) text += rest_[0];
    if (ok_) rest_.remove_prefix(1);
  }
  if (ok_) rest_.remove_prefix(1);
  return text;
}

void DbcScan::skip_past(char sign) {
  const std::size_t at = rest_.find(sign);
  ok_ = ok_ && at != std::string_view::npos;
  rest_.remove_prefix(ok_ ? at + 1 : 0);
}

}  // namespace vigile::can
