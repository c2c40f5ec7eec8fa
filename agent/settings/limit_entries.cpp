// SPDX-License-Identifier: Apache-2.0
#include "settings/limit_entries.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/nearest.h"
#include "settings/entries.h"
#include "settings/keys.h"
#include "settings/limit_key.h"

namespace vigile {

namespace {

void check_limit(const WarningLimit& limit, const Section& section, ReadContext& context) {
  Diagnostics& diagnostics = context.diagnostics;
  const std::string what = "warning on " + quote(format_limit_key(limit.metric, limit.tags));
  if (section.find("above") == nullptr && section.find("below") == nullptr) {
    diagnostics.error(section.spot(), what + " needs \"above\" or \"below\"");
  }
  if (limit.above && limit.below && *limit.below >= *limit.above) {
    diagnostics.error(section.spot(), what + ": \"below\" must be less than \"above\", or it always holds");
  }
  if (!limit.clear) return;
  const Spot spot = spot_of(section, "clear");
  if (limit.above && limit.below) {
    diagnostics.error(spot, "clear: has no meaning with both \"above\" and \"below\"");
  } else if (limit.above && *limit.clear > *limit.above) {
    diagnostics.error(spot,
                      "clear: must not be more than \"above\", which is " + format_number(*limit.above));
  } else if (limit.below && *limit.clear < *limit.below) {
    diagnostics.error(spot,
                      "clear: must not be less than \"below\", which is " + format_number(*limit.below));
  }
}

}  // namespace

std::vector<WarningLimit> read_limits(const YamlEntry& warning, ReadContext& context) {
  const Section metrics(warning.value, warning.key.spot, "warning", context);
  std::vector<WarningLimit> limits;
  std::map<std::string, Spot> taken;
  for (const YamlEntry* const metric : metrics.entries()) {
    const Section section(metric->value, metric->key.spot, metric->key.text, context);
    const auto valid = names_of(limit_keys());
    section.check_keys(valid, context);
    const Options options = read_options(limit_keys(), section, context);
    WarningLimit limit;
    auto key = parse_limit_key(metric->key.text);
    if (!key) {
      context.diagnostics.error(metric->key.spot,
                                "warning: " + quote(metric->key.text) + ": " + key.error().message);
      continue;
    }
    const auto [first, is_new] = taken.emplace(format_limit_key(key->metric, key->tags), metric->key.spot);
    if (!is_new) {
      context.diagnostics.error(metric->key.spot,
                                "warning: duplicate limit on " + quote(first->first) +
                                    context.diagnostics.already(first->second, metric->key.spot));
    }
    limit.metric = std::move(key->metric);
    limit.tags = std::move(key->tags);
    limit.is_recorded = options.flag("recorded");
    limit.place = context.diagnostics.place(metric->key.spot);
    const auto number = [&](std::string_view name) {
      return options.has(name) ? std::optional<double>(options.number(name)) : std::nullopt;
    };
    limit.above = number("above");
    limit.below = number("below");
    limit.clear = number("clear");
    limit.held = options.duration("for");
    check_limit(limit, section, context);
    limits.push_back(std::move(limit));
  }
  return limits;
}

}  // namespace vigile
