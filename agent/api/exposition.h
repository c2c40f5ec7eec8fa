// SPDX-License-Identifier: Apache-2.0
// Prometheus text exposition format 0.0.4 (prometheus.io, "Exposition formats").
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace vigile {

// Builds one page: a family at a time, all of its samples after its header. Bytes that are not UTF-8 become
// '?' in label values.
class Exposition {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // `type` is "gauge" or "counter"; a counter's name ends in _total.
  void family(std::string_view name, std::string_view type, std::string_view help);
  // Of the family begun last.
  void sample(const Labels& labels, double value);
  // A family of one sample without labels.
  void single(std::string_view name, std::string_view type, std::string_view help, double value);

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

}  // namespace vigile
