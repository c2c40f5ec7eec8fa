// SPDX-License-Identifier: Apache-2.0
// Requests to a sink's server that are not batches: questions, deletions, checks. Over one connection, that
// is kept.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "sinks/influx/influx_settings.h"

namespace vigile::influx_sink {

struct HttpRequest {
  std::string method = "GET";
  std::string path;                                             // after the base URL: "/query"
  std::vector<std::pair<std::string, std::string>> query = {};  // not escaped
  std::string body = {};
  std::string content_type = {};
  std::string accept = {};
};

struct HttpReply {
  long status = 0;
  std::map<std::string, std::string, std::less<>> headers = {};  // names in small letters
  std::string body = {};  // at most 256 KiB; of a 2xx only when nobody else has taken it
  std::optional<std::chrono::sys_seconds> certificate_end =
      {};  // TLS: the server's own certificate is good until then
  std::string header(std::string_view name) const;
  // VictoriaMetrics names its host in every answer. It answers InfluxQL with 200 whatever is asked.
  bool is_of_victoria_metrics() const { return headers.contains("x-server-hostname"); }
};

// One thread.
class HttpClient {
 public:
  explicit HttpClient(InfluxSettings settings);
  ~HttpClient();

  // `take` gets the body of a 2xx as it comes; false ends the request, which is no error then. A refusal is
  // an answer; it counts though its body is too long or breaks off. Limits: connecting as in the settings;
  // then silence for `timeout`, and twenty times that in all.
  // Errors: permission (TLS: certificates do not fit), timeout, unavailable, full (a 2xx larger than 256 KiB
  // that nobody takes); "<target>: <cause>".
  Result<HttpReply> send(const HttpRequest& request, const std::function<bool(std::string_view)>& take = {});

  const InfluxSettings& settings() const { return settings_; }

 private:
  struct Handle;
  const InfluxSettings settings_;
  std::unique_ptr<Handle> handle_;
};

// A refusal as an error: "<target><path>: HTTP 401: <what the server says>". Kinds: permission (401, 403),
// not_found (404), config (other 3xx and 4xx), unavailable (5xx, 429, 408).
Error refusal(const HttpReply& reply, const std::string& path, const InfluxSettings& settings);

}  // namespace vigile::influx_sink
