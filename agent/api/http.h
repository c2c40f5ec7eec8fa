// SPDX-License-Identifier: Apache-2.0
// One request and its answer, as the routes see them. No HTTP library shows here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace vigile {

struct Request {
  std::string method;
  std::map<std::string, std::string, std::less<>> path;   // {name} of the pattern, percent-decoded
  std::map<std::string, std::string, std::less<>> query;  // decoded; a key given twice keeps the last
  std::string content_type;                               // of the body, as the client says
  std::string body;

  // A value of the pattern; "" when the pattern has no such name.
  const std::string& parameter(std::string_view name) const;
  // None when absent or empty.
  std::optional<std::string> query_value(std::string_view name) const;
  // A decimal number within [min, max]; `fallback` when absent. Errors: parse, naming the key.
  Result<std::uint64_t> query_number(std::string_view name, std::uint64_t fallback, std::uint64_t min,
                                     std::uint64_t max) const;
  // "true" or "false"; `fallback` when absent. Errors: parse, naming the key.
  Result<bool> query_flag(std::string_view name, bool fallback) const;
};

// A body that is made while it is sent, for as long as the client listens. read() and ended() are called by
// the API's thread; the maker wakes that thread by the function it was given, from any thread.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // Copies at most `room` bytes to `to`; 0 when there is nothing now.
  virtual std::size_t read(char* to, std::size_t room) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  // Instead of a body. Called once the answer is on its way, with the function that says "there is more".
  std::function<std::unique_ptr<BodyStream>(std::function<void()> wake)> open_stream;
};

// {"error": message}
Response error_response(int status, std::string_view message);
// The status that fits the error's kind: 404 not_found, 422 parse and config, 503 unavailable and timeout,
// 507 full, else 500.
Response error_response(const Error& error);

// Resolves %41 and, for query strings, '+'. None when an escape is broken or a NUL comes out.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
// "a=1&b=2", without the '?'. Errors: parse.
Result<std::map<std::string, std::string, std::less<>>> parse_query(std::string_view text);

}  // namespace vigile
