// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/routes.h"

namespace vigile {

namespace {

using Json = nlohmann::ordered_json;

Json option_json(const OptionSpec& option) {
  Json choices = Json::array();
  for (const std::string_view choice : option.choices) choices.push_back(choice);
  Json columns = Json::array();
  for (const OptionSpec& column : option.columns) columns.push_back(option_json(column));
  return {{"name", option.name},           {"type", to_string(option.type)}, {"help", option.help},
          {"default", option.fallback},    {"required", option.required},    {"secret", option.secret},
          {"choices", std::move(choices)}, {"columns", std::move(columns)}};
}

Json description_json(const DriverDescription& driver) {
  Json options = Json::array();
  for (const OptionSpec& option : driver.options) options.push_back(option_json(option));
  Json metrics = Json::array();
  for (const DriverDescription::Metric& metric : driver.metrics) {
    metrics.push_back({{"name", metric.name},
                       {"field", metric.field},
                       {"type", metric.type},
                       {"unit", metric.unit},
                       {"source", metric.source}});
  }
  return {{"name", driver.name},           {"summary", driver.summary},
          {"may_block", driver.may_block}, {"missing", driver.missing},
          {"options", std::move(options)}, {"named_metrics", driver.named_metrics},
          {"metrics", std::move(metrics)}};
}

}  // namespace

void add_driver_routes(Router& router, AgentView& agent) {
  router.add("GET", "/api/agent/drivers", [&agent](const Request&) {
    Json drivers = Json::array();
    for (const DriverDescription& driver : agent.driver_descriptions()) {
      drivers.push_back({{"name", driver.name},
                         {"summary", driver.summary},
                         {"may_block", driver.may_block},
                         {"missing", driver.missing},
                         {"metrics", driver.metrics.size()}});
    }
    return json_response({{"drivers", std::move(drivers)}});
  });
  router.add("GET", "/api/agent/drivers/{name}", [&agent](const Request& request) {
    const std::string& name = request.parameter("name");
    std::string known;
    for (const DriverDescription& driver : agent.driver_descriptions()) {
      if (driver.name == name) return json_response(description_json(driver));
      known += (known.empty() ? "" : ", ") + driver.name;
    }
    return error_response(404, "no driver \"" + name + "\"; there are: " + known);
  });
}

}  // namespace vigile
