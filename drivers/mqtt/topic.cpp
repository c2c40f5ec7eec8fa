// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt/topic.h"

#include <algorithm>

namespace vigile::mqtt_driver {

namespace {

constexpr std::size_t kLongestTopic = 65'535;

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> levels;
  for (;;) {
    const std::size_t slash = text.find('/');
    levels.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return levels;
    text.remove_prefix(slash + 1);
  }
}

bool is_tag_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

Result<TopicPattern> parse_topic_pattern(const std::string& text) {
  const auto bad = [&](const std::string& what) {
    return Error{ErrorKind::config, "topics: \"" + text.substr(0, 200) + "\": " + what};
  };
  if (text.empty() || text.size() > kLongestTopic) return bad("a topic has 1 to 65535 bytes");
  if (text.find('\0') != std::string::npos) return bad("holds a zero byte");
  TopicPattern pattern;
  std::vector<std::string_view> levels = split(text);
  if (levels[0] == "$share") {
    if (levels.size() < 3 || levels[1].empty() || levels[1].find_first_of("+#{}") != std::string_view::npos)
      return bad("is not like $share/group/topic");
    pattern.filter = "$share/" + std::string(levels[1]) + "/";
    levels.erase(levels.begin(), levels.begin() + 2);
  }
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const std::string_view level = levels[i];
    std::string plain(level);
    if (level.starts_with('{') && level.ends_with('}')) {
      const std::string key(level.substr(1, level.size() - 2));
      if (!is_tag_key(key))
        return bad("\"" + std::string(level) + "\": a tag's name has letters, digits and _");
      const bool is_twice = std::any_of(pattern.tags.begin(), pattern.tags.end(),
                                        [&](const auto& tag) { return tag.second == key; });
      if (is_twice) return bad("has {" + key + "} twice");
      pattern.tags.emplace_back(i, key);
      plain = "+";
    } else if (level.find_first_of("{}") != std::string_view::npos) {
      return bad("\"" + std::string(level) + "\": {name} stands for a whole level");
    } else if (level == "#" ? i + 1 != levels.size()
                            : level.size() > 1 && level.find_first_of("+#") != level.npos) {
      return bad("\"" + std::string(level) + "\": + stands for a whole level, # for the last ones");
    }
    if (i > 0) pattern.filter += '/';
    pattern.filter += plain;
    pattern.levels.push_back(std::move(plain));
  }
  return pattern;
}

std::optional<std::vector<std::string_view>> match(const TopicPattern& pattern, std::string_view topic) {
  const std::vector<std::string_view> levels = split(topic);
  const bool ends_open = pattern.levels.back() == "#";
  const std::size_t fixed = pattern.levels.size() - (ends_open ? 1 : 0);
  if (ends_open ? levels.size() < fixed : levels.size() != fixed) return std::nullopt;
  // What begins with $ is not meant by a wildcard.
  if (topic.starts_with('$') && (pattern.levels[0] == "+" || pattern.levels[0] == "#")) return std::nullopt;
  for (std::size_t i = 0; i < fixed; ++i) {
    if (pattern.levels[i] != "+" && pattern.levels[i] != levels[i]) return std::nullopt;
  }
  std::vector<std::string_view> named;
  for (const auto& [level, key] : pattern.tags) named.push_back(levels[level]);
  return named;
}

}  // namespace vigile::mqtt_driver
