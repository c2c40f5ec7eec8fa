// SPDX-License-Identifier: Apache-2.0
// What every request to a sink's server has in common: TLS, proxy, login, no redirects. libcurl's handle goes
// as void*, so that its header stays in .cpp files.
#pragma once

#include <string>

#include "sinks/influx/influx_settings.h"

namespace vigile::influx_sink {

// Sets all of it but the URL, the body and the limits of time.
void set_up_transport(void* curl, const InfluxSettings& settings);

// "Authorization: Token …"; empty when the settings have no token. Secret.
std::string authorization_header(const InfluxSettings& settings);

// Why a transfer came to nothing: "<target>: <cause>", at most 500 bytes, without secrets. `code` is a
// CURLcode, `detail` libcurl's error buffer.
std::string transfer_failure(void* curl, int code, const char* detail, const InfluxSettings& settings);

}  // namespace vigile::influx_sink
