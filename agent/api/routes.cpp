// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"

namespace vigile {

void add_routes(Router& router, AgentView& agent, std::size_t queue_bytes) {
  add_health_routes(router, agent);
  add_status_routes(router, agent);
  add_point_routes(router, agent, queue_bytes);
  add_control_routes(router, agent);
  add_driver_routes(router, agent);
  add_dead_letter_routes(router, agent);
  add_store_routes(router, agent);
  add_metric_routes(router, agent);
  add_equipment_routes(router, agent);
  add_recording_routes(router, agent);
  add_report_routes(router, agent);
  add_cleanup_routes(router, agent);
  add_openapi_routes(router);
}

}  // namespace vigile
