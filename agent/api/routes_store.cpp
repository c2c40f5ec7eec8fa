// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/routes.h"
#include "api/status_json.h"
#include "store/inspection_json.h"

namespace vigile {

namespace {

Response forget(Log& log, const std::string& name) {
  for (const SinkBacklog& sink : log.status().sinks) {
    if (sink.sink == name && sink.known) {
      return error_response(409, "sink \"" + name + "\" is in the settings; remove it there first");
    }
  }
  const auto forgotten = log.forget_sink(name);
  return forgotten ? json_response({{"forgotten", name}}) : error_response(forgotten.error());
}

}  // namespace

void add_store_routes(Router& router, AgentView& agent) {
  router.add("GET", "/api/agent/store",
             [&agent](const Request&) { return json_response(log_json(agent.log().status())); });
  router.add("GET", "/api/agent/store/check",
             [&agent](const Request&) {
               const auto found = agent.log().inspect();
               if (!found) return error_response(found.error());
               return Response{.content_type = "application/json", .body = inspection_json(*found) + "\n"};
             },
             {.slow = true});
  router.add("DELETE", "/api/agent/store/sinks/{name}",
             [&agent](const Request& request) { return forget(agent.log(), request.parameter("name")); });
}

}  // namespace vigile
