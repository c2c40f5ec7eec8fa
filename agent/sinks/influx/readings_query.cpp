// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/readings_query.h"

#include <algorithm>
#include <charconv>

#include "core/iso_time.h"
#include "sinks/influx/quoting.h"

namespace vigile::influx_sink {

namespace {

constexpr std::string_view kSqlTime = "vigile_time_ns";

std::int64_t number_of(const AnswerCell& cell) {
  std::int64_t number = 0;
  std::from_chars(cell.text.data(), cell.text.data() + cell.text.size(), number);
  return number;
}

template <class Render>
std::string joined(const std::vector<std::string>& parts, std::string_view with, const Render& render) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += with;
    text += render(part);
  }
  return text;
}

// "a = 'x' AND (b = 'y' OR b = 'z')" in the language of the renderers; each condition after `before`.
template <class Key, class Text>
std::string conditions_text(const ReadingsQuery& query, const Key& key, const Text& text,
                            std::string_view equals, std::string_view before, std::string_view either) {
  std::string all;
  for (const auto& [tag, values] : query.conditions) {
    if (values.empty()) continue;
    const std::string name = key(tag);
    const std::string any = joined(
        values, either, [&](const std::string& value) { return name + std::string(equals) + text(value); });
    all += std::string(before) + (values.size() > 1 ? "(" + any + ")" : any);
  }
  return all;
}

std::string influxql(const ReadingsQuery& query) {
  std::string text = "SELECT " + joined(query.fields, ", ", influxql_identifier) + " FROM " +
                     influxql_identifier(query.measurement) +
                     " WHERE time >= " + std::to_string(query.from_ns) + " AND time < " +
                     std::to_string(query.to_ns);
  text += conditions_text(query, influxql_identifier, influxql_string, " = ", " AND ", " OR ");
  text += " GROUP BY " + (query.tags.empty() ? "*" : joined(query.tags, ", ", influxql_identifier));
  if (query.latest) text += " ORDER BY time DESC LIMIT 1";  // of each group
  return text;
}

std::string flux(const ReadingsQuery& query, const std::string& bucket) {
  const auto column = [](const std::string& name) { return "r[" + flux_string(name) + "]"; };
  const auto field = [&](const std::string& name) { return "r._field == " + flux_string(name); };
  std::string text = "from(bucket: " + flux_string(bucket) + ") |> range(start: " + rfc3339(query.from_ns) +
                     ", stop: " + rfc3339(query.to_ns) +
                     ") |> filter(fn: (r) => r._measurement == " + flux_string(query.measurement) + " and (" +
                     joined(query.fields, " or ", field) + ")" +
                     conditions_text(query, column, flux_string, " == ", " and ", " or ") + ")";
  // Each series of each field has a table of its own, in the order of time.
  if (query.latest) text += " |> last()";
  return text + " |> drop(columns: [\"_start\", \"_stop\", \"_measurement\"])";
}

// The columns of a table that are tags, and those that are fields.
struct Schema {
  std::vector<std::string> tags;
  std::vector<std::string> fields;
};

class SchemaRows final : public RowReceiver {
 public:
  void table(const std::string&, const std::map<std::string, std::string>&,
             const std::vector<std::string>& columns) override {
    columns_ = columns;
  }
  bool row(std::span<const AnswerCell> cells) override {
    std::string name;
    std::string type;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (columns_[i] == "column_name") name = cells[i].text;
      if (columns_[i] == "data_type") type = cells[i].text;
    }
    (type.starts_with("Dictionary") ? schema.tags : schema.fields).push_back(name);
    return true;
  }
  Schema schema;

 private:
  std::vector<std::string> columns_;
};

std::vector<std::string> known(const std::vector<std::string>& wanted, const std::vector<std::string>& all) {
  std::vector<std::string> found;
  for (const std::string& name : wanted) {
    if (std::find(all.begin(), all.end(), name) != all.end()) found.push_back(name);
  }
  return found;
}

// Empty when there is no such table.
Result<std::string> sql(InfluxClient& client, const ReadingsQuery& query) {
  SchemaRows rows;
  const std::string question =
      "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = " +
      sql_string(query.measurement);
  if (const auto done = client.query_data({.text = question, .language = Language::sql}, rows); !done) {
    return done.error();
  }
  const auto fields = known(query.fields, rows.schema.fields);
  if (fields.empty()) return std::string();
  std::string text = "SELECT CAST(\"time\" AS BIGINT) AS " + sql_identifier(kSqlTime);
  for (const auto& names :
       {query.tags.empty() ? rows.schema.tags : known(query.tags, rows.schema.tags), fields}) {
    if (!names.empty()) text += ", " + joined(names, ", ", sql_identifier);
  }
  text += " FROM " + sql_identifier(query.measurement) +
          " WHERE \"time\" >= " + sql_string(rfc3339(query.from_ns)) + " AND \"time\" < " +
          sql_string(rfc3339(query.to_ns));
  for (const auto& [tag, values] : query.conditions) {
    const bool absent =
        std::find(rows.schema.tags.begin(), rows.schema.tags.end(), tag) == rows.schema.tags.end();
    if (absent && !values.empty()) return std::string();
  }
  text += conditions_text(query, sql_identifier, sql_string, " = ", " AND ", " OR ");
  if (query.latest) text += " ORDER BY \"time\" DESC";
  return text;
}

class Rows final : public RowReceiver {
 public:
  Rows(const ReadingsQuery& query, const std::function<bool(const ReadingsRow&)>& use)
      : query_(query), use_(use) {}

  void table(const std::string&, const std::map<std::string, std::string>& tags,
             const std::vector<std::string>& columns) override {
    columns_ = columns;
    series_tags_ = tags;
    fresh_ = true;
  }

  bool row(std::span<const AnswerCell> cells) override {
    std::map<std::string, std::string> tags = series_tags_;
    row_.fields.clear();
    std::string flux_field;
    const AnswerCell* flux_value = nullptr;
    bool has_time = false;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string& column = columns_[i];
      const AnswerCell& cell = cells[i];
      if (column == "time" || column == kSqlTime) {
        row_.time_ns = number_of(cell);
        has_time = cell.type == AnswerCell::Type::number;
      } else if (column == "_time") {
        const auto time = parse_iso8601(cell.text);
        has_time = time.has_value();
        if (time) row_.time_ns = to_ns(time->time);
      } else if (column == "_field") {
        flux_field = cell.text;
      } else if (column == "_value") {
        flux_value = &cell;
      } else if (cell.type == AnswerCell::Type::null) {
        continue;
      } else if (is_field(column)) {
        row_.fields.emplace_back(column, cell);
      } else {
        tags[column] = cell.text;
      }
    }
    if (!has_time) return true;
    if (flux_value != nullptr && !flux_field.empty()) row_.fields.emplace_back(flux_field, *flux_value);
    std::erase_if(tags, [](const auto& tag) { return tag.second.empty(); });
    row_.same_tags = !fresh_ && tags == tags_;
    if (!row_.same_tags) {
      tags_ = std::move(tags);
      row_.tags.assign(tags_.begin(), tags_.end());
    }
    fresh_ = false;
    return use_(row_);
  }

 private:
  bool is_field(const std::string& column) const {
    return std::find(query_.fields.begin(), query_.fields.end(), column) != query_.fields.end();
  }

  const ReadingsQuery& query_;
  const std::function<bool(const ReadingsRow&)>& use_;
  std::vector<std::string> columns_;
  std::map<std::string, std::string> series_tags_;
  std::map<std::string, std::string> tags_;
  ReadingsRow row_;
  bool fresh_ = true;
};

}  // namespace

const std::string& ReadingsRow::tag(std::string_view key) const {
  static const std::string kNone;
  const auto found =
      std::find_if(tags.begin(), tags.end(), [&](const auto& tag) { return tag.first == key; });
  return found == tags.end() ? kNone : found->second;
}

Result<void> run_readings_query(InfluxClient& client, const ReadingsQuery& query,
                                const std::function<bool(const ReadingsRow&)>& use) {
  if (query.from_ns >= query.to_ns) return {};
  const InfluxSettings& settings = client.settings();
  Rows rows(query, use);
  Query asked{.language = default_language(settings.api), .times_in_ns = true};
  switch (settings.api) {
    case Api::v1:
      asked.text = influxql(query);
      break;
    case Api::v2:
      asked.text = flux(query, settings.bucket);
      break;
    case Api::v3: {
      auto text = sql(client, query);
      if (!text) return text.error();
      if (text->empty()) return {};
      asked.text = std::move(*text);
      break;
    }
  }
  return client.query_data(asked, rows);
}

}  // namespace vigile::influx_sink
