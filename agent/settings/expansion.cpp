// SPDX-License-Identifier: Apache-2.0
#include "settings/expansion.h"

#include <cstdlib>
#include <optional>

namespace vigile {

namespace {

constexpr std::size_t kLongest = std::size_t{64} << 10;
constexpr int kDeepestDefault = 8;

bool begins_name(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool continues_name(char c) {
  return begins_name(c) || (c >= '0' && c <= '9');
}

Error wrong(std::string message) {
  return Error{ErrorKind::config, std::move(message)};
}

// Finds the } that ends a default whose text begins at `from`, past those of variables inside it.
std::optional<std::size_t> closing_brace(std::string_view text, std::size_t from) {
  int inside = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size() && (text[i + 1] == '$' || text[i + 1] == '{')) {
      if (text[i + 1] == '{') ++inside;
      ++i;
    } else if (text[i] == '}' && inside-- == 0) {
      return i;
    }
  }
  return std::nullopt;
}

Result<void> expand_into(std::string_view text, const EnvironmentLookup& environment, int depth,
                         std::string& out) {
  if (depth > kDeepestDefault) return wrong("too many variables inside each other's defaults");
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (out.size() > kLongest) return wrong("longer than 64 KiB with its variables");
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '$' || (next != '$' && next != '{')) {
      out += text[i];
      continue;
    }
    if (next == '$') {
      out += '$';
      ++i;
      continue;
    }
    std::size_t end = i + 2;
    while (end < text.size() && continues_name(text[end])) ++end;
    const std::string name(text.substr(i + 2, end - i - 2));
    const bool has_default = text.substr(end).starts_with(":-");
    const std::optional<std::size_t> brace =
        has_default ? closing_brace(text, end + 2) : std::optional<std::size_t>(end);
    if (name.empty() || !begins_name(name.front()) || !brace || *brace >= text.size() ||
        text[*brace] != '}') {
      return wrong("\"${\" must go on as ${NAME} or ${NAME:-default}; write $$ for a dollar");
    }
    const std::optional<std::string> value = environment(name);
    if (value && !(has_default && value->empty())) {
      out += *value;
    } else if (!has_default) {
      std::string message = "the environment variable ";
      message.append(name).append(" is not set; ${").append(name).append(":-…} would give it a default");
      return wrong(std::move(message));
    } else {
      auto expanded = expand_into(text.substr(end + 2, *brace - end - 2), environment, depth + 1, out);
      if (!expanded) return expanded;
    }
    i = *brace;
  }
  if (out.size() > kLongest) return wrong("longer than 64 KiB with its variables");
  return {};
}

}  // namespace

Result<std::string> expand(std::string_view text, const EnvironmentLookup& environment) {
  std::string out;
  const auto expanded = expand_into(text, environment, 0, out);
  if (!expanded) return expanded.error();
  return out;
}

EnvironmentLookup process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

}  // namespace vigile
