// SPDX-License-Identifier: Apache-2.0
// Options of drivers and sinks: a table says what may be written in the settings (checked when they are
// read, printed by `vigilectl drivers show`, exported to the schema), Options holds what was written.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vigile {

enum class OptionType {
  boolean,   // true, false
  integer,   // std::int64_t
  number,    // double
  text,      // std::string
  choice,    // std::string, one of `choices`
  duration,  // std::chrono::nanoseconds, "10s"
  size,      // std::uint64_t bytes, "64KiB"
  list,      // std::vector<std::string>
  map,       // std::map<std::string, std::string>
  rows,      // std::vector<Options>: a list of maps, each read by `columns`
};

std::string_view to_string(OptionType type);

// Tables are static: the views and spans live as long as the program.
struct OptionSpec {
  std::string_view name;
  OptionType type = OptionType::text;
  std::string_view help;      // one sentence, with the unit
  std::string_view fallback;  // the default as written in YAML; empty: the option is absent by default
  bool required = false;
  bool secret = false;  // may be given as {file: …} or {credential: …}; never printed, logged or served
  std::span<const std::string_view> choices = {};
  // integer, number (as is), duration (seconds), size (bytes)
  double min = -9.2e18;
  double max = 9.2e18;
  std::span<const OptionSpec> columns = {};  // of rows
  bool or_one = false;                       // list: a single entry may stand without brackets
};

class Options;
using OptionValue =
    std::variant<bool, std::int64_t, double, std::string, std::chrono::nanoseconds, std::uint64_t,
                 std::vector<std::string>, std::map<std::string, std::string>, std::vector<Options>>;

// The values of one table, defaults filled in. An absent option reads as its type's empty value; ask has().
// Asking with another type than the table's is a programming error (assert; the empty value in release).
class Options {
 public:
  void set(std::string_view name, OptionValue value) { values_[std::string(name)] = std::move(value); }
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }

  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;  // text and choice; "" when absent
  std::chrono::nanoseconds duration(std::string_view name) const;
  std::uint64_t size_bytes(std::string_view name) const;
  const std::vector<std::string>& list(std::string_view name) const;           // empty when absent
  const std::map<std::string, std::string>& map(std::string_view name) const;  // empty when absent
  const std::vector<Options>& rows(std::string_view name) const;               // empty when absent

  const std::map<std::string, OptionValue, std::less<>>& values() const { return values_; }
  bool operator==(const Options&) const = default;

 private:
  std::map<std::string, OptionValue, std::less<>> values_;
};

// One kind of driver or sink, as the settings see it.
struct OptionTable {
  std::string_view kind;     // "cpu", "influx"
  std::string_view summary;  // one sentence
  std::span<const OptionSpec> options;
  std::string_view missing = {};  // not in this build: why
};

}  // namespace vigile
