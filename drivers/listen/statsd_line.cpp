// SPDX-License-Identifier: Apache-2.0
#include "drivers/listen/statsd_line.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace vigile::listen {

namespace {

constexpr std::size_t kLongestName = 200;
constexpr std::size_t kMostTags = 16;
constexpr std::int64_t kLatestTime_s = 9'000'000'000;  // as nanoseconds it fits 64 bits

Error bad(std::string_view what) {
  return Error{ErrorKind::parse, std::string(what)};
}

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::optional<StatsdType> parse_type(std::string_view text) {
  if (text == "c") return StatsdType::counter;
  if (text == "g") return StatsdType::gauge;
  if (text == "ms" || text == "h" || text == "d") return StatsdType::timer;
  if (text == "s") return StatsdType::set;
  return std::nullopt;
}

class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  Result<StatsdLine> read() {
    const std::string_view name = take(":|");
    if (ended_by_ != ':' || name.empty())
      return bad("is not like name:1|c, name:21.5|g, name:12|ms or name:x|s");
    if (auto done = read_name(name); !done) return done.error();
    do {
      if (auto done = read_values(); !done) return done.error();
      if (auto done = read_sections(); !done) return done.error();
    } while (ended_by_ == ':');
    const auto has_no_time = [](const StatsdValue& value) {
      return value.type != StatsdType::counter && value.type != StatsdType::gauge;
    };
    if (line_.time_s && std::any_of(line_.values.begin(), line_.values.end(), has_no_time))
      return bad("has a time, which only c and g can have");
    if (auto done = sort_tags(); !done) return done.error();
    return std::move(line_);
  }

 private:
  // What stands before the first of `ends`, which is left in `ended_by_`; 0: the line ends there.
  std::string_view take(std::string_view ends) {
    const std::size_t at = std::min(rest_.find_first_of(ends), rest_.size());
    const std::string_view part = rest_.substr(0, at);
    ended_by_ = at < rest_.size() ? rest_[at] : '\0';
    rest_.remove_prefix(std::min(rest_.size(), at + 1));
    return part;
  }

  Result<void> read_name(std::string_view text) {
    const std::size_t comma = std::min(text.find(','), text.size());
    line_.name = text.substr(0, comma);
    if (line_.name.empty()) return bad("has no name before its tags");
    if (line_.name.size() > kLongestName) return bad("has a name of more than 200 bytes");
    if (comma == text.size()) return {};
    constexpr std::string_view kWrong = "has a tag in its name that is not like name,key=value";
    if (text.ends_with(',')) return bad(kWrong);
    return read_tags(text.substr(comma + 1), '=', kWrong);
  }

  // `text` is "key:value,key:value", or with another `between`. A tag without value is one that is set.
  Result<void> read_tags(std::string_view text, char between, std::string_view wrong) {
    while (!text.empty()) {
      const std::string_view tag = text.substr(0, text.find(','));
      text.remove_prefix(std::min(text.size(), tag.size() + 1));
      if (tag.empty() && between == ':') continue;
      const std::size_t at = tag.find(between);
      const std::string_view key = tag.substr(0, at);
      if (key.empty() || (at == std::string_view::npos && between == '=') || tag.size() > 2 * kLongestName)
        return bad(wrong);
      if (line_.tags.size() >= kMostTags) return bad("has more than 16 tags");
      const std::string_view value = at == std::string_view::npos ? "true" : tag.substr(at + 1);
      if (!value.empty()) line_.tags.emplace_back(key, value);
    }
    return {};
  }

  // Clients repeat a tag that is set for all; one with two values would be two series.
  Result<void> sort_tags() {
    auto& tags = line_.tags;
    std::sort(tags.begin(), tags.end());
    tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
    const auto twice = std::adjacent_find(
        tags.begin(), tags.end(), [](const auto& one, const auto& next) { return one.first == next.first; });
    if (twice != tags.end())
      return bad("has the tag " + twice->first.substr(0, 60) + " twice, with different values");
    return {};
  }

  // "1:2:3|ms": up to the type's end.
  Result<void> read_values() {
    const std::string_view text = take("|");
    if (ended_by_ != '|') return bad("has no type, as |c, |g, |ms or |s, after its value");
    const auto type = parse_type(take("|:"));
    if (!type) return bad("has a type that is none of c, g, ms, h, d, s");
    first_ = line_.values.size();
    if (*type == StatsdType::set) {
      if (text.empty() || text.size() > kLongestName)
        return bad("has a member that is not of 1 to 200 bytes");
      line_.values.push_back({.type = *type, .member = text});
      return {};
    }
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(':', begin), text.size());
      const std::string_view one = text.substr(begin, end - begin);
      const auto number = parse_number(one);
      if (!number) return bad("has a value that is not a number");
      const bool has_sign = one.starts_with('+') || one.starts_with('-');
      line_.values.push_back({.type = *type, .number = *number, .has_sign = has_sign});
      begin = end + 1;
    }
    return {};
  }

  // What follows a type: of the values that were read last, but for tags and time, which are of the line.
  Result<void> read_sections() {
    while (ended_by_ == '|' && !rest_.empty()) {
      if (rest_.starts_with('@')) {
        const auto rate = parse_number(take("|:").substr(1));
        if (!rate || *rate <= 0 || *rate > 1)
          return bad("has a rate that is not above 0 and at most 1, as @0.1");
        for (std::size_t i = first_; i < line_.values.size(); ++i) line_.values[i].rate = *rate;
        continue;
      }
      const std::string_view part = take("|");
      if (part.starts_with('#')) {
        auto done = read_tags(part.substr(1), ':', "has a tag that is not like key:value");
        if (!done) return done;
      } else if (part.starts_with('T')) {
        std::int64_t time_s = 0;
        const auto parsed = std::from_chars(part.data() + 1, part.data() + part.size(), time_s);
        if (parsed.ec != std::errc() || parsed.ptr != part.data() + part.size() || time_s < 0 ||
            time_s > kLatestTime_s)
          return bad("has a time that is not in seconds since 1970, as T1793491200");
        line_.time_s = time_s;
      } else if (!is_passed_over(part)) {
        return bad("has a part that is not like @0.1, #key:value or T1793491200");
      }
    }
    return {};
  }

  // "c:ci-1f…", "e:it-false", "card:low": what newer clients say of themselves.
  static bool is_passed_over(std::string_view part) {
    const std::size_t colon = part.find(':');
    return part.empty() || (colon != std::string_view::npos && colon > 0 &&
                            std::all_of(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(colon),
                                        [](char c) { return c >= 'a' && c <= 'z'; }));
  }

  std::string_view rest_;
  char ended_by_ = '\0';
  std::size_t first_ = 0;  // of the values that were read last
  StatsdLine line_;
};

}  // namespace

bool is_statsd_notice(std::string_view line) {
  return line.starts_with("_e{") || line.starts_with("_sc|");
}

Result<StatsdLine> parse_statsd_line(std::string_view line) {
  return LineReader(line).read();
}

}  // namespace vigile::listen
