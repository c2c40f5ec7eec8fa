// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/client.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "sinks/influx/answer.h"
#include "sinks/influx/quoting.h"

namespace vigile::influx_sink {

namespace {

constexpr const char* kChunkRows = "5000";  // of an answer of InfluxDB 1: one JSON document each

class NoRows final : public RowReceiver {
 public:
  void table(const std::string&, const std::map<std::string, std::string>&,
             const std::vector<std::string>&) override {}
  bool row(std::span<const AnswerCell>) override { return true; }
};

std::string write_precision(Api api, Precision precision) {
  switch (precision) {
    case Precision::ns:
      return api == Api::v3 ? "nanosecond" : "ns";
    case Precision::us:
      return api == Api::v3 ? "microsecond" : api == Api::v1 ? "u" : "us";
    case Precision::ms:
      return api == Api::v3 ? "millisecond" : "ms";
    case Precision::s:
      return api == Api::v3 ? "second" : "s";
  }
  return "ns";
}

std::string joined(std::string text, std::string_view with, const std::string& more) {
  return text.empty() ? more : text.append(with) + more;
}

// The parts of an InfluxQL statement that say what is selected: FROM … WHERE ….
std::string influxql_selection(const Selection& selection) {
  std::string measurement;
  std::string where =
      "time >= " + std::to_string(selection.start_ns) + " AND time < " + std::to_string(selection.stop_ns);
  for (const TagEquals& condition : selection.conditions) {
    if (condition.key == "_measurement") {
      measurement = condition.value;
    } else {
      where += " AND " + influxql_identifier(condition.key) + " = " + influxql_string(condition.value);
    }
  }
  return (measurement.empty() ? "/.*/" : influxql_identifier(measurement)) + " WHERE " + where;
}

// Each measurement has a row of counts, one a field: count_value, count_reason.
class Counts final : public RowReceiver {
 public:
  void table(const std::string&, const std::map<std::string, std::string>&,
             const std::vector<std::string>& columns) override {
    columns_ = columns;
  }
  bool row(std::span<const AnswerCell> cells) override {
    std::string measurement;
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (columns_[i] == "_measurement") measurement = cells[i].text;
      if (columns_[i] == "time" || cells[i].type != AnswerCell::Type::number) continue;
      std::uint64_t count = 0;
      std::from_chars(cells[i].text.data(), cells[i].text.data() + cells[i].text.size(), count);
      most = std::max(most, count);
    }
    if (measurement.empty()) {
      total_ += most;  // InfluxQL: all fields in one row
    } else {
      std::uint64_t& known = by_measurement_[measurement];  // Flux: a row a field
      known = std::max(known, most);
    }
    return true;
  }
  std::uint64_t total() const {
    std::uint64_t sum = total_;
    for (const auto& [measurement, count] : by_measurement_) sum += count;
    return sum;
  }

 private:
  std::vector<std::string> columns_;
  std::uint64_t total_ = 0;
  std::map<std::string, std::uint64_t> by_measurement_;
};

}  // namespace

std::string_view to_string(Language language) {
  switch (language) {
    case Language::flux:
      return "flux";
    case Language::influxql:
      return "influxql";
    case Language::sql:
      return "sql";
  }
  return "";
}

Language default_language(Api api) {
  return api == Api::v1 ? Language::influxql : api == Api::v2 ? Language::flux : Language::sql;
}

Outcome InfluxClient::write_data(std::string_view lines, Precision precision) {
  const InfluxSettings& settings = http_.settings();
  HttpRequest request{
      .method = "POST", .body = std::string(lines), .content_type = "text/plain; charset=utf-8"};
  const std::string unit = write_precision(settings.api, precision);
  switch (settings.api) {
    case Api::v1:
      request.path = "/write";
      request.query = {{"db", settings.database}, {"precision", unit}};
      if (!settings.retention_policy.empty()) request.query.emplace_back("rp", settings.retention_policy);
      break;
    case Api::v2:
      request.path = "/api/v2/write";
      request.query = {{"org", settings.org}, {"bucket", settings.bucket}, {"precision", unit}};
      break;
    case Api::v3:
      request.path = "/api/v3/write_lp";
      request.query = {{"db", settings.database}, {"precision", unit}, {"accept_partial", "true"}};
      break;
  }
  auto reply = http_.send(request);
  if (!reply) return Outcome{.kind = Outcome::Kind::retry_later, .message = reply.error().message};
  const Answer answer{
      .status = reply->status, .body = std::move(reply->body), .retry_after = reply->header("retry-after")};
  return judge(answer, settings, SystemClock().wall());
}

Result<void> InfluxClient::ask(const HttpRequest& request, AnswerDecoder& decoder) {
  const InfluxSettings& settings = http_.settings();
  const auto in_place = [&](const Error& error) {
    return Error{error.kind, settings.target + request.path + ": " + told(error.message, settings)};
  };
  std::optional<Error> wrong;
  bool ended = false;
  const auto reply = http_.send(request, [&](std::string_view bytes) {
    const auto more = decoder.feed(bytes);
    if (!more) wrong = more.error();
    ended = !more || !*more;
    return !ended;
  });
  if (wrong) return in_place(*wrong);
  if (!reply) return reply.error();
  if (reply->is_of_victoria_metrics()) {
    return Error{ErrorKind::config,
                 settings.target +
                     ": this is VictoriaMetrics: it takes lines, and answers neither InfluxQL nor "
                     "Flux nor SQL; ask its own /api/v1/query, or the log of this device"};
  }
  if (reply->status < 200 || reply->status >= 300) return refusal(*reply, request.path, settings);
  if (ended) return {};
  if (const auto whole = decoder.finish(); !whole) return in_place(whole.error());
  return {};
}

Result<void> InfluxClient::run_influxql(const std::string& statement, bool times_in_ns,
                                        RowReceiver& receiver) {
  const InfluxSettings& settings = http_.settings();
  HttpRequest request{.method = "POST",
                      .path = "/query",
                      .content_type = "application/x-www-form-urlencoded",
                      .accept = "application/json"};
  request.query = {{"db", settings.api == Api::v2 ? settings.bucket : settings.database},
                   {"chunked", "true"},
                   {"chunk_size", kChunkRows}};
  if (!settings.retention_policy.empty()) request.query.emplace_back("rp", settings.retention_policy);
  if (times_in_ns) request.query.emplace_back("epoch", "ns");
  request.body = "q=" + url_escaped(statement);
  const auto decoder = influxql_decoder(receiver);
  return ask(request, *decoder);
}

Result<void> InfluxClient::query_data(const Query& query, RowReceiver& receiver) {
  const InfluxSettings& settings = http_.settings();
  using Json = nlohmann::json;
  const auto dump = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  if (query.language == Language::influxql && settings.api != Api::v3) {
    return run_influxql(query.text, query.times_in_ns, receiver);
  }
  HttpRequest request{.method = "POST", .content_type = "application/json"};
  if (query.language == Language::flux && settings.api == Api::v2) {
    request.path = "/api/v2/query";
    request.query = {{"org", settings.org}};
    request.accept = "application/csv";
    request.body =
        dump({{"query", query.text},
              {"type", "flux"},
              {"dialect",
               {{"header", true}, {"delimiter", ","}, {"annotations", {"datatype", "group", "default"}}}}});
    const auto decoder = annotated_csv_decoder(receiver);
    return ask(request, *decoder);
  }
  if (query.language != Language::flux && settings.api == Api::v3) {
    request.path = query.language == Language::sql ? "/api/v3/query_sql" : "/api/v3/query_influxql";
    request.body = dump({{"db", settings.database}, {"q", query.text}, {"format", "jsonl"}});
    const auto decoder = json_lines_decoder(receiver);
    return ask(request, *decoder);
  }
  constexpr std::string_view kSpoken[] = {"InfluxQL", "Flux and InfluxQL", "SQL and InfluxQL"};
  return Error{ErrorKind::config, settings.target + ": a sink with api: v" +
                                      std::to_string(static_cast<int>(settings.api) + 1) + " is asked in " +
                                      std::string(kSpoken[static_cast<int>(settings.api)]) + ", not in " +
                                      std::string(to_string(query.language))};
}

Result<void> InfluxClient::delete_data(const Selection& selection) {
  const InfluxSettings& settings = http_.settings();
  if (settings.api == Api::v3) {
    return Error{ErrorKind::config,
                 settings.target +
                     ": InfluxDB 3 has no deletion of points; let the database's retention "
                     "period expire them"};
  }
  if (settings.api == Api::v1) {
    NoRows none;
    return run_influxql("DELETE FROM " + influxql_selection(selection), false, none);
  }
  // Both ends are included there.
  const nlohmann::json body = {{"start", rfc3339(selection.start_ns)},
                               {"stop", rfc3339(selection.stop_ns - 1)},
                               {"predicate", predicate_text(selection.conditions)}};
  HttpRequest request{.method = "POST",
                      .path = "/api/v2/delete",
                      .query = {{"org", settings.org}, {"bucket", settings.bucket}},
                      .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                      .content_type = "application/json"};
  const auto reply = http_.send(request);
  if (!reply) return reply.error();
  // 204 alone: another 2xx may be of something that is no InfluxDB.
  if (reply->status != 204) return refusal(*reply, request.path, settings);
  return {};
}

Result<std::uint64_t> InfluxClient::count_data(const Selection& selection) {
  const InfluxSettings& settings = http_.settings();
  Counts counts;
  Result<void> done;
  if (settings.api == Api::v1) {
    done = run_influxql("SELECT count(*) FROM " + influxql_selection(selection), true, counts);
  } else if (settings.api == Api::v2) {
    std::string filter;
    for (const TagEquals& condition : selection.conditions) {
      filter = joined(std::move(filter), " and ",
                      "r[" + flux_string(condition.key) + "] == " + flux_string(condition.value));
    }
    std::string flux = "from(bucket: " + flux_string(settings.bucket) +
                       ") |> range(start: " + rfc3339(selection.start_ns) +
                       ", stop: " + rfc3339(selection.stop_ns) + ")";
    if (!filter.empty()) flux += " |> filter(fn: (r) => " + filter + ")";
    // Fields of different types cannot be put into one table as they are.
    flux +=
        " |> map(fn: (r) => ({_measurement: r._measurement, _field: r._field, _value: 1}))"
        " |> group(columns: [\"_measurement\", \"_field\"]) |> count()";
    done = query_data({.text = flux, .language = Language::flux}, counts);
  } else {
    return Error{ErrorKind::config, settings.target + ": InfluxDB 3 has no deletion of points"};
  }
  if (!done) return done.error();
  return counts.total();
}

}  // namespace vigile::influx_sink
