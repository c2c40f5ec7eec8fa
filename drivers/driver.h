// SPDX-License-Identifier: Apache-2.0
// The contract of a driver: code that samples one source. A driver is a folder with <name>.h, <name>.cpp,
// <name>_test.cpp, README.md, sample.yaml and testcases/<case>/; registry.cpp lists it.
//
// A driver instance is made from its options (no I/O yet), sampled again and again by one thread at a time,
// and destroyed. It sees neither the store nor the sinks, and reads files under the roots it is given.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/equipment_identity.h"
#include "core/option.h"
#include "core/result.h"
#include "core/tag.h"

namespace vigile {

// One row of a driver's table of metrics. A test holds the README's table against it.
struct MetricSpec {
  std::string_view name;    // "cpu_usage": metric_name in the equipment layout
  std::string_view field;   // "usage": field key in the native layout
  std::string_view type;    // "float", "int", "bool", "string"
  std::string_view unit;    // "percent", "ms", "bytes", "°C", "1"
  std::string_view source;  // "/proc/stat, cpu line"
};

using Number = std::variant<double, std::int64_t, std::uint64_t, bool, std::string_view>;

struct Value {
  std::string_view metric;  // MetricSpec::name
  std::string_view field;   // MetricSpec::field
  Number number;
};

struct ExtraField {
  std::string_view key;
  Number number;
};

// Values read together. In the native layout one line `measurement,tags fields`; in the equipment layout one
// line a value. A value that could not be read is left out, not zero.
struct Sample {
  std::string_view measurement;    // the driver's name, unless the source has a better one
  std::span<const Tag> tags = {};  // what tells this sample's series from its siblings: core=0
  std::span<const Value> values = {};
  std::span<const ExtraField> extra = {};  // repeated on every line made of this sample
  std::optional<BootTime> time = {};       // when it was read, if not at the start of this run
  std::optional<WallTime> wall_time = {};  // the same, where the source itself says so; wins
};

struct Point;  // point/point.h; a driver that uses it links vigile_point

// Who made a point that comes as a whole.
enum class PointOrigin {
  here,   // a program, of this equipment: the tags of the layout and of the settings are added where absent
  agent,  // another agent, of its own equipment: it goes on as it is
};

// Where a driver puts what it read. Everything is copied (encoded) before add() returns.
class Output {
 public:
  virtual ~Output() = default;
  virtual void add(const Sample& sample) = 0;
  // A point that was handed over as a whole (line protocol); it keeps its time, if it has one. Errors:
  // config, when it cannot be recorded (the message says why); it is then not taken.
  virtual Result<void> add_point(const Point& point, PointOrigin origin) = 0;
  // Returns when all that was added so far is in the log; without it that is within `commit_every` after the
  // run. For a source that forgets what is acknowledged; each call is a write to the disk. Errors: the log's
  // (it keeps what was added in memory, and tries again), full when it took none of it.
  virtual Result<void> commit() = 0;
  // For drivers that can decide availability: was the thing reachable, and how fast. Used when the instance
  // is marked `decides: availability`; `reason` says why not.
  virtual void availability(bool up, std::optional<double> response_time_ms, std::string_view reason) = 0;
};

struct SampleContext {
  BootTime started;      // now
  BootTime deadline;     // give up with Error timeout by then
  std::stop_token stop;  // give up at once when requested
};

class Driver {
 public:
  virtual ~Driver() = default;
  // Reads the source once. What was read before an error is kept. Rates need two runs: the first emits what
  // it has and no rate. Errors: not_found (no such device or file), permission, timeout, unavailable, parse
  // (message names file, line and the offending text).
  virtual Result<void> sample(const SampleContext& context, Output& out) = 0;
};

// Figures that Vigile has of itself, for the driver `agent`: "log_depth_points" {sink=central} 120.
struct AgentFigure {
  std::string metric;
  std::string field;
  std::vector<std::pair<std::string, std::string>> tags;
  std::variant<double, std::int64_t> number;
};

// What an instance is given besides its options. References outlive the driver.
struct DriverEnvironment {
  const Clock& clock;
  std::filesystem::path proc_root = "/proc";
  std::filesystem::path sys_root = "/sys";
  EquipmentIdentity equipment = {};
  std::function<std::vector<AgentFigure>()> agent_figures = {};  // any thread
};

struct DriverInfo {
  std::string_view name;     // "cpu"
  std::string_view summary;  // one sentence
  std::span<const OptionSpec>
      options;  // its own; `every`, `deadline`, `tags`, `name`, `decides` are everybody's
  std::span<const MetricSpec> metrics;
  // How metrics come by their names when the settings give them: "Each entry of `registers` is one."; they
  // are then not in `metrics`, and their field has the same name.
  std::string_view named_metrics = {};
  // Those named by the settings are all in the column `name` of its options that are lists of entries: they
  // are known before it runs.
  bool named_by_rows = false;
  // Measurements besides `name` that it writes, whose fields are named by the same table.
  std::span<const std::string_view> measurements = {};
  bool may_block = false;             // runs on a lane, never on the shared sampler
  bool decides_availability = false;  // calls Output::availability
  // Which of its tags and names the options give: two instances for which this is the same text may write the
  // same series, if the metrics that rows name are the same, too. Null: those whose options are the same.
  std::string (*series)(const Options&) = nullptr;
  std::string_view missing = {};  // not in this build: why; then all but name and summary is empty
  // Validates options that the table cannot (a regular expression, a URL). No I/O. Errors: config.
  Result<std::unique_ptr<Driver>> (*make)(const Options&, const DriverEnvironment&) = nullptr;
  // For `vigiled --check`, after make(): reads the files that the options name, and touches no device and no
  // network. Returns what of them will not be used, a line each. Errors: as those of sample().
  Result<std::vector<std::string>> (*check_files)(const Options&) = nullptr;
};

}  // namespace vigile
