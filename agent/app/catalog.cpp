// SPDX-License-Identifier: Apache-2.0
#include "app/catalog.h"

#include "drivers/registry.h"
#include "sinks/registry.h"

namespace vigile {

SettingsCatalog built_in_catalog() {
  static const std::vector<DriverKind> drivers = [] {
    std::vector<DriverKind> kinds;
    for (const DriverInfo* const info : all_drivers()) {
      kinds.push_back(DriverKind{{info->name, info->summary, info->options}, info->decides_availability});
    }
    return kinds;
  }();
  static const std::vector<OptionTable> sinks = [] {
    std::vector<OptionTable> kinds;
    for (const SinkInfo* const info : all_sinks()) {
      kinds.push_back(OptionTable{info->kind, info->summary, info->options});
    }
    return kinds;
  }();
  return SettingsCatalog{drivers, sinks};
}

std::vector<DriverDescription> describe_drivers() {
  std::vector<DriverDescription> all;
  for (const DriverInfo* const info : all_drivers()) {
    DriverDescription description;
    description.name = info->name;
    description.summary = info->summary;
    description.may_block = info->may_block;
    description.options.assign(info->options.begin(), info->options.end());
    for (const MetricSpec& metric : info->metrics) {
      description.metrics.push_back({std::string(metric.name), std::string(metric.field),
                                     std::string(metric.type), std::string(metric.unit),
                                     std::string(metric.source)});
    }
    all.push_back(std::move(description));
  }
  return all;
}

}  // namespace vigile
