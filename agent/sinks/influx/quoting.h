// SPDX-License-Identifier: Apache-2.0
// Words of users as identifiers and literals of query languages: whatever stands in them, they stay one
// identifier or one literal. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vigile::influx_sink {

// A NUL, which no language can take, is left out.
std::string influxql_identifier(std::string_view name);  // "cpu \"x\""
std::string influxql_string(std::string_view text);      // 'it\'s'
std::string flux_string(std::string_view text);          // "a \"b\" \${c}"
std::string sql_identifier(std::string_view name);       // "a ""b"""
std::string sql_string(std::string_view text);           // 'it''s'

// A time as all three servers read it: "2026-11-25T04:00:00.123456789Z".
std::string rfc3339(std::int64_t time_ns);

}  // namespace vigile::influx_sink
