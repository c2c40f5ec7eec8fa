// SPDX-License-Identifier: Apache-2.0
#include "settings/merge.h"

#include <string_view>
#include <utility>
#include <vector>

namespace vigile {

namespace {

using Kind = YamlNode::Kind;

// What stands under a key, as far as merging is concerned.
enum class Place { top, equipment, equipment_item, entries, other };

Place place_under(Place place, std::string_view key) {
  if (place == Place::top && key == "equipment") return Place::equipment;
  if (place == Place::top && key == "sinks") return Place::entries;
  if (place == Place::equipment_item && key == "drivers") return Place::entries;
  return Place::other;
}

const YamlNode* value_of(const YamlNode& map, std::string_view key) {
  for (const YamlEntry& entry : map.entries) {
    if (entry.key.text == key) return &entry.value;
  }
  return nullptr;
}

// Equal for items that mean the same thing; empty: matches nothing.
std::string identity(const YamlNode& item, Place place) {
  if (place == Place::equipment) {
    const YamlNode* const id = value_of(item, "id");
    return id != nullptr ? id->text : "";
  }
  if (item.kind == Kind::scalar) return item.text;
  if (item.entries.empty()) return "";
  const YamlNode* const name = value_of(item.entries.front().value, "name");
  const std::string& kind = item.entries.front().key.text;
  return name != nullptr ? kind + " " + name->text : kind;
}

YamlNode merge(YamlNode base, YamlNode over, Place place);

// The options of two `- kind: {…}`, or `- kind`.
YamlNode merge_entry(YamlNode base, YamlNode over) {
  if (over.kind == Kind::scalar) return base;
  if (base.kind == Kind::scalar) return over;
  YamlNode& options = over.entries.front().value;
  if (options.kind == Kind::null) return base;
  options = merge(std::move(base.entries.front().value), std::move(options), Place::other);
  return over;
}

YamlNode merge_lists(YamlNode base, YamlNode over, Place place) {
  const std::size_t known = base.items.size();
  std::vector<bool> matched(known, false);
  for (YamlNode& item : over.items) {
    const std::string name = identity(item, place);
    std::size_t at = 0;
    while (at < known && (matched[at] || name.empty() || identity(base.items[at], place) != name)) ++at;
    if (at == known) {
      base.items.push_back(std::move(item));
      continue;
    }
    matched[at] = true;
    YamlNode& own = base.items[at];
    own = place == Place::equipment ? merge(std::move(own), std::move(item), Place::equipment_item)
                                    : merge_entry(std::move(own), std::move(item));
  }
  base.spot = over.spot;
  return base;
}

YamlNode merge_maps(YamlNode base, YamlNode over, Place place) {
  const std::size_t known = base.entries.size();
  std::vector<bool> matched(known, false);
  std::vector<bool> taken_away(known, false);
  for (YamlEntry& entry : over.entries) {
    std::size_t at = 0;
    while (at < known && (matched[at] || base.entries[at].key.text != entry.key.text)) ++at;
    if (at == known) {
      base.entries.push_back(std::move(entry));
      continue;
    }
    matched[at] = true;
    taken_away[at] = entry.value.kind == Kind::null;
    YamlEntry& own = base.entries[at];
    const Place under = place_under(place, entry.key.text);
    own.value = merge(std::move(own.value), std::move(entry.value), under);
    own.key = std::move(entry.key);
  }
  std::vector<YamlEntry> left;
  for (std::size_t i = 0; i < base.entries.size(); ++i) {
    if (i >= known || !taken_away[i]) left.push_back(std::move(base.entries[i]));
  }
  base.entries = std::move(left);
  base.spot = over.spot;
  return base;
}

YamlNode merge(YamlNode base, YamlNode over, Place place) {
  if (base.kind == Kind::map && over.kind == Kind::map)
    return merge_maps(std::move(base), std::move(over), place);
  const bool by_identity = place == Place::equipment || place == Place::entries;
  if (by_identity && base.kind == Kind::list && over.kind == Kind::list) {
    return merge_lists(std::move(base), std::move(over), place);
  }
  return over;
}

}  // namespace

YamlNode merge_settings(YamlNode base, YamlNode over) {
  if (over.kind == Kind::null) return base;
  return merge(std::move(base), std::move(over), Place::top);
}

}  // namespace vigile
