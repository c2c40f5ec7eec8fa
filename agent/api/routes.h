// SPDX-License-Identifier: Apache-2.0
// The routes, one file a group. `agent` outlives the router.
#pragma once

#include <cstddef>

#include "api/agent_view.h"
#include "api/router.h"

namespace vigile {

// All of them.
void add_routes(Router& router, AgentView& agent, std::size_t queue_bytes);

void add_health_routes(Router& router, AgentView& agent);
void add_status_routes(Router& router, AgentView& agent);
void add_control_routes(Router& router, AgentView& agent);
void add_driver_routes(Router& router, AgentView& agent);
void add_dead_letter_routes(Router& router, AgentView& agent);
void add_store_routes(Router& router, AgentView& agent);
void add_metric_routes(Router& router, AgentView& agent);
void add_equipment_routes(Router& router, AgentView& agent);
void add_recording_routes(Router& router, AgentView& agent);
void add_report_routes(Router& router, AgentView& agent);
void add_cleanup_routes(Router& router, AgentView& agent);
void add_openapi_routes(Router& router);
void add_point_routes(Router& router, AgentView& agent, std::size_t queue_bytes);

}  // namespace vigile
