// SPDX-License-Identifier: Apache-2.0
// What may be said in the settings of an instance of exec.
#pragma once

#include <array>
#include <chrono>
#include <string>

#include "core/equipment_identity.h"
#include "core/option.h"
#include "core/result.h"
#include "drivers/exec/accepted_status.h"
#include "drivers/program/program.h"
#include "drivers/text_fields/number_text.h"

namespace vigile::exec {

enum class Mode { once, keep };
enum class Format { line_protocol, json, nagios };

struct ExecSettings {
  program::ProgramOptions program;
  std::string user;
  Mode mode = Mode::once;
  Format format = Format::line_protocol;
  std::chrono::nanoseconds timeout{};
  std::size_t max_output_bytes = 0;
  std::string separator;
  bool integers = false;
  NumberFormat::Thousands thousands = NumberFormat::Thousands::none;
  AcceptedStatus accepted;
  bool keeps_on_failure = false;
  std::string shown;  // the program's name, for errors
};

extern const std::array<OptionSpec, 15> kExecOptions;

// DriverInfo::series: JSON comes without the program's name, whichever it is.
std::string series_of(const Options& options);

// Errors: config; they begin with the option.
Result<ExecSettings> read_exec_settings(const Options& options, const EquipmentIdentity& equipment);

}  // namespace vigile::exec
