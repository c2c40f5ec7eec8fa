// SPDX-License-Identifier: Apache-2.0
// Which requests read a list of registers: neighbours together, within the protocol's limits.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "drivers/modbus/register_value.h"

namespace vigile::modbus {

constexpr int kMostWords = 125;  // of one request, Modbus Application Protocol V1.1b3 §6.3
constexpr int kMostBits = 2000;  // §6.1

struct Request {
  int unit_id = 0;
  Kind kind = Kind::holding;
  int first = 0;
  int count = 0;
  std::vector<std::size_t> entries;  // indices of the registers that it reads, by address
  std::uint64_t silent_run = 0;  // the last run that asked it got no answer: the number of that run; else 0
};

struct PlanLimits {
  int max_gap = 0;  // unused addresses that are read over rather than asking twice
  int max_words = kMostWords;
};

// Each register is in one request, whole. By unit, kind and address; units in the order of the list.
std::vector<Request> plan_requests(std::span<const Register> registers, const PlanLimits& limits);

// The two halves of a request that was refused; it must have two entries at least.
std::pair<Request, Request> split(const Request& request, std::span<const Register> registers);

}  // namespace vigile::modbus
