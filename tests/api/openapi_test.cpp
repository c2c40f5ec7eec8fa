// SPDX-License-Identifier: Apache-2.0
// config/vigile.openapi.json against the routes: neither knows what the other does not.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "api/routes.h"
#include "core/file.h"
#include "served_agent.h"

namespace vigile {
namespace {

using Json = nlohmann::json;

class OpenApi : public testing::Test {
 protected:
  OpenApi() {
    add_routes(router_, agent_, 1 << 10);
    const std::string text = read_file(VIGILE_SOURCE_DIR "/config/vigile.openapi.json", 1 << 20).value_or("");
    document_ = Json::parse(text, nullptr, false);
  }
  // What "$ref" leads to, or the thing itself.
  const Json& resolved(const Json& value) const {
    if (!value.is_object() || !value.contains("$ref")) return value;
    return document_.at(Json::json_pointer(value.at("$ref").get<std::string>().substr(1)));
  }
  FakeAgent agent_;
  Router router_;
  Json document_;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return text;
}

TEST_F(OpenApi, HasEveryRouteAndNoOther) {
  ASSERT_TRUE(document_.is_object());
  EXPECT_EQ(document_["openapi"], "3.1.0");
  std::set<std::string> served;
  for (const Route& route : router_.routes()) served.insert(lower(route.method) + " " + route.pattern);
  std::set<std::string> described;
  for (const auto& [path, item] : document_["paths"].items()) {
    for (const auto& [method, operation] : item.items()) described.insert(method + " " + path);
  }
  EXPECT_EQ(described, served);
}

TEST_F(OpenApi, HasTheParametersOfEachRoute) {
  for (const Route& route : router_.routes()) {
    const Json& operation = document_["paths"][route.pattern][lower(route.method)];
    std::set<std::string> query;
    std::set<std::string> path;
    for (const Json& entry : operation.value("parameters", Json::array())) {
      const Json& parameter = resolved(entry);
      const std::string name = parameter.at("name");
      EXPECT_TRUE(parameter.contains("schema")) << route.pattern << " " << name;
      (parameter.at("in") == "query" ? query : path).insert(name);
      if (parameter.at("in") == "path") {
        EXPECT_EQ(parameter.at("required"), true);
      }
    }
    EXPECT_EQ(query, std::set<std::string>(route.options.query.begin(), route.options.query.end()))
        << route.method << " " << route.pattern;
    std::set<std::string> names;
    for (const std::string& segment : route.segments) {
      if (segment.starts_with('{')) names.insert(segment.substr(1, segment.size() - 2));
    }
    EXPECT_EQ(path, names) << route.pattern;
    EXPECT_TRUE(operation["responses"].contains("200")) << route.pattern;
    EXPECT_EQ(operation.contains("requestBody"), route.method == "POST" && route.options.slow)
        << route.pattern;
    EXPECT_TRUE(!route.options.slow || operation["responses"].contains("503")) << route.pattern;
  }
}

void collect_refs(const Json& value, std::set<std::string>& refs) {
  if (value.is_object() && value.contains("$ref")) refs.insert(value.at("$ref").get<std::string>());
  if (!value.is_structured()) return;
  for (const Json& part : value) collect_refs(part, refs);
}

TEST_F(OpenApi, ItsReferencesLeadSomewhereAndNothingIsLeftOver) {
  std::set<std::string> refs;
  collect_refs(document_, refs);
  for (const std::string& ref : refs) {
    ASSERT_TRUE(ref.starts_with("#/components/")) << ref;
    EXPECT_TRUE(document_.contains(Json::json_pointer(ref.substr(1)))) << ref;
  }
  for (const char* kind : {"parameters", "responses", "schemas"}) {
    for (const auto& [name, value] : document_["components"][kind].items()) {
      EXPECT_TRUE(refs.contains(std::string("#/components/") + kind + "/" + name)) << name;
    }
  }
}

TEST_F(OpenApi, OperationsHaveNamesOfTheirOwn) {
  std::set<std::string> ids;
  for (const Json& item : document_["paths"]) {
    for (const Json& operation : item) EXPECT_TRUE(ids.insert(operation.at("operationId")).second);
  }
}

TEST_F(OpenApi, IsServed) {
  ServedAgent served;
  const std::string answer = ask(served.socket(), "GET /api/openapi.json");
  EXPECT_EQ(status_of(answer), 200);
  const auto file = read_file(VIGILE_SOURCE_DIR "/config/vigile.openapi.json", 1 << 20);
  ASSERT_TRUE(file);
  EXPECT_TRUE(body_of(answer) == *file) << "too long to be shown";
}

// Of a schema only what ours use: type, required, properties, items, enum, $ref.
void expect_fits(const Json& value, const Json& schema, const Json& document, const std::string& where) {
  if (schema.contains("$ref")) {
    const Json::json_pointer place(schema.at("$ref").get<std::string>().substr(1));
    return expect_fits(value, document.at(place), document, where);
  }
  if (schema.contains("type")) {
    std::set<std::string> types;
    if (schema["type"].is_array()) {
      for (const Json& type : schema["type"]) types.insert(type.get<std::string>());
    } else {
      types.insert(schema["type"].get<std::string>());
    }
    std::string type = value.type_name();
    if (value.is_number_integer() && types.contains("integer")) type = "integer";
    EXPECT_TRUE(types.contains(type)) << where << " is " << type;
  }
  if (schema.contains("enum")) {
    EXPECT_THAT(schema["enum"], testing::Contains(value)) << where;
  }
  if (value.is_object() && schema.contains("properties")) {
    for (const Json& key : schema.value("required", Json::array())) {
      EXPECT_TRUE(value.contains(key.get<std::string>())) << where << "." << key;
    }
    for (const auto& [key, part] : value.items()) {
      ASSERT_TRUE(schema["properties"].contains(key)) << where << "." << key << " is not described";
      expect_fits(part, schema["properties"][key], document, where + "." + key);
    }
  }
  if (value.is_array() && schema.contains("items")) {
    for (const Json& part : value) expect_fits(part, schema["items"], document, where + "[]");
  }
}

TEST_F(OpenApi, AnswersAreAsDescribed) {
  ServedAgent served;
  FakeEquipment& equipment = served.agent.fake_equipment;
  served.agent.agent_status = example_status();
  equipment.report = example_report();
  equipment.stats = example_stats();
  equipment.history = example_history();
  equipment.page.rows = {{kFakeNow - kFakeHour, "cpu_usage", 12.5, {{"core", "0"}}}};
  int answers = 0;
  for (const Route& route : router_.routes()) {
    if (route.method != "GET" || route.pattern == "/api/agent/points") continue;
    std::string target = route.pattern;
    if (const std::size_t name = target.find('{'); name != std::string::npos) {
      if (target.starts_with("/api/agent")) continue;
      target.replace(name, target.find('}') - name + 1, target.starts_with("/api/sites") ? "12" : "1");
    }
    const std::string answer = ask(served.socket(), "GET " + target);
    ASSERT_EQ(status_of(answer), 200) << target;
    const Json& content = document_["paths"][route.pattern]["get"]["responses"]["200"]["content"];
    if (!content.contains("application/json")) continue;
    expect_fits(Json::parse(body_of(answer)), content["application/json"]["schema"], document_, target);
    ++answers;
  }
  EXPECT_GE(answers, 13);
}

}  // namespace
}  // namespace vigile
