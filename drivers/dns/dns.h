// SPDX-License-Identifier: Apache-2.0
// Driver `dns`: how long a name server takes for an answer, and whether it is the right one.
// Source: RFC 1035; the messages are made and read by libc's resolver (resolv.h, arpa/nameser.h).
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kDnsDriver;

}  // namespace vigile
