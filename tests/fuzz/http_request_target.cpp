// SPDX-License-Identifier: Apache-2.0
// A request to the status socket, past the HTTP library: "<method> <uri>\n<content type>\n<body>". The agent
// and its equipment are the fakes of tests/api.
#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/bearer.h"
#include "api/fake_agent.h"
#include "api/routes.h"
#include "api/slow_work.h"
#include "input.h"
#include "targets.h"

namespace vigile {
namespace {

constexpr std::size_t kMostBytes = 512 << 10;
// 500 is not among them: nothing here fails by itself.
constexpr std::array kStatuses = {200, 201, 202, 204, 400, 404, 405, 409, 413, 415, 422, 503, 507};

FakeAgent& agent() {
  static FakeAgent fake;
  static const bool made = [] {
    fake.agent_status = example_status();
    fake.fake_log.log_status = fake.agent_status.log;
    DriverDescription description;
    description.name = "cpu";
    description.summary = "Processors";
    fake.descriptions = {description};
    fake.fake_equipment.report = example_report();
    fake.fake_equipment.stats = example_stats();
    fake.fake_equipment.history = example_history();
    fake.fake_equipment.page.rows = {{kFakeNow, "cpu_usage", 12.5, {{"core", "0"}}},
                                     {kFakeNow + 1, "\xff,\"", std::numeric_limits<double>::infinity(), {}},
                                     {INT64_MIN, "", -0.0, {}}};
    fake.fake_equipment.states.back().reason = "\xff\n\"";
    return true;
  }();
  static_cast<void>(made);
  fake.fake_equipment.forget_asked();
  fake.fake_log.letters = {{1, "central", 1793491200'000000000, "m v=1 1", "partial write"},
                           {2, "gone", 1793491200'000000000, "m v=\"\xff\" 1", "unable to parse"}};
  fake.fake_log.log_status.sinks = {{"central", true, 12, 120, 1793491192'000000000},
                                    {"gone", false, 1, 2, std::nullopt}};
  return fake;
}

const Router& routes() {
  static const Router router = [] {
    Router made;
    add_routes(made, agent(), 4096);
    return made;
  }();
  return router;
}

// What MhdServer does with a request once it is there.
Response answer(std::string_view method, std::string_view uri, std::string_view content_type,
                std::string_view body) {
  Router::Match match = routes().find(method, uri);
  if (match.route == nullptr) return std::move(match.refusal);
  if (body.size() > match.route->options.max_body_bytes) return error_response(413, "the body is too large");
  match.request.content_type = content_type;
  match.request.body = body;
  return call_handler(*match.route, match.request);
}

Fault stream_fault(const Response& response) {
  const auto stream = response.open_stream([] {});
  if (!stream) return "no stream";
  agent().commit("m,equipment_id=1 v=1 1\nm,equipment_id=cam\\ 2 v=2 2\nm v=\"\xff\"\n");
  char buffer[512];
  for (int i = 0; i < 100; ++i) {
    const std::size_t size = stream->read(buffer, sizeof buffer);
    if (size > sizeof buffer) return "a stream that overruns";
    if (size == 0) return std::nullopt;
  }
  return "a stream that does not rest";
}

Fault response_fault(const Response& response) {
  if (std::find(kStatuses.begin(), kStatuses.end(), response.status) == kStatuses.end())
    return "status " + std::to_string(response.status) + ": " + response.body;
  if (response.body.size() > kMostBytes)
    return "an answer of " + std::to_string(response.body.size()) + " bytes";
  for (const auto& [name, value] : response.headers) {
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return "a header of two lines";
  }
  if (response.open_stream) return stream_fault(response);
  if (response.content_type == "application/json") {
    const auto json = nlohmann::json::parse(response.body, nullptr, false);
    if (json.is_discarded()) return "an answer that is no JSON: " + response.body;
    if (response.status >= 400 && !(json.is_object() && json.contains("error")) && response.status != 503)
      return "an error without its message: " + response.body;
  }
  return std::nullopt;
}

}  // namespace

Fault http_request_fault(std::string_view input) {
  Input in(input);
  Input line(in.until('\n'));
  const std::string_view method = line.until(' ');
  const std::string_view uri = line.rest();
  const std::string_view content_type = in.until('\n');
  const Response response = answer(method, uri, content_type, in.rest());
  static_cast<void>(agent());  // what was cleared is there again
  if (bearer_fits(content_type, "the-token-of-the-test") &&
      content_type.find("the-token-of-the-test") == std::string_view::npos)
    return "a token that fits without being there";
  return response_fault(response);
}

}  // namespace vigile
