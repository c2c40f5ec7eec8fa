// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace vigile {

// Calls of operator new so far. A program that links this counts them.
std::size_t allocations_of_this_thread();

}  // namespace vigile
