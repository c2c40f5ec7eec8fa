// SPDX-License-Identifier: Apache-2.0
#include "drivers/http/http_settings.h"

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string_view>

namespace vigile::http_driver {

namespace {

constexpr std::array<std::string_view, 3> kMethods = {"GET", "HEAD", "POST"};
constexpr std::array<std::string_view, 2> kAuths = {"basic", "digest"};

constexpr std::array kOptions = {
    OptionSpec{.name = "url", .help = "What to ask for: http://… or https://…", .required = true},
    OptionSpec{.name = "method",
               .type = OptionType::choice,
               .help = "How to ask.",
               .fallback = "GET",
               .choices = kMethods},
    OptionSpec{
        .name = "headers", .type = OptionType::map, .help = "More headers, name: value.", .secret = true},
    OptionSpec{.name = "body", .help = "What to send; needs method POST."},
    OptionSpec{.name = "user", .help = "User; the URL's if absent."},
    OptionSpec{.name = "password", .help = "Password; the URL's if absent.", .secret = true},
    OptionSpec{.name = "auth",
               .type = OptionType::choice,
               .help = "How user and password are sent.",
               .fallback = "basic",
               .choices = kAuths},
    OptionSpec{.name = "token", .help = "Bearer token, instead of user and password.", .secret = true},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "Not available when the whole answer takes longer.",
               .fallback = "5s",
               .min = 0.001,
               .max = 3600},
    OptionSpec{.name = "expect_status",
               .help = "Status codes that are fine: 200, or 200-399, or 200,301-308.",
               .fallback = "200-399"},
    OptionSpec{.name = "expect_body", .help = "Text that the body must hold, as it stands."},
    OptionSpec{.name = "max_body",
               .type = OptionType::size,
               .help = "Read no more of a body than this.",
               .fallback = "64KiB",
               .min = 1,
               .max = 16777216},
    OptionSpec{.name = "follow_redirects",
               .type = OptionType::boolean,
               .help = "Follow up to 5 redirects; credentials and headers go to the URL's own host alone.",
               .fallback = "false"},
    OptionSpec{
        .name = "ca_file",
        .help = "PEM file of the authority that signed the server's certificate; the system's if absent."},
    OptionSpec{.name = "cert_file", .help = "PEM file of our certificate, for servers that ask for one."},
    OptionSpec{.name = "key_file", .help = "PEM file of its key."},
    OptionSpec{.name = "insecure",
               .type = OptionType::boolean,
               .help = "Do not check the server's certificate.",
               .fallback = "false"},
    OptionSpec{.name = "proxy", .help = "HTTP proxy: http://[user:password@]host:port", .secret = true},
};

constexpr std::size_t kLongestShown = 200;
constexpr std::size_t kLongestExpectedBody = 1024;

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

bool is_header_name(std::string_view name) {
  constexpr std::string_view kTokenSigns = "!#$%&'*+-.^_`|~";  // RFC 9110 §5.6.2
  if (name.empty()) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && kTokenSigns.find(c) == std::string_view::npos) return false;
  }
  return true;
}

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

Result<std::vector<std::string>> header_lines(const Options& options) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : options.map("headers")) {
    if (!is_header_name(name)) return bad("headers", "\"" + name + "\" is not the name of a header");
    if (!is_one_line(value)) return bad("headers", name + " must be one line");
    // libcurl takes "Name:" as "do not send it", and "Name;" as "send it empty".
    lines.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
  const std::string& token = options.text("token");
  if (!is_one_line(token)) return bad("token", "must be one line");
  if (!token.empty()) lines.push_back("Authorization: Bearer " + token);
  return lines;
}

}  // namespace

Result<HttpUrl> parse_http_url(const std::string& text) {
  const Url url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return bad("url", "is not a URL like http://host/path");
  const std::string scheme = part(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https")
    return bad("url", "must begin with http:// or https://, not " + scheme + "://");
  HttpUrl parsed;
  parsed.user = part(url, CURLUPART_USER, CURLU_URLDECODE);
  parsed.password = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
  std::string host = part(url, CURLUPART_HOST);
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  parsed.origin = scheme + "://" + host + ":" + part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  parsed.text = part(url, CURLUPART_URL);
  curl_url_set(url.get(), CURLUPART_QUERY, nullptr, 0);
  parsed.shown = part(url, CURLUPART_URL).substr(0, kLongestShown);
  return parsed;
}

std::span<const OptionSpec> option_table() {
  return kOptions;
}

Result<HttpSettings> read_settings(const Options& options) {
  HttpSettings settings;
  auto url = parse_http_url(options.text("url"));
  if (!url) return url.error();
  settings.url = std::move(*url);
  const std::string& method = options.text("method");
  settings.method = method == "HEAD" ? Method::head : method == "POST" ? Method::post : Method::get;
  settings.body = options.text("body");
  if (!settings.body.empty() && settings.method != Method::post) return bad("body", "needs method: POST");
  settings.user = options.has("user") ? options.text("user") : settings.url.user;
  settings.password = options.has("password") ? options.text("password") : settings.url.password;
  if (settings.user.empty() && !settings.password.empty()) return bad("password", "needs a user");
  if (!settings.user.empty() && !options.text("token").empty())
    return bad("token", "is instead of user and password, not beside them");
  settings.auth = options.text("auth") == "digest" ? Auth::digest : Auth::basic;
  auto headers = header_lines(options);
  if (!headers) return headers.error();
  settings.headers = std::move(*headers);
  settings.timeout = options.duration("timeout");
  auto status = StatusSet::parse(options.text("expect_status"));
  if (!status) return status.error();
  settings.expect_status = std::move(*status);
  settings.expect_body = options.text("expect_body");
  if (settings.expect_body.size() > kLongestExpectedBody)
    return bad("expect_body", "must be at most " + std::to_string(kLongestExpectedBody) + " bytes");
  if (!settings.expect_body.empty() && settings.method == Method::head)
    return bad("expect_body", "an answer to HEAD has no body");
  settings.max_body_bytes = options.size_bytes("max_body");
  settings.ca_file = options.text("ca_file");
  settings.cert_file = options.text("cert_file");
  settings.key_file = options.text("key_file");
  if (settings.cert_file.empty() != settings.key_file.empty())
    return bad("cert_file", "and key_file go together");
  settings.insecure = options.flag("insecure");
  settings.follow_redirects = options.flag("follow_redirects");
  settings.proxy = options.text("proxy");
  return settings;
}

}  // namespace vigile::http_driver
