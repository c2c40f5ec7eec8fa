// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/influx.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "sinks/influx/answer.h"
#include "sinks/influx/client.h"
#include "sinks/influx/influx_settings.h"
#include "sinks/influx/kept_connection.h"
#include "sinks/influx/transport.h"

namespace vigile {

namespace influx_sink {

namespace {

// Of a body that are kept; the rest ends the connection. InfluxDB 3 names up to 100 lines.
constexpr std::size_t kAnswerBytes = std::size_t{256} << 10;
// Servers and the proxies before them take at least this: nginx 1 MiB, Telegraf's listeners lines of 64 KiB.
constexpr std::uint64_t kLeastLimitBytes = std::uint64_t{16} << 10;
constexpr std::uint64_t kBatchBytes = std::uint64_t{8} << 20;
constexpr std::uint64_t kBatchBytesV3 = std::uint64_t{9} << 20;  // its limit is 10 MiB

struct CleanUp {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// The body as libcurl takes it, from pieces that stay where they are.
class Body {
 public:
  explicit Body(std::vector<std::string_view> pieces) : pieces_(std::move(pieces)) {
    for (const auto piece : pieces_) size_ += piece.size();
  }
  std::uint64_t size() const { return size_; }
  std::size_t read(char* to, std::size_t room) {
    std::size_t copied = 0;
    while (copied < room && piece_ < pieces_.size()) {
      const std::string_view rest = pieces_[piece_].substr(offset_);
      const std::size_t part = std::min(rest.size(), room - copied);
      std::memcpy(to + copied, rest.data(), part);
      copied += part;
      offset_ += part;
      if (offset_ == pieces_[piece_].size()) {
        ++piece_;
        offset_ = 0;
      }
    }
    return copied;
  }
  // libcurl rewinds when a kept connection turns out to be closed.
  bool seek(std::uint64_t to) {
    if (to > size_) return false;
    piece_ = 0;
    while (piece_ < pieces_.size() && to >= pieces_[piece_].size()) to -= pieces_[piece_++].size();
    offset_ = static_cast<std::size_t>(to);
    return true;
  }

 private:
  std::vector<std::string_view> pieces_;
  std::uint64_t size_ = 0;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;
};

struct Transfer {
  CURL* curl;
  Body* body;
  Answer answer = {};
  bool premature = false;
  std::stop_token stop;
};

std::size_t read_body(char* to, std::size_t size, std::size_t count, void* transfer) {
  return static_cast<Transfer*>(transfer)->body->read(to, size * count);
}

int seek_body(void* transfer, curl_off_t to, int origin) {
  const bool done = origin == SEEK_SET && to >= 0 &&
                    static_cast<Transfer*>(transfer)->body->seek(static_cast<std::uint64_t>(to));
  return done ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
}

std::size_t take_answer(char* data, std::size_t size, std::size_t count, void* transfer) {
  std::string& body = static_cast<Transfer*>(transfer)->answer.body;
  const std::size_t room = kAnswerBytes - body.size();
  body.append(data, std::min(size * count, room));
  return size * count <= room ? size * count : 0;  // 0 ends the transfer: what counts is in the status
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* transfer) {
  const std::string_view line(data, size * count);
  Transfer& under_way = *static_cast<Transfer*>(transfer);
  under_way.premature = is_premature(under_way.curl, line, under_way.body->size());
  if (under_way.premature) return 0;  // ends the transfer
  constexpr std::string_view kRetryAfter = "retry-after:";
  if (line.size() > kRetryAfter.size() &&
      ::strncasecmp(line.data(), kRetryAfter.data(), kRetryAfter.size()) == 0) {
    std::string_view value = line.substr(kRetryAfter.size(), 100);
    while (!value.empty() && static_cast<unsigned char>(value.front()) <= ' ') value.remove_prefix(1);
    while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ') value.remove_suffix(1);
    under_way.answer.retry_after = value;
  }
  return size * count;
}

int check_stop(void* transfer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(transfer)->stop.stop_requested() ? 1 : 0;
}

class InfluxSink final : public Sink {
 public:
  InfluxSink(InfluxSettings settings, const SinkEnvironment& environment);

  Outcome deliver(const Batch& batch, std::stop_token stop) override;
  std::uint64_t max_batch_bytes() const override {
    return settings_.api == Api::v3 ? kBatchBytesV3 : kBatchBytes;
  }
  std::uint64_t least_limit_bytes() const override { return kLeastLimitBytes; }
  void close(std::chrono::nanoseconds /*limit*/) override { curl_.reset(); }

 private:
  void set_up();
  Outcome post(Body& body, std::stop_token stop);
  Outcome no_answer(CURLcode code) const;

  const InfluxSettings settings_;
  const Clock& clock_;
  std::unique_ptr<CURL, CleanUp> curl_;
  std::unique_ptr<curl_slist, CleanUp> headers_;
  char error_[CURL_ERROR_SIZE] = {};
};

InfluxSink::InfluxSink(InfluxSettings settings, const SinkEnvironment& environment)
    : settings_(std::move(settings)), clock_(environment.clock) {
  const auto add = [this](const std::string& header) {
    headers_.reset(curl_slist_append(headers_.release(), header.c_str()));
  };
  add("Content-Type: text/plain; charset=utf-8");
  if (settings_.gzip) add("Content-Encoding: gzip");
  add("Expect:");  // no round trip to ask whether the body is welcome
  if (const std::string header = authorization_header(settings_); !header.empty()) add(header);
  for (const auto& [name, value] : settings_.headers) add(name + ": " + value);
}

void InfluxSink::set_up() {
  curl_.reset(curl_easy_init());
  CURL* const curl = curl_.get();
  if (curl == nullptr) return;
  const auto ms = [](std::chrono::nanoseconds time) {
    return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(time).count());
  };
  set_up_transport(curl, settings_);
  curl_easy_setopt(curl, CURLOPT_URL, settings_.write_url.c_str());
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms(settings_.timeout));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, ms(settings_.connect_timeout));
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 65536L);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 16384L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_body);
  curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

Outcome InfluxSink::deliver(const Batch& batch, std::stop_token stop) {
  if (curl_ && is_spoilt(curl_.get())) curl_.reset();
  if (!curl_) set_up();
  if (!curl_) return Outcome{.kind = Outcome::Kind::retry_later, .message = "libcurl: out of memory"};
  std::vector<std::string_view> pieces;
  if (settings_.gzip) {
    const std::string trailer = gzip_trailer(batch.payloads);
    pieces.reserve(batch.payloads.size() + 2);
    pieces.push_back(gzip_header());
    for (const Payload& payload : batch.payloads) pieces.push_back(payload.deflate);
    pieces.push_back(trailer);
    Body body(std::move(pieces));
    return post(body, stop);
  }
  std::vector<std::string> lines;
  for (const Payload& payload : batch.payloads) {
    auto inflated = inflate_payload(payload);
    if (!inflated) return Outcome{.kind = Outcome::Kind::malformed, .message = inflated.error().message};
    lines.push_back(std::move(*inflated));
  }
  pieces.assign(lines.begin(), lines.end());
  Body body(std::move(pieces));
  return post(body, stop);
}

Outcome InfluxSink::post(Body& body, std::stop_token stop) {
  CURL* const curl = curl_.get();
  Transfer transfer{.curl = curl, .body = &body, .stop = stop};
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  for (const CURLoption option :
       {CURLOPT_READDATA, CURLOPT_SEEKDATA, CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_XFERINFODATA}) {
    curl_easy_setopt(curl, option, &transfer);
  }
  error_[0] = '\0';
  ExcessWatch excess;
  excess.attach(curl);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.answer.status);
  if (code == CURLE_OK) {
    if (excess.found()) curl_.reset();
    return judge(transfer.answer, settings_, clock_.wall());
  }
  if (transfer.premature) {
    // On a kept connection it may be the answer to something else: a new one will tell.
    const bool kept = was_kept(curl);
    curl_.reset();
    if (kept) set_up();
    if (curl_ && body.seek(0)) return post(body, stop);
    return Outcome{.kind = Outcome::Kind::retry_later,
                   .message = settings_.target + ": " + std::string(kPremature)};
  }
  // A refusal counts though its body broke off (nobody reads all of an endless one, and a 413 may end the
  // connection); anything else needs a whole answer.
  Outcome outcome = no_answer(code);
  transfer.answer.whole = false;
  if (transfer.answer.status >= 300 && code != CURLE_ABORTED_BY_CALLBACK) {
    outcome = judge(transfer.answer, settings_, clock_.wall());
  }
  curl_.reset();  // nothing half done is kept for the next try
  return outcome;
}

Outcome InfluxSink::no_answer(CURLcode code) const {
  Outcome outcome{.kind = Outcome::Kind::retry_later};
  outcome.message = transfer_failure(curl_.get(), code, error_, settings_);
  long proxy_status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      // Without a clock every certificate is of the future, until there is one.
      if (clock_.wall_is_set()) outcome.kind = Outcome::Kind::paused;
      break;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_LOGIN_DENIED:
      outcome.kind = Outcome::Kind::paused;
      break;
    case CURLE_ABORTED_BY_CALLBACK:
      outcome.message = "stopped while waiting for the server";
      break;
    default:
      if (proxy_status >= 400 && proxy_status < 500) outcome.kind = Outcome::Kind::paused;
      break;
  }
  return outcome;
}

Result<std::unique_ptr<Sink>> make_influx_sink(const Options& options, const SinkEnvironment& environment) {
  auto settings = read_settings(options);
  if (!settings) return settings.error();
  return std::unique_ptr<Sink>(std::make_unique<InfluxSink>(std::move(*settings), environment));
}

bool check_influx_sink(const Options& options, const SinkEnvironment& environment,
                       const CheckReport& report) {
  auto settings = read_settings(options);
  if (!settings) {
    report({CheckStep::Kind::failed, "settings", settings.error().message, "correct the settings"});
    return false;
  }
  return InfluxClient(std::move(*settings)).test_connection(environment.clock, environment.device, report);
}

}  // namespace

}  // namespace influx_sink

const SinkInfo kInfluxSink = {
    .kind = "influx",
    .summary = "Writes line protocol to InfluxDB 1, 2, 3 or VictoriaMetrics over HTTP.",
    .options = influx_sink::option_table(),
    .make = influx_sink::make_influx_sink,
    .check = influx_sink::check_influx_sink};

}  // namespace vigile
