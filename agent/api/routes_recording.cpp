// SPDX-License-Identifier: Apache-2.0
// What others record of an equipment. Each answer comes after the commit.
#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>

#include "api/equipment_answers.h"
#include "api/equipment_json.h"
#include "api/json_body.h"
#include "api/json_text.h"
#include "api/routes.h"
#include "point/line_decode.h"

namespace vigile {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBodyBytes = std::size_t{256} << 10;

// What is wrong with the request is 400 and 404; everything else is that it cannot be committed now.
Error not_committed(const Error& error) {
  const bool of_the_request =
      error.kind == ErrorKind::not_found || error.kind == ErrorKind::config || error.kind == ErrorKind::parse;
  return of_the_request ? error : Error{ErrorKind::unavailable, "not recorded: " + error.message};
}

Result<std::vector<std::pair<std::string, FieldValue>>> read_fields(const Json& object,
                                                                    const std::string& place) {
  std::vector<std::pair<std::string, FieldValue>> fields;
  for (const auto& item : object.items()) {
    const Json& value = item.value();
    if (value.is_boolean()) {
      fields.emplace_back(item.key(), value.get<bool>());
    } else if (value.is_string()) {
      fields.emplace_back(item.key(), value.get<std::string>());
    } else if (value.is_number()) {
      // Always a float: a whole number now and a broken one later would be two types of one field.
      fields.emplace_back(item.key(), value.get<double>());
    } else {
      return Error{ErrorKind::parse, place + item.key().substr(0, 60) +
                                         ": expected a number, a string, true or false, not " +
                                         std::string(json_type(value))};
    }
  }
  return fields;
}

std::map<std::string, std::string> read_tags(BodyObject& body) {
  std::map<std::string, std::string> read;
  const Json* const tags = body.object("tags");
  if (tags == nullptr) return read;
  for (const auto& item : tags->items()) {
    if (!item.value().is_string()) {
      body.fail("tags." + item.key().substr(0, 60),
                "expected a string, not " + std::string(json_type(item.value())));
      break;
    }
    read[item.key()] = item.value().get<std::string>();
  }
  return read;
}

Result<RecordedMetric> read_metric(const Json& value, const std::string& place) {
  BodyObject body(value, place, {"metric_name", "metric_type", "value", "tags", "additional_fields", "time"});
  RecordedMetric metric;
  if (body.has("metric_name") && body.has("metric_type")) {
    body.fail("metric_type", "expected metric_name or metric_type, not both");
  }
  metric.metric = body.required_text(body.has("metric_type") ? "metric_type" : "metric_name");
  if (!body.error() && metric.metric.empty()) body.fail("metric_name", "expected a name, not \"\"");
  metric.value = body.required_number("value");
  metric.time_ns = body.time_ns("time");
  metric.tags = read_tags(body);
  const Json* fields = body.object("additional_fields");
  if (body.error()) return *body.error();
  if (fields != nullptr) {
    auto read = read_fields(*fields, place + "additional_fields.");
    if (!read) return read.error();
    metric.additional_fields = std::move(*read);
  }
  return metric;
}

Result<Response> record_json(EquipmentService& service, const std::string& id, const std::string& text) {
  const auto body = parse_body(text);
  if (!body) return body.error();
  std::vector<RecordedMetric> metrics;
  if (body->is_array()) {
    if (body->empty()) return Error{ErrorKind::parse, "body: expected at least one metric"};
    for (std::size_t i = 0; i < body->size(); ++i) {
      auto metric = read_metric((*body)[i], "[" + std::to_string(i) + "].");
      if (!metric) return metric.error();
      metrics.push_back(std::move(*metric));
    }
  } else {
    auto metric = read_metric(*body, "");
    if (!metric) return metric.error();
    metrics.push_back(std::move(*metric));
  }
  if (const auto recorded = service.record_metrics(id, metrics); !recorded) {
    return not_committed(recorded.error());
  }
  return json_response({{"equipment_id", id}, {"recorded", metrics.size()}});
}

Result<Response> record_lines(EquipmentService& service, const std::string& id, const std::string& text,
                              Precision precision) {
  std::vector<Point> points;
  LineDecoder decoder(text, precision, false, LineDecoder::Rules::recordable);
  for (;;) {
    const auto step = decoder.next();
    if (step == LineDecoder::Step::end) break;
    if (step == LineDecoder::Step::error) {
      const LineError& error = decoder.error();
      return Error{ErrorKind::parse, "line " + std::to_string(error.line) + ", column " +
                                         std::to_string(error.column) + ": expected " + error.expected +
                                         "; nothing is recorded"};
    }
    auto point = to_point(decoder.view());
    if (!point) {
      return Error{ErrorKind::parse, "line " + std::to_string(decoder.lines_passed()) + ": " +
                                         point.error().message + "; nothing is recorded"};
    }
    points.push_back(std::move(*point));
  }
  if (points.empty()) return Error{ErrorKind::parse, "body: expected at least one line"};
  const auto recorded = service.record_points(id, std::move(points));
  if (!recorded) return not_committed(recorded.error());
  return json_response({{"equipment_id", id}, {"recorded", *recorded}});
}

bool is_plain_text(std::string_view content_type) {
  constexpr std::string_view kPlain = "text/plain";
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return std::equal(content_type.begin(), content_type.end(), kPlain.begin(), kPlain.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

Result<Response> record_metrics(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  const bool plain = is_plain_text(request.content_type);
  const auto precision = parse_precision(request.query_value("precision").value_or("ns"));
  if (!precision) return precision.error();
  return plain ? record_lines(service, equipment->id, request.body, *precision)
               : record_json(service, equipment->id, request.body);
}

Result<Response> record_availability(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  const auto json = parse_body(request.body);
  if (!json) return json.error();
  BodyObject body(*json, "", {"is_available", "response_time", "reason"});
  const bool is_available = body.required_boolean("is_available");
  const auto response_time = body.number("response_time");
  if (response_time && *response_time < 0) body.fail("response_time", "expected milliseconds, 0 or more");
  const std::string reason = body.text("reason").value_or("");
  if (body.error()) return *body.error();
  const auto recorded = service.record_availability(equipment->id, is_available, response_time, reason);
  if (!recorded) return not_committed(recorded.error());
  return json_response({{"equipment_id", equipment->id},
                        {"is_available", is_available},
                        {"response_time", figure(response_time)},
                        {"reason", reason}});
}

Result<Response> record_performance(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  const auto json = parse_body(request.body);
  if (!json) return json.error();
  BodyObject body(*json, "", {"cpu_usage", "memory_usage", "response_time"});
  const auto cpu = body.number("cpu_usage");
  const auto memory = body.number("memory_usage");
  const auto response_time = body.number("response_time");
  if (body.error()) return *body.error();
  if (!cpu && !memory && !response_time) {
    return Error{ErrorKind::parse, "body: expected cpu_usage, memory_usage or response_time, or several"};
  }
  const auto recorded = service.record_performance(equipment->id, cpu, memory, response_time);
  if (!recorded) return not_committed(recorded.error());
  return json_response({{"equipment_id", equipment->id},
                        {"cpu_usage", figure(cpu)},
                        {"memory_usage", figure(memory)},
                        {"response_time", figure(response_time)}});
}

Result<Response> record_status(EquipmentService& service, const Request& request) {
  const auto equipment = find_equipment(service, request);
  if (!equipment) return equipment.error();
  const auto json = parse_body(request.body);
  if (!json) return json.error();
  BodyObject body(*json, "", {"status", "reason", "until", "time", "tags"});
  const std::string text = body.required_text("status");
  const auto status = parse_status(text);
  if (!status)
    body.fail("status", "expected online (or operational), warning, offline, maintenance or unknown");
  const std::string reason = body.text("reason").value_or("");
  const auto until = body.time_ns("until");
  if (until && status != Status::maintenance) body.fail("until", "expected only with the status maintenance");
  if (until && *until <= service.now_ns()) body.fail("until", "expected a time to come");
  const auto time = body.time_ns("time");
  if (time && until) body.fail("until", "expected either time, of a change of the past, or until");
  const auto tags = body.has("tags") ? read_tags(body) : std::map<std::string, std::string>();
  if (!time && !tags.empty()) body.fail("tags", "expected only with time, of a change of the past");
  if (body.error()) return *body.error();
  const auto state = time ? service.record_past_status(equipment->id, *status, reason, *time, tags)
                          : service.record_status_change(equipment->id, *status, reason, until);
  if (!state) return not_committed(state.error());
  return json_response({{"equipment_id", equipment->id}, {"equipment", state_json(*state)}});
}

}  // namespace

void add_recording_routes(Router& router, AgentView& agent) {
  const auto post = [&](std::string_view pattern,
                        Result<Response> (*handler)(EquipmentService&, const Request&),
                        std::vector<std::string> query) {
    router.add("POST", pattern, answered([&agent, handler](const Request& request) {
                 return handler(agent.equipment(), request);
               }),
               {.query = std::move(query), .max_body_bytes = kBodyBytes, .slow = true});
  };
  post("/api/equipment/{id}/metrics/", &record_metrics, {"precision"});
  post("/api/equipment/{id}/availability/", &record_availability, {});
  post("/api/equipment/{id}/performance/", &record_performance, {});
  post("/api/equipment/{id}/status/", &record_status, {});
}

}  // namespace vigile
