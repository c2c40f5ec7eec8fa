// SPDX-License-Identifier: Apache-2.0
#include "ctl/query_output.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/csv.h"
#include "ctl/json_access.h"
#include "ctl/table.h"
#include "ctl/text.h"

namespace vigile {

namespace {

using influx_sink::AnswerCell;
using Type = AnswerCell::Type;

constexpr std::size_t kTableRows = 1000;

// Rows widened by the name and the tags of their series.
class WideRows : public QueryOutput {
 public:
  explicit WideRows(const CommandContext& context) : context_(context) {}

  void table(const std::string& name, const std::map<std::string, std::string>& tags,
             const std::vector<std::string>& columns) override {
    std::vector<std::string> names;
    series_.clear();
    const auto is_column = [&](const std::string& title) {
      return std::find(columns.begin(), columns.end(), title) != columns.end();
    };
    if (!name.empty()) {
      names.push_back(is_column("name") ? "series" : "name");
      series_.push_back({Type::text, name});
    }
    for (const auto& [key, value] : tags) {
      if (is_column(key)) continue;
      names.push_back(key);
      series_.push_back({Type::text, value});
    }
    names.insert(names.end(), columns.begin(), columns.end());
    if (names == columns_) return;
    if (!columns_.empty()) leave();
    columns_ = std::move(names);
    enter();
  }
  bool row(std::span<const AnswerCell> cells) override {
    std::vector<AnswerCell> wide = series_;
    wide.insert(wide.end(), cells.begin(), cells.end());
    show(wide);
    return std::ferror(stdout) == 0;
  }

 protected:
  virtual void enter() {}
  virtual void leave() {}
  virtual void show(const std::vector<AnswerCell>& cells) = 0;

  const CommandContext& context_;
  std::vector<std::string> columns_;

 private:
  std::vector<AnswerCell> series_;
};

class TableOutput final : public WideRows {
 public:
  using WideRows::WideRows;
  void finish() override { leave(); }

 private:
  void leave() override {
    if (rows_ == 0) return;
    print_screen((printed_ ? "\n" : "") + table_->render(table_width(context_.style), context_.style.colour));
    printed_ = true;
    rows_ = 0;
    table_.reset();
  }
  void show(const std::vector<AnswerCell>& cells) override {
    if (!table_) {
      std::vector<Column> titles;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        titles.push_back({harmless(columns_[i]), cells[i].type == Type::number, true});
      }
      table_.emplace(std::move(titles));
    }
    std::vector<Cell> row;
    row.reserve(cells.size());
    for (const AnswerCell& cell : cells) {
      row.push_back(cell.type == Type::null ? Cell("-", Colour::dim) : Cell(harmless(cell.text)));
    }
    table_->add(std::move(row));
    if (++rows_ == kTableRows) leave();
  }
  std::optional<Table> table_;
  std::size_t rows_ = 0;
  bool printed_ = false;
};

class CsvOutput final : public WideRows {
 public:
  using WideRows::WideRows;
  void finish() override {}

 private:
  void enter() override { print_foreign(context_, csv_record(columns_)); }
  void leave() override { print_screen("\r\n"); }
  void show(const std::vector<AnswerCell>& cells) override {
    std::vector<std::string> fields;
    fields.reserve(cells.size());
    for (const AnswerCell& cell : cells) fields.push_back(cell.text);
    print_foreign(context_, csv_record(fields));
  }
};

class JsonOutput final : public WideRows {
 public:
  using WideRows::WideRows;
  void finish() override {}

 private:
  static std::string quoted(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  // Numbers go out digit for digit.
  static std::string value(const AnswerCell& cell) {
    if (cell.type == Type::null) return "null";
    const bool plain = cell.type != Type::text && Json::accept(cell.text);
    return plain ? cell.text : quoted(cell.text);
  }
  void show(const std::vector<AnswerCell>& cells) override {
    std::string object = "{";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      object += (i == 0 ? "" : ",") + quoted(columns_[i]) + ":" + value(cells[i]);
    }
    print_foreign(context_, object + "}\n");
  }
};

}  // namespace

std::unique_ptr<QueryOutput> table_output(const CommandContext& context) {
  return std::make_unique<TableOutput>(context);
}

std::unique_ptr<QueryOutput> csv_output(const CommandContext& context) {
  return std::make_unique<CsvOutput>(context);
}

std::unique_ptr<QueryOutput> json_output(const CommandContext& context) {
  return std::make_unique<JsonOutput>(context);
}

}  // namespace vigile
