// SPDX-License-Identifier: Apache-2.0
// The keys of the settings file apart from drivers' and sinks' own: one table a section, from which the file
// is read and the schema is made. Defaults here are those of the structs in settings.h.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "core/option.h"

namespace vigile {

// A key that holds a section or a list of sections.
struct SectionKey {
  std::string_view name;
  std::string_view help;
};

std::span<const SectionKey> top_sections();
std::span<const OptionSpec> top_keys();  // device, layout, unsigned
std::span<const OptionSpec> site_keys();
std::span<const OptionSpec> clock_keys();
std::span<const OptionSpec> store_keys();
std::span<const OptionSpec> api_keys();
std::span<const OptionSpec> remote_keys();
std::span<const SectionKey> equipment_sections();  // drivers, warning
std::span<const OptionSpec> equipment_keys();
std::span<const OptionSpec> limit_keys();       // of one metric under `warning`
std::span<const OptionSpec> driver_keys();      // of every driver
std::span<const SectionKey> driver_sections();  // of every driver: report
std::span<const OptionSpec> on_change_keys();
std::span<const OptionSpec> sink_keys();  // of every sink

// Longest `deadline` that an instance gets without saying so.
inline constexpr std::chrono::seconds kLongestDefaultDeadline{10};

}  // namespace vigile
