// SPDX-License-Identifier: Apache-2.0
// Runs a driver over the captured trees of its testcases/ folder.
//
// A case is a folder: proc/ and sys/ as captured (either may be missing), expected.txt, and, if need be,
// options.yaml (the instance's options). A case with folders 1/, 2/, … holds one capture in each; they are
// sampled in turn, 10 s apart, by one driver. expected.txt has what came out: a line a Sample in the form of
// the native layout, and `error: <kind>: <message>` with the case's folder taken out of the paths.
// With VIGILE_UPDATE_EXPECTED=1 in the environment expected.txt is written anew; read the difference.
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "drivers/driver.h"

namespace vigile {

// Writes samples as text, and fails the test when one is not in the driver's table of metrics.
class TextOutput final : public Output {
 public:
  explicit TextOutput(const DriverInfo& info) : info_(info) {}
  void add(const Sample& sample) override;
  Result<void> add_point(const Point& point, PointOrigin origin) override;
  Result<void> commit() override;
  void availability(bool up, std::optional<double> response_time_ms, std::string_view reason) override;
  std::string text;
  std::optional<Error> commit_error;  // what commit() says

 private:
  const DriverInfo& info_;
};

// Options with the table's defaults, as the settings would fill them in; `yaml` is a mapping, or empty.
Options options_from_yaml(const DriverInfo& info, const std::string& yaml);

std::filesystem::path testcases_of(const DriverInfo& info);

// `snapshot` is the folder that holds proc/ and sys/; it stays the same path while its content changes.
using MakeDriver = std::function<Result<std::unique_ptr<Driver>>(const Options&, const DriverEnvironment&,
                                                                 const std::filesystem::path& snapshot)>;
// Runs every case; `make` defaults to info.make. Cases of the names `needed` must be there: these four, but
// for a driver that reads no files.
void run_testcases(const DriverInfo& info, const MakeDriver& make = {},
                   std::initializer_list<std::string_view> needed = {"normal", "absent", "truncated",
                                                                     "garbage"});

// Calls `parse` with thousands of seeded mutations of every captured file of that name ("stat"). It is enough
// that nothing crashes and that an error is short, printable and names the file; pass its message back.
void mutate_captured(const DriverInfo& info, std::string_view file_name,
                     const std::function<Result<void>(std::string_view text)>& parse);

// For texts that differ from run to run.
std::string replace_all(std::string text, std::string_view from, std::string_view to);
// Each `before` with the number (digits and dots) after it becomes `to`.
std::string replace_numbers(std::string text, std::string_view before, std::string_view to);

}  // namespace vigile
