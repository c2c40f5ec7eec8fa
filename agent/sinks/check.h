// SPDX-License-Identifier: Apache-2.0
// A sink tried out step by step, for people who set it up: `vigilectl check`.
#pragma once

#include <functional>
#include <string>

namespace vigile {

struct CheckStep {
  enum class Kind { ok, warning, failed };
  Kind kind = Kind::ok;
  std::string name;    // "TCP connection"
  std::string detail;  // what was found; bounded, without secrets
  std::string remedy;  // what to do about it; empty when it is ok
};

// Called once a step is known, on the caller's thread.
using CheckReport = std::function<void(const CheckStep&)>;

}  // namespace vigile
