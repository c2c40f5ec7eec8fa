// SPDX-License-Identifier: Apache-2.0
// What Debian's InfluxDB 1 and VictoriaMetrics make of backslashes in names and tag values, as the encoder
// writes them: every text of up to three characters that matter, in every place.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "point/line_decode.h"
#include "point/line_encode.h"
#include "support/influx_server.h"

namespace vigile {
namespace {

using Json = nlohmann::json;
using Texts = std::set<std::string>;

constexpr std::string_view kCharacters = "a\\, =";
constexpr std::int64_t kTime = 1'764'000'000'000'000'000;

std::vector<std::string> texts_with_backslashes() {
  std::vector<std::string> all;
  std::vector<std::string> longest{""};
  for (int length = 1; length <= 3; ++length) {
    std::vector<std::string> longer;
    for (const std::string& text : longest) {
      for (const char c : kCharacters) longer.push_back(text + c);
    }
    longest = std::move(longer);
    for (const std::string& text : longest) {
      if (text.find('\\') != std::string::npos) all.push_back(text);
    }
  }
  return all;
}

// Each text is written in four places, behind a letter that says which.
struct Written {
  std::string lines;
  Texts measurements, tag_keys, tag_values, fields;
};

Written written() {
  Written out;
  for (const std::string& text : texts_with_backslashes()) {
    const Point points[] = {{"m" + text, {{"k", "v"}}, {{"f", 1.0}}, kTime},
                            {"keys", {{"k" + text, "v"}}, {{"f", 1.0}}, kTime},
                            {"values", {{"k", "v" + text}}, {{"f", 1.0}}, kTime},
                            {"fields", {{"k", "v"}}, {{"f" + text, 1.0}}, kTime}};
    for (const Point& point : points) EXPECT_TRUE(encode_line(point, {}, out.lines));
  }
  // By our own reader, which the tests of the encoder hold against the rules.
  LineDecoder decoder(out.lines, Precision::ns);
  for (auto step = decoder.next(); step != LineDecoder::Step::end; step = decoder.next()) {
    EXPECT_EQ(step, LineDecoder::Step::line);
    const auto point = to_point(decoder.view());
    if (!point) continue;
    if (point->measurement[0] == 'm') out.measurements.insert(point->measurement);
    if (point->measurement == "keys") out.tag_keys.insert(point->tags[0].first);
    if (point->measurement == "values") out.tag_values.insert(point->tags[0].second);
    if (point->measurement == "fields") out.fields.insert(point->fields[0].first);
  }
  return out;
}

Texts column(const InfluxServer& server, const std::string& statement, std::size_t index) {
  Texts texts;
  const Json answer = Json::parse(server.query("d", statement));
  for (const Json& series : answer["results"][0].value("series", Json::array())) {
    for (const Json& row : series["values"]) texts.insert(row[index].get<std::string>());
  }
  return texts;
}

TEST(Backslashes, InfluxDbStoresThemAsTheyAreWritten) {
  const Written sent = written();
  InfluxServer server;
  server.create_database("d");
  const HttpAnswer answer = http_post(server.url() + "/write?db=d&precision=ns", sent.lines);
  ASSERT_EQ(answer.status, 204) << answer.body;
  Texts measurements = column(server, "SHOW MEASUREMENTS", 0);
  for (const char* other : {"keys", "values", "fields"}) measurements.erase(other);
  EXPECT_EQ(measurements, sent.measurements);
  EXPECT_EQ(column(server, "SHOW TAG KEYS FROM \"keys\"", 0), sent.tag_keys);
  EXPECT_EQ(column(server, "SHOW TAG VALUES FROM \"values\" WITH KEY = \"k\"", 1), sent.tag_values);
  EXPECT_EQ(column(server, "SHOW FIELD KEYS FROM \"fields\"", 0), sent.fields);
  EXPECT_TRUE(sent.tag_values.contains(R"(v\\a)")) << "most are kept";
  EXPECT_TRUE(sent.tag_values.contains(R"(va\a)"));
}

// As VictoriaMetrics stores a text: two backslashes are one to it.
std::string halved(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\\') ++i;
  }
  return out;
}

Texts halved(const Texts& texts, const std::string& before = "", const std::string& after = "") {
  Texts all;
  for (const std::string& text : texts) all.insert(before + halved(text) + after);
  return all;
}

TEST(Backslashes, VictoriaMetricsKeepsEveryLineAndHalvesPairs) {
  const Written sent = written();
  const VictoriaServer server;
  const HttpAnswer answer = http_post(server.url() + "/write?precision=ns", sent.lines);
  ASSERT_EQ(answer.status, 204) << answer.body;
  Texts measurements, tag_keys, tag_values, fields;
  std::istringstream exported(server.exported("{__name__!=\"\"}"));
  for (std::string row; std::getline(exported, row);) {
    const Json metric = Json::parse(row)["metric"];
    const std::string name = metric["__name__"];
    if (name[0] == 'm') measurements.insert(name);
    if (name.starts_with("fields_")) fields.insert(name);
    if (name == "values_f") tag_values.insert(metric.value("k", ""));
    if (name != "keys_f") continue;
    for (const auto& [key, value] : metric.items()) {
      if (key != "__name__") tag_keys.insert(key);
    }
  }
  EXPECT_EQ(measurements, halved(sent.measurements, "", "_f"));
  EXPECT_EQ(tag_keys, halved(sent.tag_keys));
  EXPECT_EQ(tag_values, halved(sent.tag_values));
  EXPECT_EQ(fields, halved(sent.fields, "fields_"));
}

}  // namespace
}  // namespace vigile
