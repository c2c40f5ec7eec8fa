// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/routes.h"

namespace vigile {

namespace {

std::string joined(const std::vector<std::string>& messages) {
  std::string text;
  for (const std::string& message : messages) {
    if (!text.empty()) text += '\n';
    text += message;
  }
  return text;
}

}  // namespace

void add_control_routes(Router& router, AgentView& agent) {
  router.add("POST", "/api/agent/flush", [&agent](const Request&) {
    const auto flushed = agent.flush();
    return flushed ? json_response({{"flushed", true}}) : error_response(flushed.error());
  });
  router.add("POST", "/api/agent/reload", [&agent](const Request&) {
    const ReloadReport report = agent.reload();
    if (report.accepted) return json_response({{"accepted", true}, {"messages", report.messages}});
    return json_response(
        {{"accepted", false}, {"messages", report.messages}, {"error", joined(report.messages)}}, 422);
  });
}

}  // namespace vigile
