// SPDX-License-Identifier: Apache-2.0
#include "settings/reading_rules.h"

#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "core/nearest.h"
#include "core/units.h"
#include "settings/entries.h"
#include "settings/keys.h"

namespace vigile {

namespace {

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

}  // namespace

MetricRules read_metric_rules(const Options& options, const Section& section, ReadContext& context) {
  MetricRules rules{options.list("only"), options.list("except"), options.map("rename")};
  const YamlEntry* const rename = section.find("rename");
  if (rename == nullptr) return rules;
  std::map<std::string_view, std::string_view> sources;  // by what they become
  for (const YamlEntry& entry : rename->value.entries) {
    const auto found = rules.rename.find(entry.key.text);
    if (found == rules.rename.end()) continue;
    const auto& [from, to] = *found;
    const Spot spot = entry.value.spot;
    if (to.empty())
      context.diagnostics.error(spot, "rename: " + quote(from) + " becomes a metric without a name");
    check_name("rename", to, spot, context);
    const auto [other, is_new] = sources.emplace(to, from);
    if (!is_new && other->second != from) {
      context.diagnostics.error(spot, "rename: " + quote(other->second) + " and " + quote(from) +
                                          " cannot both become " + quote(to));
    }
  }
  return rules;
}

// `always`, `on_change` or `on_change: {…}`.
ReportRules read_report(const YamlEntry& report, ReadContext& context) {
  Diagnostics& diagnostics = context.diagnostics;
  constexpr std::array<std::string_view, 2> kPolicies = {"always", "on_change"};
  ReportRules rules;
  const YamlNode& node = report.value;
  const bool is_map = node.kind == YamlNode::Kind::map && node.entries.size() == 1;
  if (!is_map && node.kind != YamlNode::Kind::scalar) {
    diagnostics.error(node.spot, "report: expected always, on_change or {on_change: {deadband: 0.5}}");
    return rules;
  }
  const YamlNode& policy = is_map ? node.entries.front().key : node;
  if (policy.text != "on_change") {
    if (is_map || policy.text != "always") {
      diagnostics.error(policy.spot, "report: " + quote(policy.text) + " is not known" +
                                         suggestion(policy.text, kPolicies, "possible"));
    }
    return rules;
  }
  rules.on_change = true;
  if (!is_map) return rules;
  const Section section(node.entries.front().value, policy.spot, "on_change", context);
  section.check_keys(names_of(on_change_keys()), context);
  const Options options = read_options(on_change_keys(), section, context);
  rules.deadband = options.number("deadband");
  rules.at_most_every = options.duration("at_most_every");
  rules.at_least_every = options.duration("at_least_every");
  for (const auto& [metric, text] : options.map("deadbands")) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(number) && number >= 0) {
      rules.deadbands[metric] = number;
    } else {
      diagnostics.error(spot_of(section, "deadbands"),
                        "deadbands: " + quote(metric) + ": expected a number, 0 or more, not " + quote(text));
    }
  }
  if (rules.at_least_every.count() > 0 && rules.at_least_every < rules.at_most_every) {
    diagnostics.error(spot_of(section, "at_least_every"),
                      "at_least_every: must not be less than \"at_most_every\", which is " +
                          format_duration(rules.at_most_every));
  }
  return rules;
}

std::string format_rules(const MetricRules& metrics, const ReportRules& report) {
  std::string text;
  if (!metrics.only.empty()) text += ", only " + join(metrics.only);
  if (!metrics.except.empty()) text += ", except " + join(metrics.except);
  for (const auto& [from, to] : metrics.rename) text += ", " + from + " as " + to;
  if (!report.on_change) return text;
  text += ", on change";
  if (report.deadband > 0) text += " of more than " + format_number(report.deadband);
  for (const auto& [metric, band] : report.deadbands)
    text += " (" + metric + ": " + format_number(band) + ")";
  if (report.at_most_every.count() > 0) text += ", at most every " + format_duration(report.at_most_every);
  if (report.at_least_every.count() > 0) text += ", at least every " + format_duration(report.at_least_every);
  return text;
}

}  // namespace vigile
