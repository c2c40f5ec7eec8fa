// SPDX-License-Identifier: Apache-2.0
// For editors; the reader of the file decides. What a schema cannot say (references, duplicates, a limit past
// its `clear`) is listed in tests/settings/schema.
#include <nlohmann/json.hpp>

#include "settings/keys.h"
#include "settings/values.h"

namespace vigile {

namespace {

using Json = nlohmann::ordered_json;

// A text with a variable may stand for any scalar.
constexpr const char* kVariable = "\\$\\{";
constexpr const char* kDuration = "^(0|([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d|w))+)$";
constexpr const char* kSize = "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)?$";
constexpr const char* kQuotedInteger = "^-?(0[xX][0-9a-fA-F]+|[0-9]+)$";
constexpr const char* kQuotedNumber = "^-?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+)?$";
constexpr double kUnbounded = 9e18;

Json definition(const std::string& name) {
  return {{"$ref", "#/$defs/" + name}};
}

// YAML reads `5` and `true` as more than text; the reader of the file takes them for the text that they are.
Json as_yaml_reads(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  const Json number = Json::parse(text, nullptr, false);
  return number.is_number() ? number : Json(text);
}

// A number, or the same in quotes.
Json ranged(const char* type, const OptionSpec& spec) {
  Json json = {{"type", type}};
  const auto bound = [&](double value) {
    return spec.type == OptionType::integer ? Json(static_cast<std::int64_t>(value)) : Json(value);
  };
  if (spec.min > -kUnbounded) json["minimum"] = bound(spec.min);
  if (spec.max < kUnbounded) json["maximum"] = bound(spec.max);
  return {{"anyOf", Json::array({json, definition("quoted_" + std::string(type)), definition("variable")})}};
}

// Which settings a definition is for: those of a file that is whole, or of one that others complete, where
// nothing is required and a key without a value takes it away.
enum class Part { whole, overlay };

Json rows_schema(std::span<const OptionSpec> columns);

Json type_schema(const OptionSpec& spec) {
  if (spec.secret && spec.type == OptionType::text) return definition("secret");
  switch (spec.type) {
    case OptionType::boolean:
      return definition("boolean");
    case OptionType::integer:
      return ranged("integer", spec);
    case OptionType::number:
      return ranged("number", spec);
    case OptionType::text:
      return definition("text");
    case OptionType::choice: {
      Json values = Json::array();
      for (const std::string_view choice : spec.choices) {
        values.push_back(choice);
        if (const Json read = as_yaml_reads(choice); !read.is_string()) values.push_back(read);
      }
      return {{"anyOf", Json::array({{{"enum", values}}, definition("variable")})}};
    }
    case OptionType::duration:
      return definition("duration");
    case OptionType::size:
      return definition("size");
    case OptionType::list: {
      const Json list = {{"type", "array"}, {"items", definition("text")}};
      return spec.or_one ? Json{{"anyOf", Json::array({list, definition("text")})}} : list;
    }
    case OptionType::map:
      return {{"type", "object"}, {"additionalProperties", definition(spec.secret ? "secret" : "text")}};
    case OptionType::rows:
      return rows_schema(spec.columns);
  }
  return Json::object();
}

Json default_json(const OptionSpec& spec) {
  const auto value = default_value(spec);
  if (!value) return nullptr;
  // Durations and sizes as they are written.
  if (spec.type == OptionType::duration || spec.type == OptionType::size) return spec.fallback;
  struct ToJson {
    Json operator()(bool flag) const { return flag; }
    Json operator()(std::int64_t number) const { return number; }
    Json operator()(double number) const { return number; }
    Json operator()(const std::string& text) const { return text; }
    Json operator()(std::chrono::nanoseconds duration) const { return duration.count(); }
    Json operator()(std::uint64_t bytes) const { return bytes; }
    Json operator()(const std::vector<std::string>& list) const { return list; }
    Json operator()(const std::map<std::string, std::string>& map) const { return map; }
    Json operator()(const std::vector<Options>&) const { return nullptr; }  // rows have no default
  };
  return std::visit(ToJson{}, *value);
}

Json option_schema(const OptionSpec& spec, Part part) {
  Json json = type_schema(spec);
  if (part == Part::overlay) json = {{"anyOf", Json::array({std::move(json), {{"type", "null"}}})}};
  json["description"] = spec.help;
  if (!spec.fallback.empty()) json["default"] = default_json(spec);
  return json;
}

Json closed_object(std::string_view description) {
  Json json = {{"type", Json::array({"object", "null"})}};
  if (!description.empty()) json["description"] = description;
  json["properties"] = Json::object();
  json["additionalProperties"] = false;
  return json;
}

// An entry with `when` may be incomplete: it may be skipped.
void add_options(Json& object, std::span<const OptionSpec> table, Part part, bool may_be_skipped = false) {
  Json required = Json::array();
  for (const OptionSpec& spec : table) {
    object["properties"][std::string(spec.name)] = option_schema(spec, part);
    if (spec.required) required.push_back(spec.name);
  }
  if (required.empty() || part == Part::overlay) return;
  object["type"] = "object";
  if (may_be_skipped) {
    object["anyOf"] = Json::array({{{"required", required}}, {{"required", Json::array({"when"})}}});
  } else {
    object["required"] = required;
  }
}

Json section(std::string_view description, std::span<const OptionSpec> table, Part part) {
  Json json = closed_object(description);
  add_options(json, table, part);
  return json;
}

Json rows_schema(std::span<const OptionSpec> columns) {
  return {{"type", "array"}, {"items", section("", columns, Part::whole)}};
}

struct Kind {
  std::string name;  // of its definition
  const OptionTable* table;
};

// `- kind` or `- kind: {…}`.
Json entry_list(std::string_view description, const std::vector<Kind>& kinds) {
  Json names = Json::array();
  Json one_of = {{"type", "object"}, {"minProperties", 1}, {"maxProperties", 1}};
  one_of["properties"] = Json::object();
  one_of["additionalProperties"] = false;
  for (const Kind& kind : kinds) {
    names.push_back(kind.table->kind);
    one_of["properties"][std::string(kind.table->kind)] = definition(kind.name);
  }
  Json items = {{"anyOf", Json::array({one_of, {{"enum", names}}})}};
  return {{"type", Json::array({"array", "null"})}, {"description", description}, {"items", items}};
}

Json kind_schema(const OptionTable& table, std::span<const OptionSpec> common, bool decides, Part part) {
  Json json = closed_object(table.summary);
  for (const OptionSpec& spec : common) {
    if (spec.name == "decides" && !decides) continue;
    json["properties"][std::string(spec.name)] = option_schema(spec, part);
  }
  add_options(json, table.options, part, true);
  return json;
}

// `always`, `on_change` or `{on_change: {…}}`.
Json report_schema(std::string_view description) {
  Json on_change = {{"type", "object"}, {"required", Json::array({"on_change"})}};
  on_change["properties"]["on_change"] = section("Only what has changed", on_change_keys(), Part::whole);
  on_change["additionalProperties"] = false;
  Json policies = Json::array({{{"enum", Json::array({"always", "on_change"})}}, on_change});
  return {{"description", description}, {"anyOf", std::move(policies)}};
}

Json scalar_definitions() {
  const auto pattern = [](const char* text) { return Json{{"type", "string"}, {"pattern", text}}; };
  Json defs;
  defs["variable"] = pattern(kVariable);
  defs["variable"]["description"] = "A text with ${NAME} or ${NAME:-default} from the environment";
  defs["boolean"] = {{"anyOf", Json::array({{{"type", "boolean"}},
                                            {{"enum", Json::array({"true", "false"})}},
                                            definition("variable")})}};
  defs["quoted_integer"] = pattern(kQuotedInteger);
  defs["quoted_number"] = pattern(kQuotedNumber);
  defs["text"] = {{"type", Json::array({"string", "number", "boolean"})}};
  defs["duration"] = {{"description", "A number with its unit: 500ms, 10s, 5m, 7d"},
                      {"anyOf", Json::array({pattern(kDuration), {{"const", 0}}, definition("variable")})}};
  const Json whole = {{"type", "integer"}, {"minimum", 0}};
  defs["size"] = {{"description", "Bytes, or a number with its unit: 64KiB, 256MiB"},
                  {"anyOf", Json::array({pattern(kSize), whole, definition("variable")})}};
  const auto reference = [](const char* key, const char* help) {
    Json json = {{"type", "object"}};
    json["properties"][key] = {{"type", "string"}, {"description", help}};
    json["required"] = Json::array({key});
    json["additionalProperties"] = false;
    return json;
  };
  defs["secret"] = {
      {"anyOf",
       Json::array({definition("text"), reference("file", "A file that holds the secret"),
                    reference("credential", "The name of a systemd credential (LoadCredential=)")})}};
  return defs;
}

Json equipment_schema(const std::vector<Kind>& drivers, Part part) {
  Json item = closed_object("A thing that is watched");
  add_options(item, equipment_keys(), part);
  for (const SectionKey& key : equipment_sections()) {
    if (key.name == "drivers") {
      item["properties"]["drivers"] = entry_list(key.help, drivers);
      continue;
    }
    Json limit =
        section("Limits of one metric, or of one series of it: disk_usage{mount=/data}", limit_keys(), part);
    if (part == Part::whole) {
      limit["type"] = "object";
      limit["anyOf"] =
          Json::array({{{"required", Json::array({"above"})}}, {{"required", Json::array({"below"})}}});
    }
    item["properties"][std::string(key.name)] = {{"type", Json::array({"object", "null"})},
                                                 {"description", key.help},
                                                 {"additionalProperties", limit}};
  }
  return item;
}

// The top of a file, with the definitions of its drivers and sinks in `defs`, whose names begin with
// `prefix`.
Json top_schema(const SettingsCatalog& catalog, Part part, const std::string& prefix, Json& defs) {
  std::vector<Kind> drivers;
  for (const DriverKind& driver : catalog.drivers) {
    drivers.push_back({prefix + "driver_" + std::string(driver.table.kind), &driver.table});
    Json& def = defs[drivers.back().name];
    def = kind_schema(driver.table, driver_keys(), driver.decides_availability, part);
    for (const SectionKey& key : driver_sections()) {
      const std::string name(key.name);
      def["properties"][name] = definition(name);
    }
  }
  std::vector<Kind> sinks;
  for (const OptionTable& sink : catalog.sinks) {
    sinks.push_back({prefix + "sink_" + std::string(sink.kind), &sink});
    defs[sinks.back().name] = kind_schema(sink, sink_keys(), false, part);
  }

  defs[prefix + "equipment"] = equipment_schema(drivers, part);
  Json properties;
  for (const SectionKey& key : top_sections()) {
    Json& property = properties[std::string(key.name)];
    if (key.name == "site") property = section(key.help, site_keys(), part);
    if (key.name == "clock") property = section(key.help, clock_keys(), part);
    if (key.name == "store") property = section(key.help, store_keys(), part);
    if (key.name == "api") property = section(key.help, api_keys(), part);
    if (key.name == "remote_settings") property = section(key.help, remote_keys(), part);
    if (key.name == "sinks") property = entry_list(key.help, sinks);
    if (key.name == "include") {
      const Json path = {{"type", "string"}};
      property = {{"description", key.help},
                  {"anyOf", Json::array({path, {{"type", "array"}, {"items", path}}})}};
    }
    if (key.name == "devices") {
      property = {
          {"type", Json::array({"object", "null"})},
          {"description", key.help},
          {"additionalProperties", {{"anyOf", Json::array({definition("overlay"), {{"type", "null"}}})}}}};
    }
    if (key.name == "equipment") {
      property = {{"type", Json::array({"array", "null"})},
                  {"description", key.help},
                  {"items", definition(prefix + "equipment")}};
    }
  }
  for (const OptionSpec& spec : top_keys()) properties[std::string(spec.name)] = option_schema(spec, part);
  Json top;
  top["type"] = Json::array({"object", "null"});
  top["properties"] = std::move(properties);
  top["additionalProperties"] = false;
  return top;
}

}  // namespace

std::string settings_schema(const SettingsCatalog& catalog) {
  Json defs = scalar_definitions();
  for (const SectionKey& key : driver_sections()) defs[std::string(key.name)] = report_schema(key.help);
  defs["whole"] = top_schema(catalog, Part::whole, "", defs);
  // What is laid over other settings: on single devices, and by a file over those that it includes.
  const Json overlay = top_schema(catalog, Part::overlay, "overlay_", defs);
  defs["partial"] = overlay;
  defs["overlay"] = overlay;
  for (const char* const key : {"include", "devices"}) defs["overlay"]["properties"].erase(key);

  const auto has = [](const char* key) { return Json{{"required", Json::array({key})}}; };
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Settings of Vigile"},
                 {"description", "One site's file for vigiled; config/vigile.yaml explains every key"}};
  schema["type"] = Json::array({"object", "null"});
  schema["if"] = {{"type", "object"}, {"anyOf", Json::array({has("include"), has("devices")})}};
  schema["then"] = definition("partial");
  schema["else"] = definition("whole");
  schema["$defs"] = std::move(defs);
  return schema.dump(2) + "\n";
}

}  // namespace vigile
