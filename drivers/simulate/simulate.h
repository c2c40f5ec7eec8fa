// SPDX-License-Identifier: Apache-2.0
// Driver `simulate`: plausible readings from a seed, at any rate: for trying out a site file, for tests, and
// as the load of benchmarks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kSimulateDriver;

// What a metric of a type of equipment looks like.
struct SimulatedCurve {
  std::string_view metric;
  double base;   // in the middle of its day
  double swing;  // of the day, up and down
  double noise;  // from one reading to the next
  double least;
  double most;
};

// The metrics of a type; those of "other" when it is not known.
std::span<const SimulatedCurve> simulated_curves(std::string_view equipment_type);

// The reading number `seq`, of one of `series` series: a function of its arguments and nothing else, so that
// a test can tell what must have arrived. Three decimals.
double simulated_value(std::span<const SimulatedCurve> curves, std::uint64_t seed, std::uint64_t seq);

// Whether the equipment is reachable during the run that begins with number `seq`, given the share of time in
// which it is not.
bool simulated_up(std::uint64_t seed, std::uint64_t seq, double faults);

}  // namespace vigile
