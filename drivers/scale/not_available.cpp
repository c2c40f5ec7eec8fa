// SPDX-License-Identifier: Apache-2.0
#include "drivers/scale/not_available.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

namespace vigile {

namespace {

std::uint64_t mask_of(int bits) {
  return ~std::uint64_t{0} >> (64 - bits);
}

Error bad(const std::string& entry, const std::string& what) {
  return Error{ErrorKind::config, "not_available: \"" + entry.substr(0, 40) + "\" " + what};
}

template <class T>
bool parse_whole_text(std::string_view text, T& value, int base = 10) {
  const auto parsed = [&] {
    if constexpr (std::is_floating_point_v<T>)
      return std::from_chars(text.data(), text.data() + text.size(), value);
    else
      return std::from_chars(text.data(), text.data() + text.size(), value, base);
  }();
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

bool is_hexadecimal(std::string_view text) {
  return text.starts_with("0x") || text.starts_with("0X");
}

// The bits of an entry of a value of that many bits.
Result<std::uint64_t> parse_bits(const std::string& entry, int bits) {
  std::uint64_t value = 0;
  if (is_hexadecimal(entry)) {
    if (!parse_whole_text(std::string_view(entry).substr(2), value, 16))
      return bad(entry, "is not hexadecimal");
  } else if (entry.starts_with('-')) {
    std::int64_t negative = 0;
    if (!parse_whole_text(entry, negative)) return bad(entry, "is neither a whole number nor like 0x8000");
    if (bits < 64 && negative < -(std::int64_t{1} << (bits - 1)))
      return bad(entry, "does not fit in " + std::to_string(bits) + " bits");
    return static_cast<std::uint64_t>(negative) & mask_of(bits);
  } else if (!parse_whole_text(entry, value)) {
    return bad(entry, "is neither a whole number nor like 0x8000");
  }
  if (value > mask_of(bits)) return bad(entry, "does not fit in " + std::to_string(bits) + " bits");
  return value;
}

// SunSpec's codes: the smallest of the signed integers, the largest of the unsigned (also enum and bitfield),
// 0 of accumulators, not-a-number of floats, the empty string.
std::uint64_t sunspec_bits(const RawForm& form) {
  if (form.kind == RawForm::Kind::real) return form.bits == 32 ? 0x7fc0'0000U : 0x7ff8'0000'0000'0000U;
  return form.is_signed ? std::uint64_t{1} << (form.bits - 1) : mask_of(form.bits);
}

double as_double(const RawForm& form, std::uint64_t raw) {
  if (form.bits == 32) return std::bit_cast<float>(static_cast<std::uint32_t>(raw));
  return std::bit_cast<double>(raw);
}

}  // namespace

bool NotAvailable::has_raw(std::uint64_t raw) const {
  raw &= mask_of(form_.bits);
  if (std::find(bits_.begin(), bits_.end(), raw) != bits_.end()) return true;
  return form_.kind == RawForm::Kind::real && has_number(as_double(form_, raw));
}

bool NotAvailable::has_number(double number) const {
  const bool is_single = form_.kind == RawForm::Kind::real && form_.bits == 32;
  return std::any_of(numbers_.begin(), numbers_.end(), [&](double code) {
    return code == number || (is_single && static_cast<float>(code) == static_cast<float>(number));
  });
}

bool NotAvailable::has_text(std::string_view text) const {
  return std::find(texts_.begin(), texts_.end(), text) != texts_.end();
}

Result<NotAvailable> read_not_available(const Options& row, const RawForm& form) {
  NotAvailable codes;
  codes.form_ = form;
  for (const std::string& entry : row.list("not_available")) {
    const bool is_accumulator = entry == "sunspec_accumulator";
    double number = 0;
    if (form.kind == RawForm::Kind::text) {
      std::uint64_t whole = 0;
      codes.texts_.push_back(entry == "sunspec" ? "" : entry);
      if (is_hexadecimal(entry) && parse_whole_text(std::string_view(entry).substr(2), whole, 16))
        codes.numbers_.push_back(static_cast<double>(whole));
      if (parse_whole_text(entry, number)) codes.numbers_.push_back(number);
    } else if (entry == "sunspec" || is_accumulator) {
      if (is_accumulator && form.kind == RawForm::Kind::real) return bad(entry, "is for whole numbers");
      codes.bits_.push_back(is_accumulator ? 0 : sunspec_bits(form));
    } else if (form.kind == RawForm::Kind::real && !is_hexadecimal(entry)) {
      if (!parse_whole_text(entry, number)) return bad(entry, "is neither a number nor like 0x7FC00000");
      codes.numbers_.push_back(number);
    } else {
      const auto bits = parse_bits(entry, form.bits);
      if (!bits) return bits.error();
      codes.bits_.push_back(*bits);
    }
  }
  return codes;
}

}  // namespace vigile
