// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/option.h"
#include "core/result.h"
#include "drivers/http/expectation.h"

namespace vigile::http_driver {

struct HttpUrl {
  std::string text;    // where to ask; without user and password
  std::string shown;   // without query and fragment too: for tags and messages
  std::string origin;  // scheme, host and port: who may have the credentials
  std::string user;
  std::string password;
};

// Errors: config. Never quotes the text, which may hold a password.
Result<HttpUrl> parse_http_url(const std::string& text);

enum class Method { get, head, post };
enum class Auth { basic, digest };

struct HttpSettings {
  HttpUrl url;
  Method method = Method::get;
  std::vector<std::string> headers;  // whole lines, the token's among them
  std::string body;
  std::string user, password;
  Auth auth = Auth::basic;
  std::chrono::nanoseconds timeout{};
  StatusSet expect_status;
  std::string expect_body;
  std::uint64_t max_body_bytes = 0;
  std::string ca_file, cert_file, key_file, proxy;
  bool insecure = false;
  bool follow_redirects = false;
};

std::span<const OptionSpec> option_table();

// No I/O. Errors: config.
Result<HttpSettings> read_settings(const Options& options);

}  // namespace vigile::http_driver
