// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/routes.h"

namespace vigile {

void add_health_routes(Router& router, AgentView& agent) {
  router.add("GET", "/healthz", [&agent](const Request&) {
    const AgentStatus status = agent.status();
    if (status.healthy) return json_response({{"status", "ok"}});
    return json_response({{"status", "failing"}, {"reason", status.unhealthy_reason}}, 503);
  });
}

}  // namespace vigile
