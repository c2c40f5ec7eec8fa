// SPDX-License-Identifier: Apache-2.0
#include "drivers/exec/output.h"

namespace vigile::exec {

namespace {

constexpr std::size_t kLongestText = 500;
constexpr std::size_t kLongestLabel = 100;

struct Unit {
  std::string_view written;
  std::string_view base;
  double factor;
};
// KB to PB are of 1024, as the plugins that print them reckon. Bits and rates are not bytes: their unit is
// kept.
constexpr double kKilo = 1024;
constexpr Unit kUnits[] = {
    {"", "1", 1},
    {"c", "1", 1},
    {"%", "percent", 1},
    {"s", "s", 1},
    {"ms", "s", 1e-3},
    {"us", "s", 1e-6},
    {"\u00b5s", "s", 1e-6},  // micro sign
    {"\u03bcs", "s", 1e-6},  // Greek mu
    {"ns", "s", 1e-9},
    {"B", "bytes", 1},
    {"KB", "bytes", kKilo},
    {"kB", "bytes", kKilo},
    {"KiB", "bytes", kKilo},
    {"kiB", "bytes", kKilo},
    {"MB", "bytes", kKilo* kKilo},
    {"MiB", "bytes", kKilo* kKilo},
    {"GB", "bytes", kKilo* kKilo* kKilo},
    {"GiB", "bytes", kKilo* kKilo* kKilo},
    {"TB", "bytes", kKilo* kKilo* kKilo* kKilo},
    {"TiB", "bytes", kKilo* kKilo* kKilo* kKilo},
    {"PB", "bytes", kKilo* kKilo* kKilo* kKilo* kKilo},
    {"PiB", "bytes", kKilo* kKilo* kKilo* kKilo* kKilo},
    {"EB", "bytes", kKilo* kKilo* kKilo* kKilo* kKilo* kKilo},
    {"EiB", "bytes", kKilo* kKilo* kKilo* kKilo* kKilo* kKilo},
};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Without `thousands` a comma is a decimal sign, of plugins that print in their locale.
std::optional<double> take_figure(std::string_view& text, NumberFormat::Thousands thousands) {
  NumberFormat format{.thousands = thousands};
  if (thousands == NumberFormat::Thousands::none)
    format.decimal = text.find(',') == std::string_view::npos ? NumberFormat::Decimal::point
                                                              : NumberFormat::Decimal::comma;
  return take_number_text(text, format);
}

class FigureReader {
 public:
  FigureReader(std::string_view text, const PluginFormat& format, TextReport& report)
      : text_(text), format_(format), report_(report) {}

  void read(std::vector<PluginOutput::Figure>& figures) {
    for (;;) {
      text_ = trimmed(text_);
      if (text_.empty()) return;
      const std::string_view begin = text_;
      std::string label;
      if (!take_label(label)) return refuse(begin, "has no label=value");
      const std::string_view value = text_.substr(0, text_.find_first_of(" \t"));
      text_.remove_prefix(value.size());
      if (figures.size() >= kMostValues)
        return refuse(begin, "is one too many: at most " + std::to_string(kMostValues) + " are taken");
      add(label, value, figures);
    }
  }

 private:
  bool take_label(std::string& label) {
    if (text_.starts_with('\'')) {
      std::size_t at = 1;
      for (;; ++at) {
        if (at >= text_.size()) return false;
        if (text_[at] != '\'') {
          label += text_[at];
        } else if (at + 1 < text_.size() && text_[at + 1] == '\'') {
          label += text_[at++];
        } else {
          break;
        }
      }
      text_.remove_prefix(at + 1);
      if (!text_.starts_with('=')) return false;
      text_.remove_prefix(1);
      return true;
    }
    const std::size_t equals = text_.find('=');
    if (equals == std::string_view::npos || equals == 0) return false;
    label = trimmed(text_.substr(0, equals));
    text_.remove_prefix(equals + 1);
    return true;
  }

  void add(const std::string& label, std::string_view text, std::vector<PluginOutput::Figure>& figures) {
    if (label.empty() || label.size() > kLongestLabel) return refuse(label, "a label has 1 to 100 bytes");
    std::vector<std::string_view> parts;
    for (std::string_view rest = text;;) {
      const std::size_t end = rest.find(';');
      parts.push_back(rest.substr(0, end));
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    std::string_view value = parts[0];
    if (value == "U") return;
    const auto number = take_figure(value, format_.thousands);
    if (!number) return refuse(text, "of " + shown_text(label) + " is not a number with a unit");
    PluginOutput::Figure figure{label, *number, std::string(value), {}, {}, {}, {}};
    double factor = 1;
    for (const Unit& unit : kUnits) {
      if (unit.written != value) continue;
      figure.unit = unit.base;
      factor = unit.factor;
    }
    figure.value *= factor;
    std::optional<double>* const limits[] = {&figure.warn, &figure.crit, &figure.min, &figure.max};
    for (std::size_t i = 1; i < parts.size() && i <= 4; ++i) {
      std::string_view part = parts[i];
      const auto limit = take_figure(part, format_.thousands);
      if (limit && part.empty()) *limits[i - 1] = *limit * factor;  // "10:20" is a range, and is left out
    }
    figures.push_back(std::move(figure));
  }

  void refuse(std::string_view what, const std::string& why) {
    report_.refuse({ErrorKind::parse,
                    std::string(format_.place) + ": performance data: " + shown_text(what) + " " + why});
  }

  std::string_view text_;
  const PluginFormat& format_;
  TextReport& report_;
};

}  // namespace

PluginOutput parse_plugin_output(std::string_view text, const PluginFormat& format, TextReport& report) {
  PluginOutput output;
  bool in_figures = false;  // of long output: all lines after the second '|'
  for (bool first = true; !text.empty(); first = false) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t bar = line.find('|');
    if (first) {
      for (const char c : trimmed(line.substr(0, bar)).substr(0, kLongestText))
        output.text += static_cast<unsigned char>(c) < ' ' ? '?' : c;
    }
    if (in_figures) {
      FigureReader(line, format, report).read(output.figures);
    } else if (bar != std::string_view::npos) {
      FigureReader(line.substr(bar + 1), format, report).read(output.figures);
      in_figures = !first;
    }
  }
  return output;
}

}  // namespace vigile::exec
