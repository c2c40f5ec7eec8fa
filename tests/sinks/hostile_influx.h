// SPDX-License-Identifier: Apache-2.0
// An InfluxDB as a test wants it, versions 1 to 3, that refuses bad lines in the words of its API; and what
// servers, proxies and networks do instead.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "delivery/delivery.h"
#include "sinks/influx_site.h"
#include "support/scripted_http_server.h"

namespace vigile {

using Written = std::map<std::string, OptionValue>;

inline constexpr const char* kToken = "s3cret-token";

inline Written v1(const std::string& url, Written more = {}) {
  more.insert({{"api", "v1"}, {"url", url}, {"database", "d"}, {"user", "press"}, {"password", "hunter2"}});
  return more;
}
inline Written v2(const std::string& url, Written more = {}) {
  more.insert({{"api", "v2"}, {"url", url}, {"org", "o"}, {"bucket", "b"}, {"token", kToken}});
  return more;
}
inline Written v3(const std::string& url, Written more = {}) {
  more.insert({{"api", "v3"}, {"url", url}, {"database", "d"}, {"token", kToken}});
  return more;
}
inline Written with(const std::string& api, const std::string& url, Written more = {}) {
  return api == "v1"   ? v1(url, std::move(more))
         : api == "v2" ? v2(url, std::move(more))
                       : v3(url, std::move(more));
}

inline OptionValue ms(int count) {
  return std::chrono::nanoseconds(std::chrono::milliseconds(count));
}

inline std::vector<std::string> lines_of(const std::string& body) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = std::min(body.find('\n', at), body.size());
    lines.push_back(body.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

inline std::string numbered(int from, int to, const std::string& measurement = "m") {
  std::string lines;
  for (int i = from; i < to; ++i) lines += measurement + " v=" + std::to_string(i) + " 1\n";
  return lines;
}

// What a database holds: repeats are one. Refuses lines that begin with "bad" in the words of its API.
class Database {
 public:
  explicit Database(std::string api) : api_(std::move(api)) {}
  ScriptedAnswer write(const std::string& body, bool all_or_nothing = false) {
    const std::vector<std::string> lines = lines_of(body);
    std::vector<std::size_t> bad;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].starts_with("bad")) bad.push_back(i);
    }
    if (bad.empty() || !all_or_nothing) {
      for (const std::string& line : lines) {
        if (!line.starts_with("bad")) stored.insert(line);
      }
    }
    return bad.empty() ? ScriptedAnswer{} : refusal(lines, bad, all_or_nothing);
  }
  std::set<std::string> stored;

 private:
  ScriptedAnswer refusal(const std::vector<std::string>& lines, const std::vector<std::size_t>& bad,
                         bool nothing) const {
    using nlohmann::json;
    const std::string dropped = " dropped=" + std::to_string(bad.size());
    json body;
    int status = 400;
    if (api_ == "v3") {
      const auto entry = [&](std::size_t i) {
        return json{{"original_line", lines[i]}, {"line_number", i + 1}, {"error_message", "bad type"}};
      };
      json data = nothing ? entry(bad[0]) : json::array();
      for (std::size_t i = 0; !nothing && i < std::min<std::size_t>(bad.size(), 100); ++i) {
        data.push_back(entry(bad[i]));
      }
      body = {{"error",
               nothing ? "parsing failed for write_lp endpoint" : "partial write of line protocol occurred"},
              {"data", data}};
    } else if (api_ == "v2") {
      status = nothing ? 400 : 422;
      body = {{"code", nothing ? "invalid" : "unprocessable entity"},
              {"message",
               nothing ? "unable to parse '" + lines[bad[0]] + "': missing fields"
                       : "failure writing points to database: partial write: field type conflict" + dropped}};
    } else if (nothing) {
      body = {{"error", "unable to parse '" + lines[bad[0]] + "': missing fields"}};
    } else {
      std::string text = "partial write: ";
      for (const std::size_t i : bad) text += "unable to parse '" + lines[i] + "': missing fields\n";
      body = {{"error", text + "dropped=0"}};
    }
    return ScriptedAnswer{.status = status, .body = body.dump()};
  }
  const std::string api_;
};

struct Mishap {
  const char* name;
  ScriptedAnswer answer;
  DeliveryStatus::State state;
  bool stores = false;  // the server has stored the lines all the same
};

inline std::vector<Mishap> mishaps() {
  using State = DeliveryStatus::State;
  using Then = ScriptedAnswer::Then;
  const std::string html = "<html>Sign in to use this network</html>";
  return {
      {"closed without an answer", {.then = Then::close_before}, State::retrying},
      {"stored, then closed without an answer", {.then = Then::close_before}, State::retrying, true},
      {"never answered", {.then = Then::never}, State::retrying, true},
      {"cut off", {.status = 500, .body = std::string(1000, 'x'), .then = Then::cut}, State::retrying},
      {"200 cut off", {.status = 200, .body = std::string(1000, 'x'), .then = Then::cut}, State::retrying},
      {"401 cut off", {.status = 401, .body = std::string(1000, 'x'), .then = Then::cut}, State::paused},
      {"lying length",
       {.status = 503, .body = "x", .then = Then::close, .content_length = 5'000'000},
       State::retrying},
      {"endless", {.status = 500, .body = std::string(10 << 20, 'x')}, State::retrying},
      {"endless 400", {.status = 400, .body = std::string(10 << 20, '\x01')}, State::paused},
      {"not HTTP", {.then = Then::close, .raw = "SSH-2.0-OpenSSH_9.2\r\n"}, State::retrying},
      {"broken HTTP", {.then = Then::close, .raw = "HTTP/1.1 abc\r\n\r\n"}, State::retrying},
      {"half a header", {.then = Then::close, .raw = "HTTP/1.1 204 No Con"}, State::retrying},
      {"a portal", {.status = 200, .headers = {"Content-Type: text/html"}, .body = html}, State::paused},
      {"another 200", {.status = 200, .body = R"({"status":"ok"})"}, State::paused},
      {"an empty 200", {.status = 200}, State::paused},
      {"a 400 of a proxy", {.status = 400, .body = "<html>400</html>"}, State::paused},
      {"an empty 400", {.status = 400}, State::paused},
      {"an empty 422", {.status = 422}, State::paused},
      {"a 500 of garbage", {.status = 500, .body = std::string("\x00\xff\x1b[2J", 7)}, State::retrying},
      {"a 404", {.status = 404, .body = R"({"message":"bucket \"b\" not found"})"}, State::paused},
      {"a slow 503", {.status = 503, .body = "x", .then = Then::trickle}, State::retrying},
      {"echoes secrets", {.status = 401, .body = "token s3cret-token, press:hunter2"}, State::paused},
  };
}

}  // namespace vigile
