// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/http_client.h"

#include <curl/curl.h>
#include <time.h>

#include <algorithm>
#include <cctype>

#include "core/certificate_date.h"
#include "sinks/influx/answer.h"
#include "sinks/influx/kept_connection.h"
#include "sinks/influx/transport.h"

namespace vigile::influx_sink {

namespace {

constexpr std::size_t kBodyBytes = std::size_t{256} << 10;
constexpr std::size_t kHeaderBytes = 1024;  // of one value
constexpr std::size_t kHeaders = 100;

struct Transfer {
  CURL* curl;
  const std::function<bool(std::string_view)>& take;
  std::uint64_t body_bytes = 0;  // of the request
  HttpReply reply = {};
  bool premature = false;
  bool ended = false;  // by `take`
  bool too_much = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* pointer) {
  auto& transfer = *static_cast<Transfer*>(pointer);
  const std::string_view part(data, size * count);
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.take && status >= 200 && status < 300 && !transfer.reply.is_of_victoria_metrics()) {
    transfer.ended = !transfer.take(part);
    return transfer.ended ? 0 : part.size();
  }
  std::string& body = transfer.reply.body;
  transfer.too_much = part.size() > kBodyBytes - body.size();
  body.append(part.substr(0, kBodyBytes - body.size()));
  return transfer.too_much ? 0 : part.size();
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* pointer) {
  auto& transfer = *static_cast<Transfer*>(pointer);
  auto& headers = transfer.reply.headers;
  const std::string_view line(data, size * count);
  transfer.premature = is_premature(transfer.curl, line, transfer.body_bytes);
  if (transfer.premature) return 0;                // ends the transfer
  if (line.starts_with("HTTP/")) headers.clear();  // of an interim answer
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || headers.size() >= kHeaders) return line.size();
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  headers[name] = trimmed(line.substr(colon + 1)).substr(0, kHeaderBytes);
  return line.size();
}

// "Expire date:Nov 25 04:00:00 2027 GMT" of the first certificate, the server's.
std::optional<std::chrono::sys_seconds> certificate_end(CURL* curl) {
  curl_certinfo* chain = nullptr;
  if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == nullptr ||
      chain->num_of_certs < 1) {
    return std::nullopt;
  }
  constexpr std::string_view kName = "Expire date:";
  for (const curl_slist* at = chain->certinfo[0]; at != nullptr; at = at->next) {
    const std::string_view entry = at->data;
    if (entry.starts_with(kName)) return parse_certificate_date(entry.substr(kName.size()));
  }
  return std::nullopt;
}

ErrorKind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorKind::timeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ISSUER_ERROR:
      return ErrorKind::permission;
    default:
      return ErrorKind::unavailable;
  }
}

}  // namespace

std::string HttpReply::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

struct HttpClient::Handle {
  CURL* const curl = curl_easy_init();
  char error[CURL_ERROR_SIZE] = {};
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { curl_easy_cleanup(curl); }
};

HttpClient::HttpClient(InfluxSettings settings) : settings_(std::move(settings)) {}
HttpClient::~HttpClient() = default;

Result<HttpReply> HttpClient::send(const HttpRequest& request,
                                   const std::function<bool(std::string_view)>& take) {
  if (handle_ && is_spoilt(handle_->curl)) handle_.reset();
  if (!handle_) handle_ = std::make_unique<Handle>();
  CURL* const curl = handle_->curl;
  if (curl == nullptr) return Error{ErrorKind::unavailable, "libcurl: out of memory"};
  curl_easy_reset(curl);  // keeps the connection
  set_up_transport(curl, settings_);

  std::string url = settings_.base_url + request.path;
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    url += separator + name + "=" + url_escaped(value);
    separator = '&';
  }
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, &curl_slist_free_all);
  const auto add = [&headers](const std::string& header) {
    headers.reset(curl_slist_append(headers.release(), header.c_str()));
  };
  if (!request.content_type.empty()) add("Content-Type: " + request.content_type);
  if (!request.accept.empty()) add("Accept: " + request.accept);
  if (const std::string header = authorization_header(settings_); !header.empty()) add(header);
  for (const auto& [name, value] : settings_.headers) add(name + ": " + value);
  add("Expect:");

  Transfer transfer{.curl = curl, .take = take};
  if (request.method == "POST") transfer.body_bytes = request.body.size();
  const auto seconds = [](std::chrono::nanoseconds time) {
    return static_cast<long>(std::chrono::ceil<std::chrono::seconds>(time).count());
  };
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle_->error);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, seconds(settings_.connect_timeout));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, seconds(settings_.timeout));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20 * seconds(settings_.timeout));
  curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  handle_->error[0] = '\0';
  ExcessWatch excess;
  excess.attach(curl);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.reply.status);
  transfer.reply.certificate_end = certificate_end(curl);
  if (code == CURLE_OK || transfer.ended) {
    if (excess.found()) handle_.reset();
    return std::move(transfer.reply);
  }
  const std::string failure = transfer_failure(curl, code, handle_->error, settings_);
  const bool kept = was_kept(curl);
  handle_.reset();  // nothing half done is kept
  // On a kept connection it may be the answer to something else: a new one will tell.
  if (transfer.premature && kept) return send(request, take);
  if (transfer.premature) {
    return Error{ErrorKind::unavailable, settings_.target + ": " + std::string(kPremature)};
  }
  if (transfer.reply.status >= 300) return std::move(transfer.reply);
  if (transfer.too_much) return Error{ErrorKind::full, settings_.target + ": the answer is too large"};
  return Error{kind_of(code), failure};
}

Error refusal(const HttpReply& reply, const std::string& path, const InfluxSettings& settings) {
  std::string message = settings.target + path + ": HTTP " + std::to_string(reply.status);
  std::string said = server_message(reply.body, settings);
  if (said.empty()) {
    // InfluxDB 1 says why in a header, too.
    said = server_message(reply.header("x-influxdb-error"), settings);
  }
  if (!said.empty()) message += ": " + said;
  const long status = reply.status;
  if (status >= 300 && status < 400) message += ": redirects are not followed, name the final url";
  const ErrorKind kind = status == 401 || status == 403                    ? ErrorKind::permission
                         : status == 404                                   ? ErrorKind::not_found
                         : status >= 500 || status == 429 || status == 408 ? ErrorKind::unavailable
                                                                           : ErrorKind::config;
  return Error{kind, std::move(message)};
}

}  // namespace vigile::influx_sink
