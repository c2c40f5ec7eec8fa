// SPDX-License-Identifier: Apache-2.0
#include "drivers/http/request.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/certificate_date.h"

namespace vigile::http_driver {

namespace {

// libcurl alone would keep headers without end.
constexpr std::size_t kMostHeaderBytes = std::size_t{64} << 10;
constexpr std::size_t kLongestCause = 300;

// CURL and CURLM are both void, so each has a deleter of its own name.
struct CleanUpEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct CleanUpMulti {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct CleanUpList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class Request {
 public:
  Request(const HttpSettings& settings, const HttpUrl& url, Method method, bool trusted)
      : settings_(settings), url_(url), method_(method), trusted_(trusted), search_(settings.expect_body) {}

  Result<Answer> run(std::chrono::milliseconds limit, std::stop_token stop) {
    // In this order, so that they are destroyed in the one that libcurl asks for.
    const std::unique_ptr<CURLM, CleanUpMulti> multi(curl_multi_init());
    curl_.reset(curl_easy_init());
    if (!multi || !curl_) return failure("libcurl: out of memory");
    set_up(limit);
    CURLcode code = CURLE_FAILED_INIT;
    if (curl_multi_add_handle(multi.get(), curl_.get()) == CURLM_OK) {
      code = perform(multi.get(), stop);
      curl_multi_remove_handle(multi.get(), curl_.get());
    }
    auto answer = read(code);
    curl_.reset();
    return answer;
  }

 private:
  void set_up(std::chrono::milliseconds limit);
  void set_up_credentials();
  CURLcode perform(CURLM* multi, std::stop_token stop);
  Result<Answer> read(CURLcode code);
  Error no_answer(CURLcode code) const;
  std::optional<std::chrono::sys_seconds> certificate_end() const;

  double ms(CURLINFO which) const {
    curl_off_t us = 0;
    curl_easy_getinfo(curl_.get(), which, &us);
    return static_cast<double>(us) / 1000;
  }
  Error failure(std::string_view cause, ErrorKind kind = ErrorKind::unavailable) const {
    Error error{kind, url_.shown + ": "};
    for (const char c : cause.substr(0, kLongestCause)) {
      error.message += static_cast<unsigned char>(c) < ' ' || c == 0x7f ? '?' : c;
    }
    return error;
  }

  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self);

  const HttpSettings& settings_;
  const HttpUrl& url_;
  const Method method_;
  const bool trusted_;
  std::unique_ptr<curl_slist, CleanUpList> headers_;
  std::unique_ptr<CURL, CleanUpEasy> curl_;
  char error_[CURL_ERROR_SIZE] = {};
  BodySearch search_;
  std::uint64_t body_bytes_ = 0;
  std::size_t header_bytes_ = 0;
  bool head_ended_ = false;
  bool body_cut_ = false;
};

std::size_t Request::take_body(char* data, std::size_t size, std::size_t count, void* self) {
  Request& request = *static_cast<Request*>(self);
  const std::uint64_t room = request.settings_.max_body_bytes - request.body_bytes_;
  const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size * count, room));
  request.search_.feed({data, part});
  request.body_bytes_ += part;
  request.body_cut_ = part < size * count;
  return part;  // less than given ends the transfer
}

std::size_t Request::take_header(char* data, std::size_t size, std::size_t count, void* self) {
  Request& request = *static_cast<Request*>(self);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) request.head_ended_ = false;
  if (line == "\r\n" || line == "\n") request.head_ended_ = true;
  request.header_bytes_ += line.size();
  return request.header_bytes_ <= kMostHeaderBytes ? line.size() : 0;
}

void Request::set_up(std::chrono::milliseconds limit) {
  CURL* const curl = curl_.get();
  curl_easy_setopt(curl, CURLOPT_URL, url_.text.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // Digest asks twice: what follows a first answer unasked must not be read as the second.
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  // A name server that does not answer must not hold up a stop: its thread is left to end by itself.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 16384L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "vigile");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
  // "" is none: the environment's proxy is not ours to follow.
  curl_easy_setopt(curl, CURLOPT_PROXY, settings_.proxy.c_str());
  if (!settings_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, settings_.ca_file.c_str());
  if (settings_.insecure) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (method_ == Method::head) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (method_ == Method::post) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    const std::string_view body = trusted_ ? settings_.body : std::string_view();
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
    // No round trip to ask whether the body is welcome.
    headers_.reset(curl_slist_append(headers_.release(), "Expect:"));
  }
  if (trusted_) set_up_credentials();
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
}

void Request::set_up_credentials() {
  CURL* const curl = curl_.get();
  for (const std::string& line : settings_.headers) {
    headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
  }
  if (!settings_.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH,
                     settings_.auth == Auth::digest ? CURLAUTH_DIGEST : CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, settings_.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, settings_.password.c_str());
  }
  if (!settings_.cert_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, settings_.cert_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, settings_.key_file.c_str());
  }
}

// By the multi interface, because a stop can wake its poll.
CURLcode Request::perform(CURLM* multi, std::stop_token stop) {
  const std::stop_callback on_stop(stop, [multi] { curl_multi_wakeup(multi); });
  for (int running = 1; running > 0;) {
    if (stop.stop_requested()) return CURLE_ABORTED_BY_CALLBACK;
    if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    if (running > 0 && curl_multi_poll(multi, nullptr, 0, 1000, nullptr) != CURLM_OK)
      return CURLE_FAILED_INIT;
  }
  int left = 0;
  const CURLMsg* const message = curl_multi_info_read(multi, &left);
  return message != nullptr ? message->data.result : CURLE_FAILED_INIT;
}

Result<Answer> Request::read(CURLcode code) {
  if (code == CURLE_WRITE_ERROR && header_bytes_ > kMostHeaderBytes)
    return failure("the answer has more than 64 KiB of headers");
  if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && body_cut_)) return no_answer(code);
  if (!head_ended_) return failure("the answer ends within its headers");  // fine with libcurl
  Answer answer;
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  set_phases(answer, {.lookup = ms(CURLINFO_NAMELOOKUP_TIME_T),
                      .connect = ms(CURLINFO_CONNECT_TIME_T),
                      .tls = ms(CURLINFO_APPCONNECT_TIME_T),
                      .request = ms(CURLINFO_PRETRANSFER_TIME_T),
                      .first_byte = ms(CURLINFO_STARTTRANSFER_TIME_T),
                      .total = ms(CURLINFO_TOTAL_TIME_T)});
  answer.body_bytes = body_bytes_;
  answer.body_cut = body_cut_;
  answer.body_found = search_.found();
  answer.certificate_end = certificate_end();
  char* redirect = nullptr;
  curl_easy_getinfo(curl_.get(), CURLINFO_REDIRECT_URL, &redirect);
  if (redirect != nullptr) answer.redirect = redirect;
  return answer;
}

// libcurl's own text, but where it counts milliseconds: a cause that reads the same each time is logged once.
Error Request::no_answer(CURLcode code) const {
  if (code == CURLE_OPERATION_TIMEDOUT) {
    std::string_view stage = "reading the answer";
    if (ms(CURLINFO_STARTTRANSFER_TIME_T) == 0) stage = "waiting for an answer";
    if (ms(CURLINFO_PRETRANSFER_TIME_T) == 0) stage = "in the TLS handshake";
    if (ms(CURLINFO_CONNECT_TIME_T) == 0) stage = "connecting";
    if (ms(CURLINFO_NAMELOOKUP_TIME_T) == 0) stage = "looking up the name";
    return failure("timed out " + std::string(stage), ErrorKind::timeout);
  }
  if (code == CURLE_ABORTED_BY_CALLBACK) return failure("stopped");
  long number = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_OS_ERRNO, &number);
  if (code == CURLE_COULDNT_CONNECT && number != 0)
    return failure("cannot connect: " + errno_error("", static_cast<int>(number)).message.substr(2));
  return failure(error_[0] != '\0' ? error_ : curl_easy_strerror(code));
}

std::optional<std::chrono::sys_seconds> Request::certificate_end() const {
  curl_certinfo* chain = nullptr;
  if (curl_easy_getinfo(curl_.get(), CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == nullptr ||
      chain->num_of_certs < 1) {
    return std::nullopt;
  }
  // The first is the server's own.
  for (const curl_slist* line = chain->certinfo[0]; line != nullptr; line = line->next) {
    constexpr std::string_view kKey = "Expire date:";
    const std::string_view text = line->data;
    if (text.starts_with(kKey)) return parse_certificate_date(text.substr(kKey.size()));
  }
  return std::nullopt;
}

}  // namespace

void set_phases(Answer& answer, const Marks& marks) {
  answer.lookup_ms = marks.lookup;
  answer.connect_ms = std::max(0.0, marks.connect - marks.lookup);
  if (marks.tls > 0) answer.tls_ms = std::max(0.0, marks.tls - marks.connect);
  answer.first_byte_ms = std::max(0.0, marks.first_byte - marks.request);
  answer.transfer_ms = std::max(0.0, marks.total - marks.first_byte);
  answer.total_ms = marks.total;
}

Result<Answer> ask(const HttpSettings& settings, const HttpUrl& url, Method method, bool trusted,
                   const Clock& clock, BootTime deadline, std::stop_token stop) {
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.boot());
  if (limit.count() <= 0) return Error{ErrorKind::timeout, url.shown + ": timed out before it was asked"};
  return Request(settings, url, method, trusted).run(limit, stop);
}

}  // namespace vigile::http_driver
