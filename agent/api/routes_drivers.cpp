// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/routes.h"

namespace vigile {

void add_driver_routes(Router& router, AgentView& agent) {
  router.add("GET", "/api/agent/drivers", [&agent](const Request&) {
    return json_response(driver_list_json(agent.driver_descriptions()));
  });
  router.add("GET", "/api/agent/drivers/{name}", [&agent](const Request& request) {
    const std::string& name = request.parameter("name");
    const auto drivers = agent.driver_descriptions();
    for (const DriverDescription& driver : drivers) {
      if (driver.name == name) return json_response(driver_json(driver));
    }
    return error_response(404, no_such_driver(name, drivers));
  });
}

}  // namespace vigile
