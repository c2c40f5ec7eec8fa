// SPDX-License-Identifier: Apache-2.0
// What the tests of the InfluxDB client have in common.
#pragma once

#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "sinks/influx/client.h"
#include "sinks/sink_batch.h"
#include "support/fake_clock.h"

namespace vigile {

inline influx_sink::InfluxSettings influx_settings_of(const std::map<std::string, OptionValue>& written) {
  auto settings = influx_sink::read_settings(options_with_defaults(influx_sink::option_table(), written));
  if (!settings) throw std::runtime_error(settings.error().message);
  return *settings;
}

// "name|k=v|a=1,b=x": one text a row; null as "-".
class CollectedRows final : public influx_sink::RowReceiver {
 public:
  explicit CollectedRows(std::size_t most = 1'000'000) : most_(most) {}
  void table(const std::string& name, const std::map<std::string, std::string>& tags,
             const std::vector<std::string>& columns) override {
    head_ = name + "|";
    for (const auto& [key, value] : tags) head_ += key + "=" + value + ";";
    columns_ = columns;
    ++tables;
  }
  bool row(std::span<const influx_sink::AnswerCell> cells) override {
    std::string text = head_ + "|";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool null = cells[i].type == influx_sink::AnswerCell::Type::null;
      text += (i == 0 ? "" : ",") + columns_[i] + "=" + (null ? "-" : cells[i].text);
      types.push_back(cells[i].type);
    }
    rows.push_back(text);
    return rows.size() < most_;
  }
  std::vector<std::string> rows;
  std::vector<influx_sink::AnswerCell::Type> types;
  int tables = 0;

 private:
  const std::size_t most_;
  std::string head_;
  std::vector<std::string> columns_;
};

// "ok TCP connection", one a step.
struct CheckSteps {
  std::vector<CheckStep> steps;
  CheckReport report() {
    return [this](const CheckStep& step) { steps.push_back(step); };
  }
  std::vector<std::string> summary() const {
    std::vector<std::string> words;
    for (const CheckStep& step : steps) {
      words.push_back(std::string(step.kind == CheckStep::Kind::ok        ? "ok "
                                  : step.kind == CheckStep::Kind::warning ? "warning "
                                                                          : "failed ") +
                      step.name);
    }
    return words;
  }
  // Everything that was said.
  std::string text() const {
    std::string all;
    for (const CheckStep& step : steps) all += step.name + ": " + step.detail + " -> " + step.remedy + "\n";
    return all;
  }
};

}  // namespace vigile
