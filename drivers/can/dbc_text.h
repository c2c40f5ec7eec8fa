// SPDX-License-Identifier: Apache-2.0
// The statements of a DBC file, one after the other. Texts in quotes may go over several lines and hold
// anything, also what looks like a statement.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vigile::can {

struct DbcStatement {
  std::string_view keyword;  // BO_, SG_, CM_, …
  std::string_view rest;     // without the semicolon at the end
  int line = 0;              // where it begins, from 1
};

// BO_ and SG_ end with their line; most others with a semicolon, or where the next statement begins a line if
// that is missing. Lines that begin with something else are passed over, as are the names under NS_.
class DbcText {
 public:
  explicit DbcText(std::string_view text) : text_(text) {}
  std::optional<DbcStatement> next();

 private:
  void pass(std::size_t to);
  bool begins_statement(std::size_t at) const;
  std::size_t end_of_string(std::size_t opening, bool is_last) const;
  std::size_t end_of_statement(std::size_t from, std::string_view keyword) const;

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

// Takes a statement apart from its front; once something does not fit, all else fails.
class DbcScan {
 public:
  explicit DbcScan(std::string_view text) : rest_(text) {}

  bool is(std::string_view sign);
  void expect(std::string_view sign) { ok_ = ok_ && is(sign); }
  // Letters, digits and _, at most 128 of them.
  std::string word();
  // A text in quotes, at most 128 bytes of it; \" stands for a quote.
  std::string quoted();
  // Up to `sign` and over it, whatever it is.
  void skip_past(char sign);
  template <class T>
  T number();
  bool ok() const { return ok_; }
  bool at_end();

 private:
  void blanks();
  std::string_view rest_;
  bool ok_ = true;
};

template <class T>
T DbcScan::number() {
  blanks();
  if (rest_.starts_with('+')) rest_.remove_prefix(1);
  T value{};
  const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
  ok_ = ok_ && parsed.ec == std::errc();
  if constexpr (std::is_floating_point_v<T>) ok_ = ok_ && std::isfinite(value);
  rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
  return value;
}

}  // namespace vigile::can
