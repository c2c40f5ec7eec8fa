// SPDX-License-Identifier: Apache-2.0
// A server's answer to a question, as it comes in pieces: the first byte says in which of three forms, the
// second how it is cut.
#include <vector>

#include "input.h"
#include "sinks/influx/answer_rows.h"
#include "targets.h"

namespace vigile {
namespace {

using namespace influx_sink;

// What a receiver was told, as text.
class Notes final : public RowReceiver {
 public:
  void table(const std::string& name, const std::map<std::string, std::string>& tags,
             const std::vector<std::string>& columns) override {
    text += "table " + name;
    for (const auto& [key, value] : tags) text += "," + key + "=" + value;
    for (const std::string& column : columns) text += "|" + column;
    text += '\n';
    columns_ = columns.size();
    begun_ = true;
  }
  bool row(std::span<const AnswerCell> cells) override {
    if (!begun_) fault = "a row before its table";
    if (cells.size() != columns_) fault = "a row that does not fit its table";
    text += "row";
    for (const AnswerCell& cell : cells) {
      if (cell.type == AnswerCell::Type::null && !cell.text.empty()) fault = "null that says something";
      text += "|" + std::to_string(static_cast<int>(cell.type)) + cell.text;
    }
    text += '\n';
    return ++rows_ < kMostRows;
  }
  std::string text;
  Fault fault;

 private:
  static constexpr int kMostRows = 40;
  bool begun_ = false;
  std::size_t columns_ = 0;
  int rows_ = 0;
};

std::unique_ptr<AnswerDecoder> make(int form, RowReceiver& receiver) {
  if (form == 0) return annotated_csv_decoder(receiver);
  if (form == 1) return influxql_decoder(receiver);
  return json_lines_decoder(receiver);
}

Fault read(int form, std::string_view text, std::size_t piece, std::string& notes) {
  Notes receiver;
  const auto decoder = make(form, receiver);
  Result<bool> more = true;
  while (!text.empty() && more && *more) {
    more = decoder->feed(text.substr(0, piece));
    text.remove_prefix(std::min(text.size(), piece));
  }
  if (!more) {
    receiver.text += "error " + more.error().message;
    if (more.error().message.size() > 600) return "a long error";
  } else if (*more) {
    const auto done = decoder->finish();
    if (!done) receiver.text += "error " + done.error().message;
  }
  notes = std::move(receiver.text);
  return receiver.fault;
}

}  // namespace

Fault query_answer_fault(std::string_view input) {
  Input in(input);
  const int form = in.byte() % 3;
  const std::size_t piece = std::size_t{in.byte()} % 61 + 1;
  std::string whole;
  std::string in_pieces;
  if (Fault fault = read(form, in.rest(), std::max<std::size_t>(in.rest().size(), 1), whole)) return fault;
  if (Fault fault = read(form, in.rest(), piece, in_pieces)) return fault;
  if (whole != in_pieces) return "in pieces it says something else";
  return std::nullopt;
}

}  // namespace vigile
