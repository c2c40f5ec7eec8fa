// SPDX-License-Identifier: Apache-2.0
// Rows of a server's answer on standard output, as they come. What an InfluxQL series is called and tagged
// stands in columns of its own.
#pragma once

#include <memory>

#include "ctl/commands.h"
#include "sinks/influx/answer_rows.h"

namespace vigile {

class QueryOutput : public influx_sink::RowReceiver {
 public:
  // At the end of the answer: prints what is held back.
  virtual void finish() = 0;
};

// Tables of at most 1,000 rows, each under its header; nothing else is held back.
std::unique_ptr<QueryOutput> table_output(const CommandContext& context);
// A header, and a blank line before each further one.
std::unique_ptr<QueryOutput> csv_output(const CommandContext& context);
// One object a row.
std::unique_ptr<QueryOutput> json_output(const CommandContext& context);

}  // namespace vigile
