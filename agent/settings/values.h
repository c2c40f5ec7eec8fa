// SPDX-License-Identifier: Apache-2.0
// From the tree of texts to typed values, by the tables of options.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/option.h"
#include "settings/diagnostics.h"
#include "settings/settings.h"
#include "settings/yaml_tree.h"

namespace vigile {

struct ReadContext {
  Diagnostics& diagnostics;
  const EnvironmentLookup* environment = nullptr;  // null: a dollar stands for itself
  // Where a secret stands in the file as plain text.
  std::vector<Spot> plain_secrets = {};
};

// A map of the file, its values found by key. Keys that are no text or stand twice are reported when it is
// made. Holds a reference to the tree.
class Section {
 public:
  // `spot` is what errors about the whole section point at. Anything but a map (or nothing at all) is
  // reported, and the section is empty.
  Section(const YamlNode& node, Spot spot, std::string_view name, ReadContext& context);

  // Null when absent.
  const YamlEntry* find(std::string_view key) const;
  const std::vector<const YamlEntry*>& entries() const { return entries_; }
  Spot spot() const { return spot_; }
  // Reports the keys that are not among `valid`.
  void check_keys(std::span<const std::string_view> valid, ReadContext& context) const;

 private:
  Spot spot_;
  std::vector<const YamlEntry*> entries_;  // each key once, in file order
};

// The values of `table` that `section` holds, defaults filled in. A value that is empty once its variables
// are replaced counts as absent. Reports missing, mistyped and out-of-range values; those are left out.
Options read_options(std::span<const OptionSpec> table, const Section& section, ReadContext& context);

// The default of `spec`, read like the file; nothing when it has none.
std::optional<OptionValue> default_value(const OptionSpec& spec);

// What the text of `when` comes to: false when the entry is to be skipped.
bool read_condition(const YamlEntry& entry, ReadContext& context);

// As written in YAML, for people: 10s, 64KiB, "text", [a, b]. Credentials in URLs are masked.
std::string format_value(const OptionSpec& spec, const OptionValue& value);
std::string format_number(double number);
// "256MiB": the largest unit that gives a whole number.
std::string format_exact_size(std::uint64_t bytes);

// Names of a table, for check_keys.
std::vector<std::string_view> names_of(std::span<const OptionSpec> table);

}  // namespace vigile
