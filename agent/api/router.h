// SPDX-License-Identifier: Apache-2.0
// The table of routes. A pattern is literal segments and {name}s: "/api/agent/drivers/{name}"; a literal wins
// over a name at the same place. A path is the same with one slash at its end and without. Paths are split
// before they are decoded, so a value may hold "%2F".
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"

namespace vigile {

using Handler = std::function<Response(const Request&)>;

struct RouteOptions {
  std::vector<std::string> query = {};   // the keys it knows; another is answered 400
  std::size_t max_body_bytes = 4 << 10;  // a larger one is answered 413; the server's own limit holds too
  bool slow = false;                     // may take long: runs on the worker's thread
};

struct Route {
  std::string method;
  std::string pattern;  // as it was given
  std::vector<std::string> segments;
  Handler handler;
  RouteOptions options;
};

// Filled before the server starts, then only read.
class Router {
 public:
  void add(std::string_view method, std::string_view pattern, Handler handler, RouteOptions options = {});

  // The route of a request, or the answer that refuses it (400, 404, 405 with Allow). `uri` is as it stands
  // in the request line. HEAD finds the route of GET. The body of `request` is left empty.
  struct Match {
    const Route* route = nullptr;
    Request request;
    Response refusal;  // when there is no route
  };
  Match find(std::string_view method, std::string_view uri) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace vigile
