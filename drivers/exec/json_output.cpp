// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/iso_time.h"
#include "drivers/exec/output.h"
#include "drivers/json_text/json_text.h"
#include "point/recordable.h"
#include "point/repeated_key.h"

namespace vigile::exec {

namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 16;
constexpr std::size_t kLongestName = 100;
constexpr std::size_t kLongestPath = 250;  // of nested names together
constexpr std::size_t kMostTags = 16;

class Reader {
 public:
  Reader(const JsonSource& source, Output& out, TextReport& report)
      : source_(source), out_(out), report_(report) {}

  void add(const Json& object, const std::string& at) {
    if (!object.is_object()) return refuse(at, "is not an object like {\"temperature\": 21.5}");
    std::vector<Tag> tags;
    std::optional<WallTime> time;
    std::string measurement = "exec";
    if (object.contains("tags") && !read_tags(object["tags"], at + "/tags", tags)) return;
    if (object.contains("time") && !read_time(object["time"], at + "/time", time)) return;
    if (object.contains("measurement")) {
      const Json& name = object["measurement"];
      if (!name.is_string() || name.get_ref<const std::string&>().empty() ||
          name.get_ref<const std::string&>().size() > kLongestName) {
        return refuse(at + "/measurement", "is not a text of 1 to 100 bytes");
      }
      measurement = name;
    }
    values_.clear();
    names_.clear();
    taken_.clear();
    if (object.contains("values") && object["values"].is_object()) {
      read_members(object["values"], at + "/values", "", false);
    } else {
      read_members(object, at, "", true);
    }
    if (values_.size() > kMostValues) {
      refuse(at, "has more than " + std::to_string(kMostValues) + " values: the others are left out");
      values_.resize(kMostValues);
    }
    if (values_.empty()) return;
    out_.add({.measurement = measurement, .tags = tags, .values = values_, .wall_time = time});
    report_.points += values_.size();
  }

  void refuse(const std::string& at, const std::string& what) {
    report_.refuse({ErrorKind::parse,
                    std::string(source_.place) + ": " + (at.empty() ? "what it printed" : at) + ": " + what});
  }

 private:
  bool read_tags(const Json& tags, const std::string& at, std::vector<Tag>& out) {
    if (!tags.is_object() || tags.size() > kMostTags) {
      refuse(at, "is not an object of at most 16 texts");
      return false;
    }
    for (const auto& [key, value] : tags.items()) {
      if (!value.is_string()) {
        refuse(at + "/" + key, "is not a text");
        return false;
      }
      const std::string& text = value.get_ref<const std::string&>();
      if (const auto valid = check_recorded_tag(key, text, ""); !valid) {
        refuse(at, valid.error().message);
        return false;
      }
      out.push_back(Tag{key, text});
    }
    const std::string* const twice = repeated_key(tags.get_ref<const Json::object_t&>());
    if (twice != nullptr) refuse(at + "/" + *twice, "another tag is written like it");
    return twice == nullptr;
  }

  bool read_time(const Json& json, const std::string& at, std::optional<WallTime>& time) {
    std::int64_t time_ns = 0;
    if (json.is_number_integer()) {
      time_ns = json.get<std::int64_t>();
    } else {
      const auto parsed = json.is_string() ? parse_iso8601(json.get_ref<const std::string&>())
                                           : Result<IsoTime>(Error{ErrorKind::parse, "no time"});
      if (!parsed) {
        refuse(at, "is not nanoseconds since 1970, or a text like 2026-11-01T00:00:00Z");
        return false;
      }
      time_ns = to_ns(parsed->time);
    }
    if (const auto valid = check_recorded_time(time_ns, source_.now_ns); !valid) {
      refuse(at, valid.error().message);
      return false;
    }
    time = wall_from_ns(time_ns);
    return true;
  }

  // `prefix`: the names of what `object` is in, each with the separator.
  void read_members(const Json& object, const std::string& at, const std::string& prefix, bool has_others) {
    for (const auto& [name, json] : object.items()) {
      if (has_others && (name == "tags" || name == "time" || name == "measurement")) continue;
      const std::string where = at + "/" + name.substr(0, kLongestName);
      if (!is_name(name)) {
        refuse(where, "a name has 1 to 100 bytes, and no control characters");
      } else {
        read_value(json, where, prefix + name);
      }
    }
  }

  // An object of a list is called by its member `name`, where no other has the same: that stays what it is
  // when the list grows. What has no name of its own is called by its place, from 0.
  void read_list(const Json& list, const std::string& at, const std::string& prefix) {
    std::map<std::string_view, int> named;
    for (const Json& one : list) ++named[name_of(one)];
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string place = std::to_string(i);
      const std::string_view name = name_of(list[i]);
      const bool is_own = !name.empty() && named[name] == 1;
      read_value(list[i], at + "/" + place, prefix + (is_own ? std::string(name) : place));
    }
  }

  // Empty: it has none that a metric could have.
  static std::string_view name_of(const Json& json) {
    if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) return {};
    const std::string& name = json["name"].get_ref<const std::string&>();
    return is_name(name) ? std::string_view(name) : std::string_view();
  }

  static bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName && std::none_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    });
  }

  void read_value(const Json& json, const std::string& at, const std::string& name) {
    if (values_.size() > kMostValues || json.is_null()) return;
    const std::string prefix = name + std::string(source_.separator);
    if (json.is_object()) return read_members(json, at, prefix, false);
    if (json.is_array()) return read_list(json, at, prefix);
    if (name.size() > kLongestPath) return refuse(at, "has nested names of more than 250 bytes together");
    if (!taken_.insert(written_key(name)).second)
      return refuse(at, "is " + shown_text(name) + ", as another one is");
    names_.push_back(name);
    const std::string& kept = names_.back();
    if (json.is_boolean()) {
      values_.push_back({kept, kept, json.get<bool>()});
    } else if (json.is_string()) {
      values_.push_back({kept, kept, std::string_view(json.get_ref<const std::string&>())});
    } else if (source_.integers && json.is_number_unsigned()) {
      const auto number = json.get<std::uint64_t>();
      if (number <= INT64_MAX) {
        values_.push_back({kept, kept, static_cast<std::int64_t>(number)});
      } else {
        values_.push_back({kept, kept, number});
      }
    } else if (source_.integers && json.is_number_integer()) {
      values_.push_back({kept, kept, json.get<std::int64_t>()});
    } else if (std::isfinite(json.get<double>())) {
      // A float: whether a program prints 3 or 3.0 must not change a field's type.
      values_.push_back({kept, kept, json.get<double>()});
    }
  }

  const JsonSource& source_;
  Output& out_;
  TextReport& report_;
  std::vector<Value> values_;      // of one object: views of names_ and of the JSON
  std::deque<std::string> names_;  // stay where they are when more come
  std::set<std::string> taken_;
};

}  // namespace

void add_json(std::string_view text, const JsonSource& source, Output& out, TextReport& report) {
  Reader reader(source, out, report);
  const auto json = parse_json(text, kDeepest);
  if (!json) return reader.refuse("", json.error().message + ": " + shown_text(text));
  if (!json->is_array()) return reader.add(*json, "");
  for (std::size_t i = 0; i < json->size(); ++i) reader.add((*json)[i], "/" + std::to_string(i));
}

}  // namespace vigile::exec
