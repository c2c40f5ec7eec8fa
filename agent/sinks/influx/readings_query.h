// SPDX-License-Identifier: Apache-2.0
// The questions of InfluxReadings in each server's language. Pure, but for the schema that SQL needs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "sinks/influx/client.h"

namespace vigile::influx_sink {

struct ReadingsQuery {
  std::string measurement;
  std::vector<std::string> fields;  // wanted; those that the server does not know are left out
  std::vector<std::string> tags;    // wanted; empty: all
  // Tag and the values it may have; a tag without values is no condition.
  std::vector<std::pair<std::string, std::vector<std::string>>> conditions;
  std::int64_t from_ns = 0;  // included
  std::int64_t to_ns = 0;    // not
  bool latest = false;       // only the last row, or some more
};

// One row of an answer, whatever the language. With Flux a row has one field, and the other fields of the
// point come in rows of their own.
struct ReadingsRow {
  std::int64_t time_ns = 0;
  std::vector<std::pair<std::string, std::string>> tags;   // sorted by key; without empty ones
  std::vector<std::pair<std::string, AnswerCell>> fields;  // without null ones
  bool same_tags = false;                                  // as the row before
  const std::string& tag(std::string_view key) const;      // "" when absent
};

// Calls `use` with each row, in no promised order, until it returns false. A measurement that the server does
// not have has no rows.
Result<void> run_readings_query(InfluxClient& client, const ReadingsQuery& query,
                                const std::function<bool(const ReadingsRow&)>& use);

}  // namespace vigile::influx_sink
