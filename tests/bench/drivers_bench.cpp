// SPDX-License-Identifier: Apache-2.0
// What one sample of each driver that only reads files costs on this machine, the kernel's part included.
// cpu is measured with its cores too. A driver that finds nothing here (a virtual machine has no sensors)
// says so instead of a time.
#include <benchmark/benchmark.h>

#include "core/clock.h"
#include "drivers/registry.h"

namespace vigile {
namespace {

class CountingOutput final : public Output {
 public:
  void add(const Sample& sample) override { values += sample.values.size(); }
  Result<void> add_point(const Point&, PointOrigin) override { return {}; }
  Result<void> commit() override { return {}; }
  void availability(bool, std::optional<double>, std::string_view) override {}
  std::uint64_t values = 0;
};

void sample_driver(benchmark::State& state, const char* name, const Options& options,
                   const std::filesystem::path& sys_root) {
  const DriverInfo* const info = find_driver(name);
  const SystemClock clock;
  auto driver = info == nullptr ? Error{ErrorKind::not_found, "no such driver"}
                                : info->make(options, {.clock = clock, .sys_root = sys_root});
  if (!driver) {
    state.SkipWithError(driver.error().message.c_str());
    return;
  }
  CountingOutput out;
  for (auto _ : state) {
    const auto done = (*driver)->sample(
        {.started = clock.boot(), .deadline = clock.boot() + std::chrono::seconds(5), .stop = {}}, out);
    if (!done) {
      state.SkipWithError(done.error().message.c_str());
      return;
    }
  }
  state.counters["values"] =
      benchmark::Counter(static_cast<double>(out.values), benchmark::Counter::kAvgIterations);
}

Options with(std::string_view name, OptionValue value) {
  Options options;
  options.set(name, std::move(value));
  return options;
}

const std::filesystem::path kSys = "/sys";
const std::filesystem::path kCaptured = std::filesystem::path(VIGILE_SOURCE_DIR) / "drivers";
using Names = std::vector<std::string>;

BENCHMARK_CAPTURE(sample_driver, cpu, "cpu", Options(), kSys);
BENCHMARK_CAPTURE(sample_driver, cpu_per_core, "cpu", with("per_core", true), kSys);
BENCHMARK_CAPTURE(sample_driver, memory, "memory", with("swap", true), kSys);
BENCHMARK_CAPTURE(sample_driver, load, "load", Options(), kSys);
BENCHMARK_CAPTURE(sample_driver, disk, "disk",
                  with("exclude_fstypes", Names{"cgroup*", "dev*", "proc", "sysfs", "tmpfs"}), kSys);
BENCHMARK_CAPTURE(sample_driver, network, "network", with("exclude", Names{"lo", "ifb*"}), kSys);
BENCHMARK_CAPTURE(sample_driver, thermal, "thermal", Options(),
                  kCaptured / "thermal/testcases/arm-board/sys");
BENCHMARK_CAPTURE(sample_driver, hwmon, "hwmon", Options(), kCaptured / "hwmon/testcases/normal/sys");

}  // namespace
}  // namespace vigile
