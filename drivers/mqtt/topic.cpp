// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt/topic.h"

#include <algorithm>

#include "drivers/mqtt_session/topic_filter.h"

namespace vigile::mqtt_driver {

namespace {

constexpr std::size_t kLongestTopic = 65'535;

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
  std::vector<std::string_view> levels = mqtt_session::topic_levels(text);
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
  }
  return pattern;
}

std::optional<std::vector<std::string_view>> match(const TopicPattern& pattern, std::string_view topic) {
  if (!mqtt_session::matches(pattern.filter, topic)) return std::nullopt;
  const std::vector<std::string_view> levels = mqtt_session::topic_levels(topic);
  std::vector<std::string_view> named;
  for (const auto& [level, key] : pattern.tags) named.push_back(levels[level]);
  return named;
}

}  // namespace vigile::mqtt_driver
