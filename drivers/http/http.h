// SPDX-License-Identifier: Apache-2.0
// Driver `http`: whether a URL answers as it should, and how long each phase of that takes. Each sample makes
// a connection of its own (RFC 9110, over HTTP/1.1).
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kHttpDriver;

}  // namespace vigile
