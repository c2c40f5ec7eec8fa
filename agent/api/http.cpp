// SPDX-License-Identifier: Apache-2.0
#include "api/http.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/json_text.h"

namespace vigile {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::parse:
    case ErrorKind::config:
      return 422;
    case ErrorKind::timeout:
    case ErrorKind::unavailable:
      return 503;
    case ErrorKind::full:
      return 507;
    case ErrorKind::conflict:
      return 409;
    case ErrorKind::permission:
    case ErrorKind::io:
    case ErrorKind::corrupt:
    case ErrorKind::unreadable:
      return 500;
  }
  return 500;
}

}  // namespace

const std::string& Request::parameter(std::string_view name) const {
  static const std::string empty;
  const auto found = path.find(name);
  return found == path.end() ? empty : found->second;
}

std::optional<std::string> Request::query_value(std::string_view name) const {
  const auto found = query.find(name);
  if (found == query.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

Result<std::uint64_t> Request::query_number(std::string_view name, std::uint64_t fallback, std::uint64_t min,
                                            std::uint64_t max) const {
  const auto text = query_value(name);
  if (!text) return fallback;
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (failed != std::errc{} || end != text->data() + text->size() || number < min || number > max) {
    return Error{ErrorKind::parse, std::string(name) + ": expected a whole number from " +
                                       std::to_string(min) + " to " + std::to_string(max)};
  }
  return number;
}

Result<bool> Request::query_flag(std::string_view name, bool fallback) const {
  const auto text = query_value(name);
  if (!text) return fallback;
  if (*text == "true") return true;
  if (*text == "false") return false;
  return Error{ErrorKind::parse, std::string(name) + ": expected true or false"};
}

Response error_response(int status, std::string_view message) {
  return json_response({{"error", message}}, status);
}

Response error_response(const Error& error) {
  return error_response(status_of(error.kind), error.message);
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  return out;
}

Result<std::map<std::string, std::string, std::less<>>> parse_query(std::string_view text) {
  std::map<std::string, std::string, std::less<>> values;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto key = percent_decode(pair.substr(0, equals), true);
    auto value =
        percent_decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!key || !value) {
      return Error{ErrorKind::parse, "query: expected %XX with two hexadecimal digits, not %00"};
    }
    if (const auto [known, is_new] = values.emplace(std::move(*key), std::move(*value)); !is_new) {
      return Error{ErrorKind::parse, known->first.substr(0, 60) + ": is given twice"};
    }
  }
  return values;
}

}  // namespace vigile
