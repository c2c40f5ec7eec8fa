// SPDX-License-Identifier: Apache-2.0
#include "drivers/modbus/request_plan.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace vigile::modbus {

namespace {

Request over(std::span<const std::size_t> entries, std::span<const Register> registers) {
  const Register& lowest = registers[entries.front()];
  Request request{.unit_id = lowest.unit_id,
                  .kind = lowest.kind,
                  .first = lowest.address,
                  .entries = {entries.begin(), entries.end()}};
  for (const std::size_t entry : entries) {
    const Register& one = registers[entry];
    request.count = std::max(request.count, one.address + one.count - request.first);
  }
  return request;
}

}  // namespace

std::vector<Request> plan_requests(std::span<const Register> registers, const PlanLimits& limits) {
  std::map<int, std::size_t> rank;  // of units, as they come
  for (const Register& one : registers) rank.emplace(one.unit_id, rank.size());
  std::vector<std::size_t> order(registers.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto key = [&](const Register& one) {
      return std::tuple(rank[one.unit_id], one.kind, one.address);
    };
    return key(registers[a]) < key(registers[b]);
  });
  std::vector<Request> plan;
  for (const std::size_t entry : order) {
    const Register& one = registers[entry];
    if (!plan.empty()) {
      Request& last = plan.back();
      const int end = std::max(last.first + last.count, one.address + one.count);
      const bool near = one.address - (last.first + last.count) <= limits.max_gap;
      const int most = has_bits(one.kind) ? kMostBits : limits.max_words;
      if (last.unit_id == one.unit_id && last.kind == one.kind && near && end - last.first <= most) {
        last.count = end - last.first;
        last.entries.push_back(entry);
        continue;
      }
    }
    plan.push_back({.unit_id = one.unit_id,
                    .kind = one.kind,
                    .first = one.address,
                    .count = one.count,
                    .entries = {entry}});
  }
  return plan;
}

std::pair<Request, Request> split(const Request& request, std::span<const Register> registers) {
  const std::span<const std::size_t> entries(request.entries);
  const std::size_t half = entries.size() / 2;
  return {over(entries.first(half), registers), over(entries.subspan(half), registers)};
}

}  // namespace vigile::modbus
