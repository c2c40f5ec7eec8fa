// SPDX-License-Identifier: Apache-2.0
// Answers to queries, read as they come: rows of text and numbers, whatever the language. Of an answer no
// more than one piece is in memory: one record of CSV, one line of JSON.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vigile::influx_sink {

struct AnswerCell {
  enum class Type { null, text, number, boolean };
  Type type = Type::null;
  std::string text = {};  // numbers as the server wrote them
};

class RowReceiver {
 public:
  virtual ~RowReceiver() = default;
  // The rows that follow have these columns; before the first row, and whenever something changes. `name` and
  // `tags` are of an InfluxQL series, empty otherwise.
  virtual void table(const std::string& name, const std::map<std::string, std::string>& tags,
                     const std::vector<std::string>& columns) = 0;
  // As many cells as columns. False: no more, please.
  virtual bool row(std::span<const AnswerCell> cells) = 0;
};

class AnswerDecoder {
 public:
  virtual ~AnswerDecoder() = default;
  // The next bytes. False: the receiver wants no more. Errors: parse (this is no such answer), full (a piece
  // is larger than 16 MiB), config (the server says in its answer that the query failed).
  virtual Result<bool> feed(std::string_view bytes) = 0;
  // The answer has ended. Errors: as above.
  virtual Result<void> finish() = 0;
};

// Annotated CSV of Flux (https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/). The
// columns `result` and `table` are left out.
std::unique_ptr<AnswerDecoder> annotated_csv_decoder(RowReceiver& receiver);
// One JSON document a line, as InfluxDB 1 answers with chunked=true.
std::unique_ptr<AnswerDecoder> influxql_decoder(RowReceiver& receiver);
// One object a line, as InfluxDB 3 answers with format=jsonl. It leaves out what is null: columns that show
// up later make a new table, with those before.
std::unique_ptr<AnswerDecoder> json_lines_decoder(RowReceiver& receiver);

}  // namespace vigile::influx_sink
