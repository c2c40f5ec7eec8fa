// SPDX-License-Identifier: Apache-2.0
// What the benches of drivers share.
#pragma once

#include <benchmark/benchmark.h>

#include <filesystem>
#include <functional>

#include "core/clock.h"
#include "drivers/registry.h"
#include "settings/values.h"

namespace vigile {

class CountingOutput final : public Output {
 public:
  void add(const Sample& sample) override { values += sample.values.size(); }
  Result<void> add_point(const Point&, PointOrigin) override { return {}; }
  Result<void> commit() override { return {}; }
  void availability(bool, std::optional<double>, std::string_view) override {}
  std::uint64_t values = 0;
};

// Runs the driver again and again; `prepare` goes before each run, and is not measured.
inline void sample_driver(benchmark::State& state, const char* name, const Options& options,
                          const std::filesystem::path& sys_root, const std::function<void()>& prepare = {}) {
  const DriverInfo* const info = find_driver(name);
  const SystemClock clock;
  auto driver = info == nullptr ? Error{ErrorKind::not_found, "no such driver"}
                                : info->make(options, {.clock = clock, .sys_root = sys_root});
  if (!driver) {
    state.SkipWithError(driver.error().message.c_str());
    return;
  }
  CountingOutput out;
  const auto sample = [&] {
    return (*driver)->sample(
        {.started = clock.boot(), .deadline = clock.boot() + std::chrono::seconds(30), .stop = {}}, out);
  };
  // The first run opens what is to be opened; it may fail, and is not measured.
  (void)sample();
  out.values = 0;
  for (auto _ : state) {
    if (prepare) {
      state.PauseTiming();
      prepare();
      state.ResumeTiming();
    }
    const auto done = sample();
    if (!done) {
      state.SkipWithError(done.error().message.c_str());
      return;
    }
  }
  state.counters["values"] =
      benchmark::Counter(static_cast<double>(out.values), benchmark::Counter::kAvgIterations);
}

inline Options with(std::string_view name, OptionValue value) {
  Options options;
  options.set(name, std::move(value));
  return options;
}

inline Options defaults_of(std::span<const OptionSpec> table) {
  Options options;
  for (const OptionSpec& spec : table) {
    if (auto value = default_value(spec)) options.set(spec.name, *std::move(value));
  }
  return options;
}

}  // namespace vigile
