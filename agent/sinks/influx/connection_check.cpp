// SPDX-License-Identifier: Apache-2.0
// InfluxClient::test_connection: from the name of the host to a point that is written and removed.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/certificate_date.h"
#include "net/connect_any.h"
#include "point/line_encode.h"
#include "sinks/influx/answer.h"
#include "sinks/influx/client.h"
#include "sinks/influx/quoting.h"

namespace vigile::influx_sink {

namespace {

using Kind = CheckStep::Kind;

constexpr double kFewDays = 14;  // a certificate's end that should be prepared for
constexpr auto kClockLimit = std::chrono::seconds(5);
constexpr std::uint16_t kProxyPort = 1080;  // libcurl's, for a proxy without one

std::string text_at(const std::string& body, const char* key) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return "";
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

class Texts final : public RowReceiver {
 public:
  void table(const std::string&, const std::map<std::string, std::string>&,
             const std::vector<std::string>&) override {}
  bool row(std::span<const AnswerCell> cells) override {
    if (!cells.empty()) first_cells.push_back(cells[0].text);
    return first_cells.size() < 100'000;
  }
  bool contain(const std::string& text) const {
    return std::find(first_cells.begin(), first_cells.end(), text) != first_cells.end();
  }
  std::vector<std::string> first_cells;
};

}  // namespace

class ConnectionCheck {
 public:
  ConnectionCheck(InfluxClient& client, const Clock& clock, const std::string& device,
                  const CheckReport& report)
      : client_(client), settings_(client.settings()), clock_(clock), device_(device), report_(report) {}

  bool run() {
    if (!reach()) return false;
    if (!ask_health()) return false;
    if (!log_in()) return false;
    write();
    return !failed_;
  }

 private:
  void say(Kind kind, std::string name, std::string detail, std::string remedy = "") {
    failed_ = failed_ || kind == Kind::failed;
    report_({kind, std::move(name), std::move(detail), std::move(remedy)});
  }
  bool fail(std::string name, std::string detail, std::string remedy) {
    say(Kind::failed, std::move(name), std::move(detail), std::move(remedy));
    return false;
  }
  bool fail(std::string name, const Error& error, std::string remedy) {
    return fail(std::move(name), error.message, std::move(remedy));
  }

  bool reach() {
    const bool by_proxy = !settings_.proxy.empty();
    Endpoint endpoint = endpoint_of(by_proxy ? settings_.proxy : settings_.base_url);
    if (by_proxy && endpoint.port == 80 && settings_.proxy.find(":80") == std::string::npos) {
      endpoint.port = kProxyPort;
    }
    const std::string what = by_proxy ? "proxy " : "";
    const auto addresses =
        net::resolve(endpoint.host, endpoint.port, {clock_, clock_.boot() + settings_.connect_timeout});
    if (!addresses) {
      return fail("name resolution", what + addresses.error().message,
                  "check the host in " + std::string(by_proxy ? "proxy" : "url") + " and this device's DNS");
    }
    std::string texts;
    for (const net::Address& address : *addresses) texts += (texts.empty() ? "" : ", ") + address.text;
    say(Kind::ok, "name resolution",
        what + (texts == endpoint.host ? texts + " needs none" : endpoint.host + " is " + texts));

    std::string causes;
    for (const net::Address& address : *addresses) {
      const auto reached =
          net::connect_any({&address, 1}, {clock_, clock_.boot() + settings_.connect_timeout});
      const std::string at = address.text + " port " + std::to_string(endpoint.port);
      if (reached) {
        say(Kind::ok, "TCP connection", what + at);
        return true;
      }
      causes += (causes.empty() ? "" : "; ") + what + at + ": " + reached.error().message;
    }
    return fail("TCP connection", causes,
                "check the port, that the server runs, and firewalls between here and there");
  }

  // TLS comes with the first request, the clock with its answer.
  bool ask_health() {
    const bool tls = settings_.target.starts_with("https:");
    std::string path = settings_.api == Api::v2 ? "/health" : "/ping";
    const WallTime before = clock_.wall();
    auto reply = client_.http_.send({.path = path});
    const WallTime after = clock_.wall();
    if (!reply) {
      if (reply.error().kind == ErrorKind::permission) {
        return fail(tls ? "TLS" : "health", reply.error(),
                    "check ca_file, the name in url against the certificate, and this device's clock");
      }
      return fail("health", reply.error(), "check that url names an InfluxDB, and whether it wants https");
    }
    if (tls) tell_certificate(*reply);
    const HttpReply first = *reply;
    if (reply->status == 404 || (settings_.api == Api::v3 && reply->status >= 500)) {
      path = path == "/ping" ? "/health" : "/ping";  // older, newer and other servers
      reply = client_.http_.send({.path = path});
      if (!reply) return fail("health", reply.error(), "try again; the server ended the connection");
    }
    if (!tell_health(*reply, path)) return false;
    tell_clock(first, before, after);
    return true;
  }

  void tell_certificate(const HttpReply& reply) {
    if (settings_.insecure) {
      say(Kind::warning, "TLS", "the certificate is not checked: insecure is set",
          "name the authority with ca_file, and take insecure away");
      return;
    }
    if (!reply.certificate_end) {
      say(Kind::ok, "TLS", "the certificate is good");
      return;
    }
    const double days = days_between(clock_.wall(), *reply.certificate_end);
    const std::string detail = "the certificate is good for " +
                               std::to_string(static_cast<std::int64_t>(std::floor(days))) + " days";
    if (days < kFewDays) {
      say(Kind::warning, "TLS", detail, "renew the server's certificate");
    } else {
      say(Kind::ok, "TLS", detail);
    }
  }

  bool tell_health(const HttpReply& reply, const std::string& path) {
    std::string version = reply.header("x-influxdb-version");
    if (version.empty()) version = text_at(reply.body, "version");
    version = told(version, settings_);
    if (reply.status == 401 || reply.status == 403) {
      return fail("authentication", refusal(reply, path, settings_), token_remedy());
    }
    if (reply.status >= 500 || text_at(reply.body, "status") == "fail") {
      return fail("health", refusal(reply, path, settings_), "see the server's own log");
    }
    if (reply.status >= 300 && reply.status < 400) {
      return fail("health", refusal(reply, path, settings_), "write the final address into url");
    }
    if (reply.status < 200 || reply.status >= 300) {
      say(Kind::warning, "health", refusal(reply, path, settings_).message,
          "check that url names an InfluxDB, and its prefix if it has one");
      return true;
    }
    is_victoria_ = reply.is_of_victoria_metrics();
    if (is_victoria_) {
      say(Kind::ok, "health",
          "it runs: VictoriaMetrics. It takes lines; questions go to its own API, and it answers 204 to "
          "lines "
          "that it cannot store");
      return true;
    }
    while (version.starts_with('v')) version.erase(0, 1);
    const int own = static_cast<int>(settings_.api) + 1;
    if (!version.empty() && version[0] >= '1' && version[0] <= '9' && version[0] - '0' < own) {
      say(Kind::warning, "health", "it runs, version " + version,
          "api: v" + std::to_string(own) + " is for a newer server; api: v" + version.substr(0, 1) +
              " fits this one");
    } else {
      say(Kind::ok, "health",
          "it runs" + (version.empty() ? ", and does not tell its version" : ", version " + version));
    }
    return true;
  }

  // The server's date has seconds, and was made between request and answer.
  void tell_clock(const HttpReply& reply, WallTime before, WallTime after) {
    std::tm date{};
    const std::string text = reply.header("date");
    const char* const end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (text.empty() || end == nullptr) {
      say(Kind::warning, "clock", "the server does not tell its time", "");
      return;
    }
    const WallTime server = wall_of(date);
    std::chrono::nanoseconds difference{};
    if (after < server) difference = after - server;
    if (before > server + std::chrono::seconds(1)) difference = before - server - std::chrono::seconds(1);
    const auto seconds = std::chrono::round<std::chrono::seconds>(difference).count();
    if (difference > kClockLimit || difference < -kClockLimit) {
      say(Kind::warning, "clock",
          "this device is " + std::to_string(std::abs(seconds)) + " s " +
              (seconds > 0 ? "ahead of" : "behind") + " the server",
          "set the wrong one of the two clocks: NTP, or timedatectl");
      return;
    }
    say(Kind::ok, "clock",
        "within " + std::to_string(std::max<std::int64_t>(std::abs(seconds), 1)) + " s of the server's");
  }

  std::string token_remedy() const {
    return settings_.api == Api::v1 ? "check user and password, and the rights of that user"
                                    : "check token, that it is not expired, and that it may write there";
  }
  std::string login_detail() const {
    if (!settings_.user.empty()) return "the server takes user " + settings_.user;
    return settings_.token.empty() ? "none is given, and none is asked for" : "the server takes the token";
  }
  const std::string& store_name() const {
    return settings_.api == Api::v2 ? settings_.bucket : settings_.database;
  }
  std::string store_title() const { return settings_.api == Api::v2 ? "bucket" : "database"; }

  bool log_in() {
    if (is_victoria_) return true;  // it knows neither users nor databases: writing will tell
    return settings_.api == Api::v1 ? log_in_v1() : settings_.api == Api::v2 ? log_in_v2() : log_in_v3();
  }

  // False and said when `error` is one of login or the way.
  bool logged_in(const Error& error) {
    if (error.kind == ErrorKind::permission) return fail("authentication", error, token_remedy());
    if (error.kind == ErrorKind::unavailable || error.kind == ErrorKind::timeout) {
      return fail("authentication", error, "try again; the server could not answer");
    }
    return true;
  }

  bool log_in_v1() {
    Texts databases;
    if (const auto done = client_.run_influxql("SHOW DATABASES", false, databases); !done) {
      if (!logged_in(done.error())) return false;
      unknown_store_ = done.error().message;  // VictoriaMetrics has no InfluxQL: writing will tell
      return true;
    }
    say(Kind::ok, "authentication", login_detail());
    if (!databases.contain(settings_.database)) {
      return fail(
          "database",
          "there is no database " + told(settings_.database, settings_) + ", or this user may not see it",
          "create it: influx -execute 'CREATE DATABASE " +
              told(influxql_identifier(settings_.database), settings_) + "'");
    }
    if (settings_.retention_policy.empty()) {
      say(Kind::ok, "database", settings_.database + " is there");
      return true;
    }
    Texts policies;
    const auto done = client_.run_influxql(
        "SHOW RETENTION POLICIES ON " + influxql_identifier(settings_.database), false, policies);
    if (done && !policies.contain(settings_.retention_policy)) {
      return fail("database", "it has no retention policy " + told(settings_.retention_policy, settings_),
                  "create it, or take retention_policy out of the settings");
    }
    say(Kind::ok, "database",
        settings_.database + " is there, with retention policy " + settings_.retention_policy);
    return true;
  }

  bool log_in_v2() {
    const std::string path = "/api/v2/buckets";
    const auto reply =
        client_.http_.send({.path = path, .query = {{"org", settings_.org}, {"name", settings_.bucket}}});
    if (!reply) return logged_in(reply.error()) || fail("authentication", reply.error(), "try again");
    if (reply->status == 401 || reply->status >= 500) {
      return logged_in(refusal(*reply, path, settings_));
    }
    const auto body = nlohmann::json::parse(reply->body, nullptr, false);
    const bool listed =
        reply->status == 200 && body.is_object() && body.contains("buckets") && body["buckets"].is_array();
    const bool no_org = reply->status == 404 && body.is_object();  // not a page that is missing
    if (listed || no_org) say(Kind::ok, "authentication", login_detail());
    if (listed && !body["buckets"].empty()) {
      say(Kind::ok, "bucket", settings_.bucket + " is there");
    } else if (listed) {
      // A token that may only write lists nothing.
      unknown_store_ = "bucket " + settings_.bucket + " is not listed for this token";
    } else {
      unknown_store_ = refusal(*reply, path, settings_).message;
    }
    return true;
  }

  bool log_in_v3() {
    Texts rows;
    const auto done = client_.query_data({.text = "SELECT 1", .language = Language::sql}, rows);
    if (done) {
      say(Kind::ok, "authentication", login_detail());
      say(Kind::ok, "database", settings_.database + " is there");
      return true;
    }
    // A token that may only write cannot ask: what is forbidden is not what is unknown.
    if (done.error().kind == ErrorKind::permission &&
        done.error().message.find("HTTP 403") == std::string::npos) {
      return logged_in(done.error());
    }
    if (done.error().kind == ErrorKind::not_found) say(Kind::ok, "authentication", login_detail());
    unknown_store_ = done.error().message;
    return done.error().kind == ErrorKind::permission || logged_in(done.error());
  }

  void write() {
    Point point;
    point.measurement = "vigile_check";
    point.tags = {{"device", device_}};
    point.fields.emplace_back("value", std::int64_t{1});
    const std::int64_t time_ns = to_ns(clock_.wall());
    point.time_ns = time_ns;
    std::string line;
    if (!encode_line(point, {}, line)) {
      fail("writing", "the device's name cannot be a tag", "set device in the settings");
      return;
    }
    const Outcome outcome = client_.write_data(line, Precision::ns);
    if (outcome.kind != Outcome::Kind::accepted) {
      refused(outcome);
      return;
    }
    if (!unknown_store_.empty()) {
      say(Kind::ok, store_title(), store_name() + " takes points (what else it holds this login cannot see)");
    }
    remove(time_ns);
  }

  void refused(const Outcome& outcome) {
    const std::string& message = outcome.message;
    if (message.find("page not found") != std::string::npos) {
      fail("writing", message, "check url and api: this server does not know that API");
    } else if (message.starts_with("HTTP 401")) {
      fail("authentication", message, token_remedy());
    } else if (message.starts_with("HTTP 404")) {
      fail(store_title(), message.substr(0, 300) + (unknown_store_.empty() ? "" : "; " + unknown_store_),
           "create " + store_title() + " " + told(store_name(), settings_) + ", or correct its name" +
               (settings_.api == Api::v2 ? " and org" : ""));
    } else if (message.starts_with("HTTP 403")) {
      fail("writing", message, "give this login the right to write to " + told(store_name(), settings_));
    } else {
      fail("writing", message, "see the sink's README for what the server's answers mean");
    }
  }

  Result<void> remove_point(std::int64_t time_ns) {
    if (settings_.api == Api::v1) {
      Texts none;
      return client_.run_influxql(
          "DROP SERIES FROM \"vigile_check\" WHERE \"device\" = " + influxql_string(device_), false, none);
    }
    return client_.delete_data({.start_ns = time_ns,
                                .stop_ns = time_ns + 1,
                                .conditions = {{"_measurement", "vigile_check"}, {"device", device_}}});
  }

  void remove(std::int64_t time_ns) {
    if (settings_.api == Api::v3) {
      say(Kind::ok, "writing", "one point of vigile_check is written, and stays: InfluxDB 3 has no deletion");
      return;
    }
    const auto removed = remove_point(time_ns);
    if (removed) {
      say(Kind::ok, "writing", "one point is written and removed");
    } else {
      say(Kind::warning, "writing", "one point is written; it stays: " + removed.error().message,
          "nothing needs to be done: measurement vigile_check holds points of checks alone");
    }
  }

  InfluxClient& client_;
  const InfluxSettings& settings_;
  const Clock& clock_;
  const std::string& device_;
  const CheckReport& report_;
  bool failed_ = false;
  bool is_victoria_ = false;
  std::string unknown_store_;  // why nothing is known of bucket or database
};

bool InfluxClient::test_connection(const Clock& clock, const std::string& device, const CheckReport& report) {
  return ConnectionCheck(*this, clock, device, report).run();
}

}  // namespace vigile::influx_sink
