// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/influx_settings.h"

#include <curl/curl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>

namespace vigile::influx_sink {

namespace {

constexpr std::array<std::string_view, 3> kApis = {"v1", "v2", "v3"};

constexpr std::array kOptions = {
    OptionSpec{.name = "api",
               .type = OptionType::choice,
               .help = "Which write API: v1 /write, v2 /api/v2/write, v3 /api/v3/write_lp.",
               .fallback = "v2",
               .choices = kApis},
    OptionSpec{
        .name = "url", .help = "Base URL of the server: http://host:8086 or https://…", .required = true},
    OptionSpec{.name = "token", .help = "API token (v2, v3).", .secret = true},
    OptionSpec{.name = "org", .help = "Organization (v2)."},
    OptionSpec{.name = "bucket", .help = "Bucket (v2)."},
    OptionSpec{.name = "database", .help = "Database (v1, v3)."},
    OptionSpec{.name = "retention_policy",
               .help = "Retention policy (v1); the database's default if absent."},
    OptionSpec{.name = "user", .help = "User (v1)."},
    OptionSpec{.name = "password", .help = "Password (v1).", .secret = true},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "Limit of one request.",
               .fallback = "30s",
               .min = 1,
               .max = 600},
    OptionSpec{.name = "connect_timeout",
               .type = OptionType::duration,
               .help = "Limit of connecting, TLS included.",
               .fallback = "10s",
               .min = 1,
               .max = 600},
    OptionSpec{
        .name = "gzip", .type = OptionType::boolean, .help = "Send compressed bodies.", .fallback = "true"},
    OptionSpec{
        .name = "ca_file",
        .help = "PEM file of the authority that signed the server's certificate; the system's if absent."},
    OptionSpec{.name = "cert_file", .help = "PEM file of our certificate, for servers that ask for one."},
    OptionSpec{.name = "key_file", .help = "PEM file of its key."},
    OptionSpec{.name = "insecure",
               .type = OptionType::boolean,
               .help = "Do not check the server's certificate: for tests alone.",
               .fallback = "false"},
    OptionSpec{.name = "proxy", .help = "HTTP proxy: http://[user:password@]host:port", .secret = true},
    OptionSpec{.name = "headers",
               .type = OptionType::map,
               .help = "More HTTP headers, name: value.",
               .secret = true},
};

Error bad(std::string_view option, std::string_view what) {
  return Error{ErrorKind::config, std::string(option) + ": " + std::string(what)};
}

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return text;
}

Result<std::string> query(const Options& options, Api api) {
  const auto needed = [&](std::string_view name) -> Result<std::string> {
    const std::string& value = options.text(name);
    if (value.empty()) return bad(name, "is needed with api: " + options.text("api"));
    return url_escaped(value);
  };
  if (api == Api::v2) {
    const auto org = needed("org");
    if (!org) return org.error();
    const auto bucket = needed("bucket");
    if (!bucket) return bucket.error();
    return "org=" + *org + "&bucket=" + *bucket + "&precision=ns";
  }
  const auto database = needed("database");
  if (!database) return database.error();
  if (api == Api::v3) return "db=" + *database + "&precision=nanosecond&accept_partial=true";
  std::string text = "db=" + *database + "&precision=ns";
  if (options.has("retention_policy")) text += "&rp=" + url_escaped(options.text("retention_policy"));
  return text;
}

// Checked here, since libcurl repeats what it cannot read, password and all.
Result<void> check_proxy(const std::string& proxy) {
  if (proxy.empty()) return {};
  const Url url(curl_url(), curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, proxy.c_str(), 0) != CURLUE_OK ||
      part(url, CURLUPART_SCHEME) != "http") {
    return bad("proxy", "is not a URL like http://proxy.example:3128");
  }
  return {};
}

Result<void> check_file(const Options& options, std::string_view name) {
  const std::string& path = options.text(name);
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {};
  return Error{ErrorKind::config, errno_error(std::string(name) + ": " + path, errno).message};
}

}  // namespace

std::string url_escaped(const std::string& text) {
  const std::unique_ptr<char, decltype(&curl_free)> owned(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), curl_free);
  return owned ? owned.get() : "";
}

Endpoint endpoint_of(const std::string& url) {
  const Url parsed(curl_url(), curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  Endpoint endpoint{.scheme = part(parsed, CURLUPART_SCHEME), .host = part(parsed, CURLUPART_HOST)};
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  const std::string port = part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  return endpoint;
}

std::span<const OptionSpec> option_table() {
  return kOptions;
}

Result<InfluxSettings> read_settings(const Options& options) {
  InfluxSettings settings;
  const std::string& api = options.text("api");
  settings.api = api == "v1" ? Api::v1 : api == "v3" ? Api::v3 : Api::v2;

  const Url url(curl_url(), curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, options.text("url").c_str(), 0) != CURLUE_OK) {
    return bad("url", "is not a URL like http://host:8086");  // not quoted: it may hold a password
  }
  const std::string scheme = part(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https")
    return bad("url", "must begin with http:// or https://, not " + scheme + "://");
  settings.user = part(url, CURLUPART_USER, CURLU_URLDECODE);
  settings.password = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
  for (const CURLUPart secret : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    curl_url_set(url.get(), secret, nullptr, 0);
  }
  settings.target = scheme + "://" + part(url, CURLUPART_HOST);
  if (const std::string port = part(url, CURLUPART_PORT); !port.empty()) settings.target += ":" + port;

  const auto query_text = query(options, settings.api);
  if (!query_text) return query_text.error();
  std::string path = part(url, CURLUPART_PATH);
  while (path.ends_with('/')) path.pop_back();
  settings.base_url = settings.target + path;
  constexpr std::string_view kPaths[] = {"/write", "/api/v2/write", "/api/v3/write_lp"};
  path += kPaths[static_cast<int>(settings.api)];
  curl_url_set(url.get(), CURLUPART_PATH, path.c_str(), 0);
  curl_url_set(url.get(), CURLUPART_QUERY, query_text->c_str(), 0);
  settings.write_url = part(url, CURLUPART_URL);

  settings.org = options.text("org");
  settings.bucket = options.text("bucket");
  settings.database = options.text("database");
  settings.retention_policy = options.text("retention_policy");
  if (options.has("user")) settings.user = options.text("user");
  if (options.has("password")) settings.password = options.text("password");
  settings.token = options.text("token");
  if (settings.token.find_first_of("\r\n") != std::string::npos) return bad("token", "must be one line");
  if (!settings.token.empty() && !settings.user.empty()) {
    return bad("token", "and user both go into the Authorization header; give one of them");
  }
  if (settings.user.empty() && !settings.password.empty()) return bad("password", "goes with user");
  settings.timeout = options.duration("timeout");
  settings.connect_timeout = options.duration("connect_timeout");
  settings.gzip = options.flag("gzip");
  for (const std::string_view file : {"ca_file", "cert_file", "key_file"}) {
    if (auto readable = check_file(options, file); !readable) return readable.error();
  }
  settings.ca_file = options.text("ca_file");
  settings.cert_file = options.text("cert_file");
  settings.key_file = options.text("key_file");
  if (settings.cert_file.empty() != settings.key_file.empty())
    return bad("cert_file", "and key_file go together");
  settings.insecure = options.flag("insecure");
  settings.proxy = options.text("proxy");
  if (auto valid = check_proxy(settings.proxy); !valid) return valid.error();
  settings.headers = options.map("headers");
  for (const auto& [name, value] : settings.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos)
      return bad("headers", name + " must be one line");
  }
  return settings;
}

}  // namespace vigile::influx_sink
