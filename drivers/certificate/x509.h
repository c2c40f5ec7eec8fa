// SPDX-License-Identifier: Apache-2.0
// A certificate, as OpenSSL reads it: from a server, or from a file.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"

namespace vigile::certificate {

struct Certificate {
  std::chrono::sys_seconds not_before{};
  std::chrono::sys_seconds not_after{};
  std::string subject;  // CN=www.example.com
  std::string issuer;
  std::string serial;                // hexadecimal
  std::optional<double> connect_ms;  // TCP and TLS; of a server
  std::string distrust;              // why it is not trusted; empty: it is. Of a server
  bool names_match = true;           // it is for the host that was asked. Of a server
};

struct Target {
  std::string host;
  std::uint16_t port = 443;
  std::string server_name;  // SNI, and the name that it must be for
  std::string ca_file;      // empty: the system's
  std::string shown;
};

// Errors: timeout, unavailable (no connection, no TLS), not_found, parse.
Result<Certificate> ask_server(const Target& target, const Clock& clock, BootTime deadline,
                               std::stop_token stop);
// The first one in a PEM file.
Result<Certificate> read_pem_file(const std::string& path);

}  // namespace vigile::certificate
