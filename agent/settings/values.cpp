// SPDX-License-Identifier: Apache-2.0
#include "settings/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "core/nearest.h"
#include "core/units.h"
#include "settings/expansion.h"
#include "settings/secret.h"
#include "settings/slips.h"

namespace vigile {

namespace {

// A scalar with its variables replaced. What came from the environment may be anybody's secret: messages
// quote what the file says.
struct Scalar {
  std::string text;
  std::string shown;
  bool expanded = false;
};

std::string_view expected(OptionType type) {
  switch (type) {
    case OptionType::boolean:
      return "true or false";
    case OptionType::integer:
      return "a whole number";
    case OptionType::number:
      return "a number";
    case OptionType::text:
    case OptionType::choice:
      return "a text";
    case OptionType::duration:
      return "a duration like 500ms, 10s, 5m or 7d";
    case OptionType::size:
      return "a size like 512, 64KiB or 256MiB";
    case OptionType::list:
      return "a list like [a, b]";
    case OptionType::map:
      return "a map like {a: b}";
    case OptionType::rows:
      return "a list of entries, each begun with \"- \"";
  }
  return "something else";
}

std::string_view kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::scalar:
      return "a text";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
  }
  return "something else";
}

// Reads one option's value. Absent and failed are told apart: what failed has been reported.
class ValueReader {
 public:
  ValueReader(const OptionSpec& spec, ReadContext& context) : spec_(spec), context_(context) {}

  std::optional<OptionValue> read(const YamlEntry& entry) {
    if (spec_.secret && spec_.type == OptionType::text) {
      auto secret = read_secret(entry, failed_, context_);
      if (!secret) return std::nullopt;
      return *std::move(secret);
    }
    return read(entry.value);
  }
  bool failed() const { return failed_; }

 private:
  std::optional<OptionValue> read(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::null) return fail(node.spot, "has no value; expected " + what());
    if (spec_.type == OptionType::list) return read_list(node);
    if (spec_.type == OptionType::map) return read_map(node);
    if (spec_.type == OptionType::rows) return read_rows(node);
    const auto scalar = read_scalar(node, what());
    if (!scalar) return std::nullopt;
    return convert(node.spot, *scalar);
  }

  std::nullopt_t fail(Spot spot, const std::string& message) {
    context_.diagnostics.error(spot, std::string(spec_.name) + ": " + message);
    failed_ = true;
    return std::nullopt;
  }

  std::string what() const { return std::string(expected(spec_.type)); }

  // Nothing also when the value is empty once its variables are replaced.
  std::optional<Scalar> read_scalar(const YamlNode& node, const std::string& wanted) {
    if (node.kind != YamlNode::Kind::scalar) {
      return fail(node.spot, "expected " + wanted + ", not " + std::string(kind_name(node.kind)));
    }
    Scalar scalar{node.text, quote(node.text), false};
    if (context_.environment == nullptr) return scalar;
    auto text = expand(node.text, *context_.environment);
    if (!text) return fail(node.spot, text.error().message);
    scalar.expanded = *text != node.text;
    scalar.text = *std::move(text);
    if (scalar.expanded && scalar.text.empty()) return std::nullopt;
    return scalar;
  }

  std::optional<OptionValue> convert(Spot spot, const Scalar& scalar) {
    switch (spec_.type) {
      case OptionType::boolean:
        if (scalar.text == "true" || scalar.text == "false") return scalar.text == "true";
        return mistyped(spot, scalar);
      case OptionType::integer:
        return read_integer(spot, scalar);
      case OptionType::number:
        return read_number(spot, scalar);
      case OptionType::duration:
        return read_duration(spot, scalar);
      case OptionType::size:
        return read_size(spot, scalar);
      case OptionType::choice:
        return read_choice(spot, scalar);
      default:
        if (spec_.required && scalar.text.empty()) return fail(spot, "must not be empty");
        return scalar.text;
    }
  }

  std::nullopt_t mistyped(Spot spot, const Scalar& scalar) {
    const std::string_view is = scalar.expanded ? " stands for something that is not " : " is not ";
    const bool may_be_quoted = !spec_.secret && !scalar.expanded;
    return fail(spot, shown(scalar) + std::string(is) + what() +
                          (may_be_quoted ? slip_in_value(scalar.text) : std::string()));
  }

  // Options that are secret are never quoted.
  std::string shown(const Scalar& scalar) const { return spec_.secret ? "the value" : scalar.shown; }

  bool in_range(Spot spot, const Scalar& scalar, double value, const std::string& least,
                const std::string& most) {
    if (value < spec_.min) fail(spot, shown(scalar) + " is less than the least allowed, " + least);
    if (value > spec_.max) fail(spot, shown(scalar) + " is more than the most allowed, " + most);
    return value >= spec_.min && value <= spec_.max;
  }

  std::optional<OptionValue> read_integer(Spot spot, const Scalar& scalar) {
    // As manuals write them: decimal, or 0x10.
    std::string digits = scalar.text;
    const std::size_t sign = digits.starts_with('-') ? 1 : 0;
    const bool is_hex = digits.compare(sign, 2, "0x") == 0 || digits.compare(sign, 2, "0X") == 0;
    if (is_hex) digits.erase(sign, 2);
    std::int64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, value, is_hex ? 16 : 10);
    if (is_hex && digits.compare(sign, 1, "-") == 0) return mistyped(spot, scalar);
    if (parsed.ptr != end || parsed.ec == std::errc::invalid_argument) return mistyped(spot, scalar);
    if (parsed.ec != std::errc()) return fail(spot, shown(scalar) + " does not fit in 64 bits");
    if (!in_range(spot, scalar, static_cast<double>(value), format_number(spec_.min),
                  format_number(spec_.max))) {
      return std::nullopt;
    }
    return value;
  }

  std::optional<OptionValue> read_number(Spot spot, const Scalar& scalar) {
    double value = 0;
    const char* const end = scalar.text.data() + scalar.text.size();
    const auto parsed = std::from_chars(scalar.text.data(), end, value);
    if (parsed.ptr != end || parsed.ec != std::errc() || !std::isfinite(value)) return mistyped(spot, scalar);
    if (!in_range(spot, scalar, value, format_number(spec_.min), format_number(spec_.max))) {
      return std::nullopt;
    }
    return value;
  }

  std::optional<OptionValue> read_duration(Spot spot, const Scalar& scalar) {
    const auto value = parse_duration(scalar.text);
    if (!value) {
      const bool no_unit =
          !scalar.text.empty() && scalar.text.find_first_not_of("0123456789.") == std::string::npos;
      if (no_unit && !scalar.expanded) {
        return fail(spot, scalar.shown + " has no unit; write " + scalar.text + "s, " + scalar.text +
                              "m or the like");
      }
      if (scalar.text.starts_with('-')) return fail(spot, shown(scalar) + " is negative");
      return mistyped(spot, scalar);
    }
    const auto text = [](double seconds) {
      return format_duration(std::chrono::nanoseconds(std::llround(std::min(seconds, 9.2e9) * 1e9)));
    };
    const double seconds = std::chrono::duration<double>(*value).count();
    if (!in_range(spot, scalar, seconds, text(spec_.min), text(spec_.max))) return std::nullopt;
    return *value;
  }

  std::optional<OptionValue> read_size(Spot spot, const Scalar& scalar) {
    const auto value = parse_size(scalar.text);
    if (!value) return mistyped(spot, scalar);
    const auto text = [](double bytes) {
      return format_exact_size(static_cast<std::uint64_t>(std::max(bytes, 0.0)));
    };
    if (!in_range(spot, scalar, static_cast<double>(*value), text(spec_.min), text(spec_.max))) {
      return std::nullopt;
    }
    return *value;
  }

  std::optional<OptionValue> read_choice(Spot spot, const Scalar& scalar) {
    for (const std::string_view choice : spec_.choices) {
      if (choice == scalar.text) return scalar.text;
    }
    const std::string_view word = scalar.expanded ? std::string_view() : scalar.text;
    return fail(spot, shown(scalar) + " is not known" + suggestion(word, spec_.choices, "possible"));
  }

  std::optional<OptionValue> read_list(const YamlNode& node) {
    if (spec_.or_one && node.kind == YamlNode::Kind::scalar) {
      auto scalar = read_scalar(node, what());
      if (!scalar) return std::nullopt;
      return std::vector<std::string>{std::move(scalar->text)};
    }
    if (node.kind != YamlNode::Kind::list) {
      return fail(node.spot, "expected " + what() + ", not " + std::string(kind_name(node.kind)));
    }
    std::vector<std::string> list;
    for (const YamlNode& item : node.items) {
      if (auto scalar = read_scalar(item, "a text")) list.push_back(std::move(scalar->text));
    }
    if (failed_) return std::nullopt;
    return list;
  }

  std::optional<OptionValue> read_map(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::map) {
      return fail(node.spot, "expected " + what() + ", not " + std::string(kind_name(node.kind)));
    }
    const Section section(node, node.spot, spec_.name, context_);
    std::map<std::string, std::string> map;
    for (const YamlEntry* const entry : section.entries()) {
      if (spec_.secret) {
        if (auto secret = read_secret(*entry, failed_, context_)) map[entry->key.text] = *std::move(secret);
      } else if (auto scalar = read_scalar(entry->value, "a text")) {
        map[entry->key.text] = std::move(scalar->text);
      }
    }
    if (failed_) return std::nullopt;
    return map;
  }

  // What is wrong within a row is reported where it stands; the rows are then not used.
  std::optional<OptionValue> read_rows(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::list) {
      return fail(node.spot, "expected " + what() + ", not " + std::string(kind_name(node.kind)));
    }
    if (spec_.required && node.items.empty()) return fail(node.spot, "must not be empty");
    std::vector<Options> rows;
    for (const YamlNode& item : node.items) {
      const Section section(item, item.spot, spec_.name, context_);
      section.check_keys(names_of(spec_.columns), context_);
      rows.push_back(read_options(spec_.columns, section, context_));
    }
    return rows;
  }

  const OptionSpec& spec_;
  ReadContext& context_;
  bool failed_ = false;
};

}  // namespace

Section::Section(const YamlNode& node, Spot spot, std::string_view name, ReadContext& context) : spot_(spot) {
  if (node.kind == YamlNode::Kind::null) return;
  if (node.kind != YamlNode::Kind::map) {
    const std::string slip = node.kind == YamlNode::Kind::scalar ? slip_in_text(node.text) : std::string();
    context.diagnostics.error(node.spot, std::string(name) + ": expected keys and values, not " +
                                             std::string(kind_name(node.kind)) + slip);
    return;
  }
  std::map<std::string_view, Spot> seen;
  for (const YamlEntry& entry : node.entries) {
    if (entry.key.kind != YamlNode::Kind::scalar) {
      context.diagnostics.error(entry.key.spot, "a key must be a text");
      continue;
    }
    const auto [first, is_new] = seen.emplace(entry.key.text, entry.key.spot);
    if (is_new) {
      entries_.push_back(&entry);
    } else {
      context.diagnostics.error(entry.key.spot,
                                "duplicate key " + quote(entry.key.text) +
                                    context.diagnostics.already(first->second, entry.key.spot));
    }
  }
}

const YamlEntry* Section::find(std::string_view key) const {
  for (const YamlEntry* const entry : entries_) {
    if (entry->key.text == key) return entry;
  }
  return nullptr;
}

void Section::check_keys(std::span<const std::string_view> valid, ReadContext& context) const {
  const std::set<std::string_view> known(valid.begin(), valid.end());
  const YamlEntry* before = nullptr;
  for (const YamlEntry* const entry : entries_) {
    const YamlEntry* const last = std::exchange(before, entry);
    if (known.count(entry->key.text) > 0) continue;
    std::string slip = slip_in_key(entry->key.text, valid);
    // {above: 0,5} is two entries to YAML.
    if (last != nullptr && entry->value.kind == YamlNode::Kind::null)
      slip += slip_in_value(last->value.text + "," + entry->key.text);
    if (slip.empty()) slip = suggestion(entry->key.text, valid, "valid");
    context.diagnostics.error(entry->key.spot, "unknown key " + quote(entry->key.text) + slip);
  }
}

Options read_options(std::span<const OptionSpec> table, const Section& section, ReadContext& context) {
  Options options;
  for (const OptionSpec& spec : table) {
    ValueReader reader(spec, context);
    const YamlEntry* const entry = section.find(spec.name);
    std::optional<OptionValue> value;
    if (entry != nullptr) value = reader.read(*entry);
    if (!value && !reader.failed()) {
      if (spec.required) {
        const std::string name(spec.name);
        if (entry == nullptr)
          context.diagnostics.error(section.spot(), "required key \"" + name + "\" is missing");
        if (entry != nullptr)
          context.diagnostics.error(entry->value.spot, name + ": is required, and empty here");
      } else {
        value = default_value(spec);
      }
    }
    if (value) options.set(spec.name, *std::move(value));
  }
  return options;
}

std::optional<OptionValue> default_value(const OptionSpec& spec) {
  if (spec.fallback.empty()) return std::nullopt;
  Diagnostics diagnostics("default");
  ReadContext context{diagnostics};
  OptionSpec plain = spec;
  plain.secret = false;
  YamlEntry entry;
  entry.value.kind = YamlNode::Kind::scalar;
  entry.value.text = spec.fallback;
  if (spec.type == OptionType::list || spec.type == OptionType::map) {
    auto parsed = parse_yaml(spec.fallback);
    if (auto* const node = std::get_if<YamlNode>(&parsed)) entry.value = std::move(*node);
  }
  return ValueReader(plain, context).read(entry);
}

bool read_condition(const YamlEntry& entry, ReadContext& context) {
  const OptionSpec spec{.name = "when", .type = OptionType::text, .help = "", .fallback = ""};
  const auto value = ValueReader(spec, context).read(entry);
  const std::string* const text = value ? std::get_if<std::string>(&*value) : nullptr;
  return text != nullptr && !text->empty() && *text != "false";
}

std::vector<std::string_view> names_of(std::span<const OptionSpec> table) {
  std::vector<std::string_view> names;
  for (const OptionSpec& spec : table) names.push_back(spec.name);
  return names;
}

}  // namespace vigile
