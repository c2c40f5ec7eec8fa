// SPDX-License-Identifier: Apache-2.0
#include "catalog/driver_descriptions.h"

#include "drivers/registry.h"

namespace vigile {

std::vector<DriverDescription> describe_drivers() {
  std::vector<DriverDescription> all;
  for (const DriverInfo* const info : all_drivers()) {
    DriverDescription description;
    description.name = info->name;
    description.summary = info->summary;
    description.may_block = info->may_block;
    description.named_metrics = info->named_metrics;
    description.missing = info->missing;
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
