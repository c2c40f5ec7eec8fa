// SPDX-License-Identifier: Apache-2.0
#include "api/router.h"

#include <algorithm>
#include <optional>

namespace vigile {

namespace {

bool is_name(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

// "/a/b" is {"a", "b"}, and so is "/a/b/": one slash at the end says nothing.
std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(),
                    [](const std::string& expected, const std::string& given) {
                      return is_name(expected) ? !given.empty() : expected == given;
                    });
}

// Literal segments first: {"drivers", "all"} before {"drivers", "{name}"}.
bool more_literal(const Route& a, const Route& b) {
  return std::lexicographical_compare(
      a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
      [](const std::string& x, const std::string& y) { return !is_name(x) && is_name(y); });
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

std::optional<Response> unknown_query_key(const Route& route, const Request& request) {
  const std::vector<std::string>& known = route.options.query;
  for (const auto& [key, value] : request.query) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return error_response(400, "unknown query parameter \"" + key + "\"; expected " +
                                   (known.empty() ? std::string("none") : join(known)));
  }
  return std::nullopt;
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler, RouteOptions options) {
  Route route{std::string(method), std::string(pattern), split_path(pattern), std::move(handler),
              std::move(options)};
  const auto place = std::upper_bound(routes_.begin(), routes_.end(), route, more_literal);
  routes_.insert(place, std::move(route));
}

Router::Match Router::find(std::string_view method, std::string_view uri) const {
  Match match;
  if (!uri.starts_with('/')) {
    match.refusal = error_response(400, "the path must begin with /");
    return match;
  }
  const std::size_t mark = uri.find('?');
  const std::string_view raw_path = uri.substr(0, mark);
  std::vector<std::string> path = split_path(raw_path);
  for (std::string& segment : path) {
    auto decoded = percent_decode(segment, false);
    if (!decoded) {
      match.refusal = error_response(400, "path: expected %XX with two hexadecimal digits, not %00");
      return match;
    }
    segment = std::move(*decoded);
  }
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::vector<std::string> allowed;
  for (const Route& route : routes_) {
    if (!fits(route.segments, path)) continue;
    if (route.method != wanted) {
      allowed.push_back(route.method);
      continue;
    }
    auto query = parse_query(mark == std::string_view::npos ? std::string_view() : uri.substr(mark + 1));
    if (!query) {
      match.refusal = error_response(400, query.error().message);
      return match;
    }
    match.request.method = method;
    match.request.query = std::move(*query);
    for (std::size_t i = 0; i < path.size(); ++i) {
      const std::string& segment = route.segments[i];
      if (is_name(segment)) match.request.path[segment.substr(1, segment.size() - 2)] = std::move(path[i]);
    }
    if (auto refusal = unknown_query_key(route, match.request)) {
      match.refusal = std::move(*refusal);
      return match;
    }
    match.route = &route;
    return match;
  }
  if (allowed.empty()) {
    match.refusal = error_response(404, "no such path: " + std::string(raw_path.substr(0, 200)));
    return match;
  }
  if (std::find(allowed.begin(), allowed.end(), "GET") != allowed.end()) allowed.emplace_back("HEAD");
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  match.refusal = error_response(405, "expected " + join(allowed));
  match.refusal.headers.emplace_back("Allow", join(allowed));
  return match;
}

}  // namespace vigile
