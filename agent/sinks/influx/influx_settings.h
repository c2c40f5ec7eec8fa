// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "core/option.h"
#include "core/result.h"

namespace vigile::influx_sink {

enum class Api { v1, v2, v3 };

struct InfluxSettings {
  Api api = Api::v2;
  std::string write_url;  // with its query: where batches are posted
  std::string target;     // scheme, host and port alone: for messages
  std::string base_url;   // without user, password, query and the slash at its end
  std::string org;
  std::string bucket;
  std::string database;
  std::string retention_policy;
  std::string user;
  std::string password;  // secret
  std::string token;     // secret
  std::chrono::nanoseconds timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
  bool gzip = true;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  bool insecure = false;
  std::string proxy;  // may hold a password
  std::map<std::string, std::string> headers;
};

// Who is connected to.
struct Endpoint {
  std::string scheme;  // "https"
  std::string host;
  std::uint16_t port = 0;
};
// Of a URL; empty when it is none.
Endpoint endpoint_of(const std::string& url);

// For a query's value: "a b/c" is "a%20b%2Fc".
std::string url_escaped(const std::string& text);

std::span<const OptionSpec> option_table();

// Errors: config, naming the option, what is wrong and what would be right.
Result<InfluxSettings> read_settings(const Options& options);

}  // namespace vigile::influx_sink
