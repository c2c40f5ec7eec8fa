// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/predicate.h"

#include <cctype>
#include <optional>

#include "sinks/influx/quoting.h"

namespace vigile::influx_sink {

namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  void skip_blanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool at_end() const { return at_ == text_.size(); }
  std::size_t position() const { return at_ + 1; }
  bool take(char c) {
    skip_blanks();
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_and() {
    skip_blanks();
    const std::string_view word = text_.substr(at_, 3);
    const bool found = word.size() == 3 && (word[0] | 0x20) == 'a' && (word[1] | 0x20) == 'n' &&
                       (word[2] | 0x20) == 'd' && !is_bare(at_ + 3);
    if (found) at_ += 3;
    return found;
  }
  std::optional<std::string> bare() {
    skip_blanks();
    const std::size_t from = at_;
    while (is_bare(at_)) ++at_;
    if (at_ == from) return std::nullopt;
    return std::string(text_.substr(from, at_ - from));
  }
  std::optional<std::string> quoted(std::string_view quotes) {
    skip_blanks();
    if (at_end() || quotes.find(text_[at_]) == std::string_view::npos) return std::nullopt;
    const char quote = text_[at_];
    std::string value;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      char c = text_[i];
      if (c == '\0') return std::nullopt;  // no server takes it, and without it the value is another
      if (c == quote) {
        at_ = i + 1;
        return value;
      }
      if (c == '\\') {
        if (++i == text_.size()) return std::nullopt;
        c = text_[i];
        if (c == 'n') {
          c = '\n';
        } else if (c != '\\' && c != '"' && c != '\'') {
          return std::nullopt;
        }
      }
      value += c;
    }
    return std::nullopt;
  }

 private:
  bool is_bare(std::size_t at) const {
    if (at >= text_.size()) return false;
    const auto c = static_cast<unsigned char>(text_[at]);
    return std::isalnum(c) || c == '_' || c == '.' || c == '-';
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<TagEquals>> parse_predicate(std::string_view text) {
  Reader reader(text);
  const auto wrong = [&](std::string_view expected) {
    return Error{ErrorKind::parse, "predicate, at character " + std::to_string(reader.position()) +
                                       ": expected " + std::string(expected) +
                                       ", as in _measurement=\"cpu\" AND equipment_id=\"1\""};
  };
  std::vector<TagEquals> conditions;
  reader.skip_blanks();
  if (reader.at_end()) return conditions;
  for (;;) {
    auto key = reader.bare();
    if (!key) key = reader.quoted("\"");
    if (!key || key->empty()) return wrong("the name of a tag");
    if (!reader.take('=')) return wrong("=");
    auto value = reader.quoted("\"'");
    if (!value) return wrong("a value in quotes");
    conditions.push_back({std::move(*key), std::move(*value)});
    reader.skip_blanks();
    if (reader.at_end()) return conditions;
    if (!reader.take_and()) return wrong("AND");
  }
}

std::string predicate_text(const std::vector<TagEquals>& conditions) {
  std::string text;
  for (const TagEquals& condition : conditions) {
    if (!text.empty()) text += " AND ";
    // Its quotes and escapes are those of InfluxQL.
    text += condition.key == "_measurement" ? condition.key : influxql_identifier(condition.key);
    text += '=' + influxql_identifier(condition.value);
  }
  return text;
}

}  // namespace vigile::influx_sink
