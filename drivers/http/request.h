// SPDX-License-Identifier: Apache-2.0
// One request over one fresh connection.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "drivers/http/http_settings.h"

namespace vigile::http_driver {

// Times are milliseconds; each phase counts from the end of the one before it.
struct Answer {
  int status = 0;
  double lookup_ms = 0;
  double connect_ms = 0;
  std::optional<double> tls_ms;  // https
  double first_byte_ms = 0;      // from the request to the first byte of the answer
  double transfer_ms = 0;
  double total_ms = 0;
  std::uint64_t body_bytes = 0;  // that were read
  bool body_cut = false;         // there was more than that
  bool body_found = false;       // it holds expect_body
  std::optional<std::chrono::sys_seconds> certificate_end;
  std::string redirect;  // where a 3xx points to
};

// When each phase was over, in milliseconds from the start, as libcurl counts; 0 if there was no such phase.
struct Marks {
  double lookup = 0;
  double connect = 0;
  double tls = 0;
  double request = 0;  // ready to be sent
  double first_byte = 0;
  double total = 0;
};
void set_phases(Answer& answer, const Marks& marks);

// Asks `url` with method `method`. Headers, credentials, client certificate and body of the settings are sent
// only if `trusted`. Errors: timeout, unavailable; they name the URL as shown, and no secret. Returns early
// when stop is requested.
Result<Answer> ask(const HttpSettings& settings, const HttpUrl& url, Method method, bool trusted,
                   const Clock& clock, BootTime deadline, std::stop_token stop);

}  // namespace vigile::http_driver
