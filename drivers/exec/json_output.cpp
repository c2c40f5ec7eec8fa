// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/iso_time.h"
#include "drivers/exec/output.h"
#include "drivers/json_text/json_text.h"
#include "point/recordable.h"

namespace vigile::exec {

namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 8;
constexpr std::size_t kLongestName = 100;
constexpr std::size_t kMostTags = 16;

class Reader {
 public:
  Reader(std::string_view place, std::optional<std::int64_t> now_ns, Output& out, TextReport& report)
      : place_(place), now_ns_(now_ns), out_(out), report_(report) {}

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
    std::vector<Value> values;
    if (object.contains("values") && object["values"].is_object()) {
      read_values(object["values"], at + "/values", false, values);
    } else {
      read_values(object, at, true, values);
    }
    if (values.empty()) return;
    out_.add({.measurement = measurement, .tags = tags, .values = values, .wall_time = time});
    report_.points += values.size();
  }

  void refuse(const std::string& at, const std::string& what) {
    report_.refuse(
        {ErrorKind::parse, std::string(place_) + ": " + (at.empty() ? "what it printed" : at) + ": " + what});
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
    return true;
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
    if (const auto valid = check_recorded_time(time_ns, now_ns_); !valid) {
      refuse(at, valid.error().message);
      return false;
    }
    time = wall_from_ns(time_ns);
    return true;
  }

  void read_values(const Json& object, const std::string& at, bool has_others, std::vector<Value>& values) {
    for (const auto& [name, json] : object.items()) {
      if (has_others && (name == "tags" || name == "time" || name == "measurement")) continue;
      const std::string where = at + "/" + name.substr(0, kLongestName);
      if (values.size() >= kMostValues) return refuse(where, "is one too many: at most 1000 are taken");
      if (name.empty() || name.size() > kLongestName || name.find_first_of("\n\r") != std::string::npos) {
        refuse(where, "a name has 1 to 100 bytes, on one line");
      } else if (json.is_boolean()) {
        values.push_back({name, name, json.get<bool>()});
      } else if (json.is_number() && std::isfinite(json.get<double>())) {
        // Always a float: whether a program prints 3 or 3.0 must not change a field's type.
        values.push_back({name, name, json.get<double>()});
      } else if (json.is_string()) {
        values.push_back({name, name, std::string_view(json.get_ref<const std::string&>())});
      } else if (!json.is_null()) {
        refuse(where, "is not a number, a text, true, false or null");
      }
    }
  }

  const std::string_view place_;
  const std::optional<std::int64_t> now_ns_;
  Output& out_;
  TextReport& report_;
};

}  // namespace

void add_json(std::string_view text, std::string_view place, std::optional<std::int64_t> now_ns, Output& out,
              TextReport& report) {
  Reader reader(place, now_ns, out, report);
  const auto json = parse_json(text, kDeepest);
  if (!json) return reader.refuse("", "is not JSON: " + shown_text(text));
  if (!json->is_array()) return reader.add(*json, "");
  for (std::size_t i = 0; i < json->size(); ++i) reader.add((*json)[i], "/" + std::to_string(i));
}

}  // namespace vigile::exec
