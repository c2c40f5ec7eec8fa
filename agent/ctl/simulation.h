// SPDX-License-Identifier: Apache-2.0
// What `vigilectl simulate` sends: a function of its arguments, so that a test can tell it.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/clock.h"

namespace vigile {

class Simulation {
 public:
  Simulation(std::string equipment_type, std::uint64_t seed, std::chrono::nanoseconds interval)
      : type_(std::move(equipment_type)), seed_(seed), interval_(interval) {}

  // The readings of round number `round`, all of the same time: objects for POST …/metrics/, each tagged
  // simulated=true. None while the equipment is down.
  void append_round(std::uint64_t round, WallTime time, nlohmann::ordered_json& out) const;
  // Whether the equipment answers in that round; it fails for some rounds in a few hours.
  bool up(std::uint64_t round) const;
  double response_time_ms(std::uint64_t round) const;

 private:
  // The curves' day has a number of readings of its own; ours is as long as a day is.
  std::uint64_t turn(std::uint64_t round) const;

  const std::string type_;
  const std::uint64_t seed_;
  const std::chrono::nanoseconds interval_;
};

}  // namespace vigile
