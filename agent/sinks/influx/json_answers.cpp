// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "sinks/influx/answer_rows.h"

namespace vigile::influx_sink {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLineBytes = std::size_t{16} << 20;

AnswerCell cell_of(const Json& value) {
  using Type = AnswerCell::Type;
  if (value.is_null()) return {};
  if (value.is_string()) return {Type::text, value.get<std::string>()};
  if (value.is_boolean()) return {Type::boolean, value.get<bool>() ? "true" : "false"};
  return {value.is_number() ? Type::number : Type::text,
          value.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

class JsonLines : public AnswerDecoder {
 public:
  Result<bool> feed(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      line_.append(bytes.substr(0, end));
      if (line_.size() > kLineBytes) return Error{ErrorKind::full, "a piece is larger than 16 MiB"};
      if (end == std::string_view::npos) return true;
      bytes.remove_prefix(end + 1);
      auto more = end_line();
      if (!more || !*more) return more;
    }
    return true;
  }
  Result<void> finish() override {
    const auto more = end_line();
    return more ? Result<void>() : Result<void>(more.error());
  }

 protected:
  virtual Result<bool> take(const Json& document) = 0;

 private:
  Result<bool> end_line() {
    std::string line;
    line.swap(line_);
    if (line.find_first_not_of(" \r\t") == std::string::npos) return true;
    const Json document = Json::parse(line, nullptr, false);
    if (!document.is_object()) return Error{ErrorKind::parse, "the answer is not the JSON that was expected"};
    return take(document);
  }
  std::string line_;
};

class InfluxqlAnswer final : public JsonLines {
 public:
  explicit InfluxqlAnswer(RowReceiver& receiver) : receiver_(receiver) {}

 private:
  static const Json& at(const Json& object, const char* key) {
    static const Json kNull;
    const auto found = object.find(key);
    return found == object.end() ? kNull : *found;
  }
  static Result<void> check(const Json& object) {
    const Json& error = at(object, "error");
    if (!error.is_string()) return {};
    return Error{ErrorKind::config, "the query failed: " + error.get<std::string>().substr(0, 400)};
  }

  Result<bool> take(const Json& document) override {
    if (const auto fine = check(document); !fine) return fine.error();
    for (const Json& result : at(document, "results")) {
      if (!result.is_object()) continue;
      if (const auto fine = check(result); !fine) return fine.error();
      for (const Json& series : at(result, "series")) {
        if (!series.is_object()) continue;
        auto more = take_series(series);
        if (!more || !*more) return more;
      }
    }
    return true;
  }

  Result<bool> take_series(const Json& series) {
    std::string name = at(series, "name").is_string() ? at(series, "name").get<std::string>() : "";
    std::map<std::string, std::string> tags;
    if (at(series, "tags").is_object()) {
      for (const auto& [key, value] : at(series, "tags").items()) tags[key] = cell_of(value).text;
    }
    std::vector<std::string> columns;
    for (const Json& column : at(series, "columns")) columns.push_back(cell_of(column).text);
    // A series goes on in the next chunk.
    if (!begun_ || name != name_ || tags != tags_ || columns != columns_) {
      begun_ = true;
      name_ = std::move(name);
      tags_ = std::move(tags);
      columns_ = std::move(columns);
      receiver_.table(name_, tags_, columns_);
    }
    for (const Json& row : at(series, "values")) {
      if (!row.is_array() || row.size() != columns_.size()) {
        return Error{ErrorKind::parse, "a row does not fit its columns"};
      }
      cells_.clear();
      for (const Json& value : row) cells_.push_back(cell_of(value));
      if (!receiver_.row(cells_)) return false;
    }
    return true;
  }

  RowReceiver& receiver_;
  bool begun_ = false;
  std::string name_;
  std::map<std::string, std::string> tags_;
  std::vector<std::string> columns_;
  std::vector<AnswerCell> cells_;
};

class ObjectLines final : public JsonLines {
 public:
  explicit ObjectLines(RowReceiver& receiver) : receiver_(receiver) {}

 private:
  Result<bool> take(const Json& object) override {
    if (object.empty() && columns_.empty()) return true;  // a row of nulls, before any column is known
    cells_.assign(columns_.size(), {});
    bool grown = false;
    for (const auto& [key, value] : object.items()) {
      auto found = indices_.find(key);
      if (found == indices_.end()) {
        found = indices_.emplace(key, columns_.size()).first;
        columns_.push_back(key);
        cells_.emplace_back();
        grown = true;
      }
      cells_[found->second] = cell_of(value);
    }
    if (grown) receiver_.table("", {}, columns_);
    return receiver_.row(cells_);
  }

  RowReceiver& receiver_;
  std::map<std::string, std::size_t, std::less<>> indices_;
  std::vector<std::string> columns_;
  std::vector<AnswerCell> cells_;
};

}  // namespace

std::unique_ptr<AnswerDecoder> influxql_decoder(RowReceiver& receiver) {
  return std::make_unique<InfluxqlAnswer>(receiver);
}

std::unique_ptr<AnswerDecoder> json_lines_decoder(RowReceiver& receiver) {
  return std::make_unique<ObjectLines>(receiver);
}

}  // namespace vigile::influx_sink
