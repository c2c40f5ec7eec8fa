// SPDX-License-Identifier: Apache-2.0
// YAML text as a tree of places and texts: nothing is typed, nothing is merged, duplicate keys stay.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vigile {

// A place in the text, from 1; columns count characters (code points), not bytes.
struct Spot {
  int line = 0;
  int column = 0;
  int file = 0;  // which, where settings come from several
  auto operator<=>(const Spot&) const = default;
};

struct YamlEntry;

struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  Spot spot;  // of a missing value: its key's
  std::string text;
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;  // in file order
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

struct YamlError {
  Spot spot;  // 0:0 when it is about the whole text
  std::string message;
};

// Reads one document; an empty one is null. The first error ends it: syntax, text that is not UTF-8, a quote
// that is never closed, tags, a second document, nesting past 32 levels, more than 100,000 values (aliases
// count for what they stand for). Never quotes the text: what stands there may be a secret.
std::variant<YamlNode, YamlError> parse_yaml(std::string_view text);

}  // namespace vigile
