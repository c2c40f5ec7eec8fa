// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace vigile {

// Runs `what` in a thread with a network of its own, of which only the loopback is up; programs that it
// starts are there too. False, and `what` is not run, where this process may not have one.
bool in_own_network(const std::function<void()>& what);

}  // namespace vigile
