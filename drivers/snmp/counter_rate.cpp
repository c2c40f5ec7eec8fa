// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/counter_rate.h"

#include <cmath>
#include <cstdlib>

namespace vigile::snmp {

namespace {

// Of every type that may be counted; text and reals are not.
std::optional<std::uint64_t> count_of(const SnmpValue& value) {
  switch (value.type) {
    case SnmpValue::Type::integer:
      if (value.number < 0) return std::nullopt;
      return static_cast<std::uint64_t>(value.number);
    case SnmpValue::Type::gauge32:
    case SnmpValue::Type::counter32:
    case SnmpValue::Type::counter64:
    case SnmpValue::Type::timeticks:
      return value.count;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::uint64_t> growth(const SnmpValue& before, const SnmpValue& now,
                                    std::optional<double> most) {
  const auto from = count_of(before);
  const auto to = count_of(now);
  if (!from || !to || before.type != now.type) return std::nullopt;
  if (*to >= *from) return *to - *from;
  const bool wide = now.type == SnmpValue::Type::counter64;
  const bool narrow = now.type == SnmpValue::Type::counter32 || now.type == SnmpValue::Type::timeticks;
  if (!wide && !narrow) return std::nullopt;  // no counter: it went down
  std::uint64_t grown = *to - *from;
  if (narrow) grown &= 0xffff'ffff;
  const double half = wide ? 0x1p63 : 0x1p31;
  if (static_cast<double>(grown) > most.value_or(half)) return std::nullopt;
  return grown;
}

bool ran_on(std::uint32_t before, std::uint32_t now, std::chrono::nanoseconds between) {
  const double expected = std::chrono::duration<double>(between).count() * 100;
  const auto passed = static_cast<double>(now - before);  // modulo 2^32
  return std::abs(passed - std::fmod(expected, 0x1p32)) <= 500 + expected / 10;
}

void CounterMemory::begin(BootTime now, std::optional<std::uint32_t> uptime) {
  now_.clear();
  if (uptime_ && uptime && !ran_on(*uptime_, *uptime, now - uptime_at_)) before_.clear();
  uptime_ = uptime;
  uptime_at_ = now;
}

std::optional<double> CounterMemory::rate(const std::string& key, const SnmpValue& value, BootTime when,
                                          std::uint64_t discontinuity,
                                          std::optional<double> most_per_second) {
  now_.insert_or_assign(key, Kept{value, when, discontinuity});
  const auto found = before_.find(key);
  if (found == before_.end() || found->second.discontinuity != discontinuity) return std::nullopt;
  const double seconds = std::chrono::duration<double>(when - found->second.when).count();
  if (seconds <= 0) return std::nullopt;
  std::optional<double> most;
  if (most_per_second) most = *most_per_second * seconds;
  const auto grown = growth(found->second.value, value, most);
  if (!grown) return std::nullopt;
  return static_cast<double>(*grown) / seconds;
}

void CounterMemory::end() {
  std::swap(before_, now_);
  now_.clear();
}

}  // namespace vigile::snmp
