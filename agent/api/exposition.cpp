// SPDX-License-Identifier: Apache-2.0
#include "api/exposition.h"

#include <array>
#include <charconv>
#include <cmath>

namespace vigile {

namespace {

void append_label_value(std::string_view value, std::string& out) {
  for (const char c : value) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
}

void append_number(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    std::array<char, 32> text{};
    const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), failed == std::errc{} ? end : text.data());
  }
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " ";
  text_ += help;
  text_ += "\n# TYPE " + name_ + " ";
  text_ += type;
  text_ += "\n";
}

void Exposition::sample(const Labels& labels, double value) {
  text_ += name_;
  char before = '{';
  for (const auto& [key, label] : labels) {
    text_ += before;
    text_ += key;
    text_ += "=\"";
    append_label_value(label, text_);
    text_ += '"';
    before = ',';
  }
  if (before == ',') text_ += '}';
  text_ += ' ';
  append_number(value, text_);
  text_ += '\n';
}

void Exposition::single(std::string_view name, std::string_view type, std::string_view help, double value) {
  family(name, type, help);
  sample({}, value);
}

}  // namespace vigile
