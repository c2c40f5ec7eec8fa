// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/equipment_answers.h"
#include "api/equipment_json.h"
#include "api/json_body.h"
#include "api/json_text.h"
#include "api/routes.h"
#include "core/units.h"

namespace vigile {

namespace {

// A POST, because it says how and what in its body; the data is gone for good unless it is a dry run.
Result<Response> cleanup(EquipmentService& service, const Request& request) {
  const auto json = parse_body(request.body);
  if (!json) return json.error();
  BodyObject body(*json, "", {"older_than", "before", "equipment_id", "undelivered", "dry_run"});
  const auto older_than = body.text("older_than");
  auto before = body.time_ns("before");
  if (older_than.has_value() == before.has_value()) {
    body.fail("older_than", "expected a duration like 90d, or \"before\" with a time; one of them");
  }
  if (older_than) {
    const auto age = parse_duration(*older_than);
    if (!age) {
      body.fail("older_than", age.error().message);
    } else {
      before = service.now_ns() - age->count();
    }
  }
  const std::string id = body.text("equipment_id").value_or("");
  const bool undelivered = body.boolean("undelivered").value_or(false);
  const bool dry_run = body.required_boolean("dry_run");
  if (body.error()) return *body.error();
  const auto removed = service.remove(*before, id, undelivered, dry_run);
  if (!removed) return removed.error();
  nlohmann::ordered_json answer = {{"dry_run", dry_run}, {"before", time_json(*before)}};
  answer.update(removal_json(*removed));
  return json_response(answer);
}

}  // namespace

void add_cleanup_routes(Router& router, AgentView& agent) {
  router.add("POST", "/api/agent/cleanup",
             answered([&agent](const Request& request) { return cleanup(agent.equipment(), request); }),
             {.slow = true});
}

}  // namespace vigile
