// SPDX-License-Identifier: Apache-2.0
// Driver `certificate`: how long a TLS server's certificate, or one in a file, is good, and whether it is
// trusted. Sources: RFC 5280, RFC 6125; read by OpenSSL.
#pragma once

#include "drivers/driver.h"

namespace vigile {

extern const DriverInfo kCertificateDriver;

}  // namespace vigile
