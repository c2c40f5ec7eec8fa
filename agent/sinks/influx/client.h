// SPDX-License-Identifier: Apache-2.0
// What can be asked of the server of an influx sink, and told to it, apart from batches: InfluxDB 1, 2 and 3
// behind the same functions. With the sink's own settings: TLS, login, proxy. Blocks; one thread.
//
// Errors name the server without secrets: permission (login, certificates), not_found (database, bucket),
// config (the query is wrong), timeout, unavailable, parse, full.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/option.h"
#include "point/line_decode.h"
#include "sinks/check.h"
#include "sinks/influx/answer_rows.h"
#include "sinks/influx/http_client.h"
#include "sinks/influx/influx_settings.h"
#include "sinks/influx/predicate.h"
#include "sinks/sink.h"

namespace vigile::influx_sink {

enum class Language { flux, influxql, sql };
std::string_view to_string(Language language);
// What a server of that kind is asked in unless told otherwise: InfluxQL, Flux, SQL.
Language default_language(Api api);

struct Query {
  std::string text;
  Language language = Language::influxql;
  bool times_in_ns = false;  // InfluxQL of InfluxDB 1 and 2: `time` is a number, not RFC 3339
};

// Points with times in [start_ns, stop_ns) that meet all conditions.
struct Selection {
  std::int64_t start_ns = 0;
  std::int64_t stop_ns = 0;
  std::vector<TagEquals> conditions;
};

class InfluxClient {
 public:
  explicit InfluxClient(InfluxSettings settings) : http_(std::move(settings)) {}

  // Tries each step of what a sink needs, and reports it; stops where the next one makes no sense. Writes one
  // point, `vigile_check,device=<device> value=1i`, and removes it where the server can. True: no step
  // failed.
  bool test_connection(const Clock& clock, const std::string& device, const CheckReport& report);

  // One request; what came of it is said as of a batch.
  Outcome write_data(std::string_view lines, Precision precision);

  // Rows as they come. Errors also: config when the server does not speak that language.
  Result<void> query_data(const Query& query, RowReceiver& receiver);

  // Errors also: config for InfluxDB 3, which has no deletion.
  Result<void> delete_data(const Selection& selection);

  // How many points a selection holds, of all measurements: of each the fullest field counts.
  Result<std::uint64_t> count_data(const Selection& selection);

  const InfluxSettings& settings() const { return http_.settings(); }

 private:
  friend class ConnectionCheck;
  Result<void> run_influxql(const std::string& statement, bool times_in_ns, RowReceiver& receiver);
  Result<void> ask(const HttpRequest& request, AnswerDecoder& decoder);

  HttpClient http_;
};

}  // namespace vigile::influx_sink
