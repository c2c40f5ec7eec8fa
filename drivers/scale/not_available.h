// SPDX-License-Identifier: Apache-2.0
// Values that mean "there is none": what devices send where a sensor is missing or a point is not
// implemented. What is compared is the value as it came, before scale and offset. Source of the set sunspec:
// SunSpec Device Information Model Specification, "Unimplemented values".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/option.h"
#include "core/result.h"

namespace vigile {

// The column of a row of binary values (registers, signals). Words stand for sets.
inline constexpr OptionSpec kNotAvailableOption{
    .name = "not_available",
    .type = OptionType::list,
    .help =
        "Raw values that mean none: [0x8000, 0xFFFF]; or a set by type: sunspec, sunspec_accumulator (0).",
    .or_one = true};
// The column of a row of texts: numbers are compared as numbers, words as they are.
inline constexpr OptionSpec kNotAvailableTextOption{
    .name = "not_available",
    .type = OptionType::list,
    .help = "What means no value, before scaling: numbers or whole texts, [-9999, \"----\"].",
    .or_one = true};

// How a raw value is to be understood.
struct RawForm {
  enum class Kind { whole, real, text };
  Kind kind = Kind::whole;
  int bits = 64;  // 1 to 64 of a whole number, 32 or 64 of a real one
  bool is_signed = false;
};

class NotAvailable {
 public:
  bool empty() const { return bits_.empty() && numbers_.empty() && texts_.empty(); }
  // Whole and real: `raw` are the bits as they came; those above form.bits do not count.
  bool has_raw(std::uint64_t raw) const;
  // Real and text: before scaling.
  bool has_number(double number) const;
  // Text: without blanks around it.
  bool has_text(std::string_view text) const;

 private:
  friend Result<NotAvailable> read_not_available(const Options& row, const RawForm& form);
  RawForm form_;
  std::vector<std::uint64_t> bits_;
  std::vector<double> numbers_;
  std::vector<std::string> texts_;
};
// Reads the column `not_available`; absent, nothing is. 0x… are bits, else a number: -32768 and 0x8000 are
// the same of an int16. Errors: config, when an entry is none of `form`; they begin with "not_available".
Result<NotAvailable> read_not_available(const Options& row, const RawForm& form);

// The metric <driver>_not_available (field not_available, int, unit 1) that every driver with such values
// has.
inline constexpr std::string_view kLeftOutField = "not_available";
inline constexpr std::string_view kLeftOutSource =
    "readings of this run left out: codes for none, values that cannot be; from the first such run on";

// Counts them, for that metric.
class LeftOut {
 public:
  void add() {
    ++run_;
    is_known_ = true;
  }
  // Of the run that ends. Absent until there was one: a device that has all its values has no series of
  // zeros.
  std::optional<std::int64_t> end_run() {
    const std::int64_t count = run_;
    run_ = 0;
    return is_known_ ? std::optional(count) : std::nullopt;
  }

 private:
  std::int64_t run_ = 0;
  bool is_known_ = false;
};

}  // namespace vigile
