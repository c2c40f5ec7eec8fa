// SPDX-License-Identifier: Apache-2.0
#include "description/driver_description.h"

#include <nlohmann/json.hpp>

#include "core/nearest.h"

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

}  // namespace

Json driver_list_json(std::span<const DriverDescription> drivers) {
  Json list = Json::array();
  for (const DriverDescription& driver : drivers) {
    list.push_back({{"name", driver.name},
                    {"summary", driver.summary},
                    {"may_block", driver.may_block},
                    {"missing", driver.missing},
                    {"metrics", driver.metrics.size()}});
  }
  return {{"drivers", std::move(list)}};
}

Json driver_json(const DriverDescription& driver) {
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

std::string no_such_driver(std::string_view name, std::span<const DriverDescription> drivers) {
  std::string list;
  std::vector<std::string_view> names;
  for (const DriverDescription& driver : drivers) {
    list += (list.empty() ? "" : ", ") + driver.name;
    names.push_back(driver.name);
  }
  const std::string_view meant = nearest(name, names);
  return "no driver \"" + std::string(name) + "\"" +
         (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?") + "; there are: " + list;
}

}  // namespace vigile
