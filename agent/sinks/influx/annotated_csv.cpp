// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "sinks/influx/answer_rows.h"

namespace vigile::influx_sink {

namespace {

constexpr std::size_t kRecordBytes = std::size_t{16} << 20;

bool is_numeric(std::string_view datatype) {
  return datatype == "double" || datatype == "long" || datatype == "unsignedLong";
}

class AnnotatedCsv final : public AnswerDecoder {
 public:
  explicit AnnotatedCsv(RowReceiver& receiver) : receiver_(receiver) {}

  Result<bool> feed(std::string_view bytes) override {
    for (const char c : bytes) {
      if (++record_bytes_ > kRecordBytes) return Error{ErrorKind::full, "a record is larger than 16 MiB"};
      if (quoted_) {
        // A quote inside is doubled: one that is followed by another one.
        if (c == '"') {
          quoted_ = false;
          after_quote_ = true;
        } else {
          field_ += c;
        }
        continue;
      }
      if (c == '"') {
        if (after_quote_) field_ += '"';
        quoted_ = true;
        after_quote_ = false;
        continue;
      }
      after_quote_ = false;
      if (c == ',') {
        record_.push_back(std::move(field_));
        field_.clear();
      } else if (c == '\n') {
        auto more = end_record();
        if (!more || !*more) return more;
      } else if (c != '\r') {
        field_ += c;
      }
    }
    return true;
  }

  Result<void> finish() override {
    if (quoted_) return Error{ErrorKind::parse, "the answer breaks off within a record"};
    const auto more = end_record();
    return more ? Result<void>() : Result<void>(more.error());
  }

 private:
  Result<bool> end_record() {
    record_bytes_ = 0;
    record_.push_back(std::move(field_));
    field_.clear();
    std::vector<std::string> record;
    record.swap(record_);
    if (record.size() == 1 && record[0].empty()) {
      in_header_ = true;  // a blank line ends a table
      return true;
    }
    if (record[0].starts_with('#')) {
      if (!in_header_) {
        datatypes_.clear();
        defaults_.clear();
      }
      in_header_ = true;
      if (record[0] == "#datatype") {
        datatypes_ = std::move(record);
      } else if (record[0] == "#default") {
        defaults_ = std::move(record);
      }
      return true;
    }
    if (in_header_) return begin_table(std::move(record));
    return take_row(std::move(record));
  }

  Result<bool> begin_table(std::vector<std::string> header) {
    in_header_ = false;
    columns_.clear();
    indices_.clear();
    is_error_ = header.size() >= 3 && header[1] == "error" && header[2] == "reference";
    width_ = header.size();
    for (std::size_t i = 1; i < header.size(); ++i) {
      if (header[i] == "result" || header[i] == "table") continue;
      indices_.push_back(i);
      columns_.push_back(std::move(header[i]));
    }
    if (!is_error_) receiver_.table("", {}, columns_);
    return true;
  }

  Result<bool> take_row(std::vector<std::string> record) {
    if (record.size() != width_) return Error{ErrorKind::parse, "a record does not fit its header"};
    if (is_error_) return Error{ErrorKind::config, "the query failed: " + record[1].substr(0, 400)};
    cells_.assign(indices_.size(), {});
    for (std::size_t i = 0; i < indices_.size(); ++i) {
      const std::size_t at = indices_[i];
      std::string& text = record[at];
      if (text.empty() && at < defaults_.size()) text = defaults_[at];
      if (text.empty()) continue;
      const std::string_view datatype = at < datatypes_.size() ? datatypes_[at] : std::string_view();
      cells_[i].type = is_numeric(datatype)    ? AnswerCell::Type::number
                       : datatype == "boolean" ? AnswerCell::Type::boolean
                                               : AnswerCell::Type::text;
      cells_[i].text = std::move(text);
    }
    return receiver_.row(cells_);
  }

  RowReceiver& receiver_;
  bool quoted_ = false;
  bool after_quote_ = false;
  std::size_t record_bytes_ = 0;
  std::string field_;
  std::vector<std::string> record_;
  bool in_header_ = true;
  bool is_error_ = false;
  std::vector<std::string> datatypes_;
  std::vector<std::string> defaults_;
  std::size_t width_ = 0;
  std::vector<std::size_t> indices_;  // of the columns that are shown, in a record
  std::vector<std::string> columns_;
  std::vector<AnswerCell> cells_;
};

}  // namespace

std::unique_ptr<AnswerDecoder> annotated_csv_decoder(RowReceiver& receiver) {
  return std::make_unique<AnnotatedCsv>(receiver);
}

}  // namespace vigile::influx_sink
