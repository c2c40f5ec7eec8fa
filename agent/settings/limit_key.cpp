// SPDX-License-Identifier: Apache-2.0
#include "settings/limit_key.h"

namespace vigile {

namespace {

Error malformed(const char* expected) {
  return Error{ErrorKind::config, std::string("expected ") + expected + ", as in disk_usage{mount=/data}"};
}

}  // namespace

Result<LimitKey> parse_limit_key(std::string_view text) {
  const std::size_t open = text.find('{');
  LimitKey key{std::string(text.substr(0, open)), {}};
  if (key.metric.empty()) return malformed("the name of a metric");
  if (open == std::string_view::npos) return key;
  std::size_t at = open + 1;
  while (true) {
    const std::size_t equals = text.find('=', at);
    if (equals == std::string_view::npos || equals == at) return malformed("tags within the braces");
    const std::string tag(text.substr(at, equals - at));
    std::string value;
    for (at = equals + 1; at < text.size() && text[at] != ',' && text[at] != '}'; ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      value += text[at];
    }
    if (value.empty()) return malformed("a value for each tag");
    if (!key.tags.emplace(tag, value).second) return malformed("each tag once");
    if (at == text.size()) return malformed("a closing brace");
    if (text[at++] == ',') continue;
    if (at != text.size()) return malformed("nothing behind the closing brace");
    return key;
  }
}

std::string format_limit_key(std::string_view metric, const std::map<std::string, std::string>& tags) {
  std::string text(metric);
  char separator = '{';
  for (const auto& [tag, value] : tags) {
    text += separator + tag + "=";
    for (const char c : value) {
      if (c == ',' || c == '}' || c == '\\') text += '\\';
      text += c;
    }
    separator = ',';
  }
  return tags.empty() ? text : text + "}";
}

}  // namespace vigile
