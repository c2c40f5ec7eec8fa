// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/routes.h"
#include "api/status_json.h"

namespace vigile {

void add_status_routes(Router& router, AgentView& agent) {
  router.add("GET", "/api/agent/status",
             [&agent](const Request&) { return json_response(status_json(agent.status())); });
}

}  // namespace vigile
