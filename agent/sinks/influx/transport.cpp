// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/transport.h"

#include <curl/curl.h>

#include <system_error>

namespace vigile::influx_sink {

void set_up_transport(void* curl, const InfluxSettings& settings) {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  // One request at a time: HTTP/2 would gain nothing.
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  // The environment's proxy, no_proxy and .netrc are not ours to follow: a token goes where the settings say.
  curl_easy_setopt(curl, CURLOPT_PROXY, settings.proxy.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!settings.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, settings.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, settings.password.c_str());
  }
  if (!settings.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, settings.ca_file.c_str());
  if (!settings.cert_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, settings.cert_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, settings.key_file.c_str());
  }
  if (settings.insecure) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

std::string authorization_header(const InfluxSettings& settings) {
  if (settings.token.empty()) return "";
  return "Authorization: " + std::string(settings.api == Api::v3 ? "Bearer " : "Token ") + settings.token;
}

std::string transfer_failure(void* curl, int code, const char* detail, const InfluxSettings& settings) {
  std::string message =
      settings.target + ": " + (*detail != '\0' ? detail : curl_easy_strerror(static_cast<CURLcode>(code)));
  // libcurl says that it could not connect, and keeps the cause to itself.
  long cause = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &cause);
  if (code == CURLE_COULDNT_CONNECT && cause != 0) {
    message += ": " + std::system_category().message(static_cast<int>(cause));
  }
  if (message.size() > 500) message.resize(500);
  return message;
}

}  // namespace vigile::influx_sink
