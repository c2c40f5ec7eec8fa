// SPDX-License-Identifier: Apache-2.0
#include "ctl/simulation.h"

#include <nlohmann/json.hpp>

#include "drivers/simulate/simulate.h"

namespace vigile {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kTurnsADay = 8640;  // of simulate.h's curves: one each 10 s
constexpr double kFaults = 0.03;            // share of time

}  // namespace

std::uint64_t Simulation::turn(std::uint64_t round) const {
  const double days = static_cast<double>(round) * std::chrono::duration<double>(interval_).count() / 86400;
  // Rounds closer than a turn would repeat it: those count one by one.
  return interval_ < 10s ? round : static_cast<std::uint64_t>(days * kTurnsADay);
}

bool Simulation::up(std::uint64_t round) const {
  return round == 0 || simulated_up(seed_, turn(round), kFaults);
}

double Simulation::response_time_ms(std::uint64_t round) const {
  const auto curves = simulated_curves("server");
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (curves[i].metric == "response_time") {
      return simulated_value(curves, seed_, turn(round) * curves.size() + i);
    }
  }
  return 10;
}

void Simulation::append_round(std::uint64_t round, WallTime time, nlohmann::ordered_json& out) const {
  if (!up(round)) return;
  const auto curves = simulated_curves(type_);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    out.push_back({{"metric_type", curves[i].metric},
                   {"value", simulated_value(curves, seed_, turn(round) * curves.size() + i)},
                   {"tags", {{"simulated", "true"}}},
                   {"time", to_ns(time)}});
  }
}

}  // namespace vigile
