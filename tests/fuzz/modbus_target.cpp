// SPDX-License-Identifier: Apache-2.0
// The driver `modbus`: 'a' and an address; anything else is a list of registers, to be planned and split, and
// the words that a device answers with.
#include <algorithm>
#include <cmath>

#include "drivers/modbus/modbus_settings.h"
#include "drivers/modbus/register_value.h"
#include "drivers/modbus/request_plan.h"
#include "input.h"
#include "targets.h"

namespace vigile {
namespace {

Fault address_fault(std::string_view text) {
  const auto line = modbus::parse_line_address(text);
  if (!line) {
    const std::string& message = line.error().message;
    const bool plain =
        std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c <= '~'; });
    return message.size() < 300 && plain ? Fault() : Fault("an error of another kind: " + message);
  }
  if (line->is_serial() ? line->device.front() != '/' : line->host.empty() || line->port < 1)
    return "half an address";
  return std::nullopt;
}

modbus::Register register_of(Input& in) {
  modbus::Register one;
  one.unit_id = in.byte() % 3;
  one.kind = static_cast<modbus::Kind>(in.byte() % 4);
  one.address = static_cast<int>(in.number(2));
  one.type = has_bits(one.kind) ? modbus::Type::boolean : static_cast<modbus::Type>(in.byte() % 10);
  one.count = one.type == modbus::Type::text ? 1 + in.byte() % 125 : words_of(one.type);
  one.address = std::min(one.address, 65536 - one.count);
  const std::uint8_t how = in.byte();
  one.swap_words = (how & 1) != 0;
  one.swap_bytes = (how & 2) != 0;
  const bool has_fields = !has_bits(one.kind) && one.type < modbus::Type::float32;
  if ((how & 4) != 0 && has_fields) {
    one.bit = in.byte() % (16 * one.count);
    one.bits = 1 + in.byte() % std::min(16 * one.count - *one.bit, 63);
  }
  if ((how & 8) != 0) one.scale = 0.1;
  return one;
}

Fault plan_fault(const std::vector<modbus::Register>& registers, const modbus::PlanLimits& limits) {
  std::vector<modbus::Request> plan = plan_requests(registers, limits);
  std::vector<int> seen(registers.size());
  while (!plan.empty()) {
    modbus::Request one = std::move(plan.back());
    plan.pop_back();
    if (one.count < 1 || one.count > (has_bits(one.kind) ? modbus::kMostBits : modbus::kMostWords))
      return "a request of " + std::to_string(one.count);
    for (const std::size_t entry : one.entries) {
      const modbus::Register& wanted = registers[entry];
      if (wanted.unit_id != one.unit_id || wanted.kind != one.kind || wanted.address < one.first ||
          wanted.address + wanted.count > one.first + one.count) {
        return "a register that its request does not read";
      }
    }
    if (one.entries.size() == 1) {
      ++seen[one.entries[0]];
      continue;
    }
    auto [first, second] = split(one, registers);
    if (first.entries.empty() || second.entries.empty()) return "a half of nothing";
    plan.push_back(std::move(first));
    plan.push_back(std::move(second));
  }
  for (const int times : seen) {
    if (times != 1) return "a register that is read " + std::to_string(times) + " times";
  }
  return std::nullopt;
}

Fault value_fault(const modbus::Register& one, Input& in) {
  std::vector<std::uint16_t> words;
  for (int i = 0; i < one.count; ++i) words.push_back(static_cast<std::uint16_t>(in.number(2)));
  const auto reading = decode_words(one, words);
  if (!reading) return std::nullopt;
  if (const double* number = std::get_if<double>(&*reading); number != nullptr && !std::isfinite(*number))
    return "a number that is none";
  if (const std::string* text = std::get_if<std::string>(&*reading)) {
    if (text->size() > 2 * words.size()) return "a text that grew";
    if (!std::all_of(text->begin(), text->end(), [](char c) { return c >= ' ' && c <= '~'; }))
      return "a text that does not print";
  }
  return std::nullopt;
}

}  // namespace

Fault modbus_fault(std::string_view input) {
  Input in(input);
  if (in.byte() == 'a') return address_fault(in.rest());
  const modbus::PlanLimits limits{in.byte(), modbus::kMostWords};
  std::vector<modbus::Register> registers(1 + in.byte() % 200);
  for (modbus::Register& one : registers) one = register_of(in);
  if (Fault fault = plan_fault(registers, limits)) return fault;
  for (const modbus::Register& one : registers) {
    if (has_bits(one.kind)) continue;
    if (Fault fault = value_fault(one, in)) return fault;
  }
  return std::nullopt;
}

}  // namespace vigile
