// SPDX-License-Identifier: Apache-2.0
#include "drivers/http/http.h"

#include "core/certificate_date.h"

#include <algorithm>
#include <array>

#include "core/units.h"
#include "drivers/http/request.h"

namespace vigile {

namespace http_driver {

namespace {

constexpr int kMostRedirects = 5;

constexpr std::array kMetrics = {
    MetricSpec{"response_time", "response_time", "float", "ms",
               "from the start to the last byte read, redirects included"},
    MetricSpec{"http_name_lookup_time", "name_lookup_time", "float", "ms", "looking up the host's name"},
    MetricSpec{"http_connect_time", "connect_time", "float", "ms", "connecting, once the name is known"},
    MetricSpec{"http_tls_time", "tls_time", "float", "ms", "TLS handshake; https only"},
    MetricSpec{"http_first_byte_time", "first_byte_time", "float", "ms",
               "from the request to the first byte of the answer"},
    MetricSpec{"http_transfer_time", "transfer_time", "float", "ms", "from the first byte to the last"},
    MetricSpec{"http_status_code", "status_code", "int", "1", "status line"},
    MetricSpec{"http_body_size", "body_size", "int", "bytes", "bytes of the body that were read"},
    MetricSpec{"http_certificate_days", "certificate_days", "float", "d",
               "until the server's certificate expires; https only"},
    MetricSpec{"http_up", "up", "int", "1", "1: it answered as expected, 0: it did not"},
};

class Values {
 public:
  void add(std::string_view metric, Number number) {
    const auto* const spec =
        std::find_if(kMetrics.begin(), kMetrics.end(), [&](const auto& one) { return one.name == metric; });
    values_[size_++] = Value{spec->name, spec->field, number};
  }
  std::span<const Value> all() const { return {values_.data(), size_}; }

 private:
  std::array<Value, kMetrics.size()> values_;
  std::size_t size_ = 0;
};

class HttpDriver final : public Driver {
 public:
  HttpDriver(HttpSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto answer = fetch(context);
    if (context.stop.stop_requested())
      return Error{ErrorKind::unavailable, settings_.url.shown + ": stopped"};
    const Result<void> judged = answer ? judge(*answer) : Result<void>(answer.error());
    Values values;
    if (answer) add(*answer, values);
    values.add("http_up", std::int64_t{judged ? 1 : 0});
    const Tag tag{"url", settings_.url.shown};
    out.add({.measurement = "http", .tags = {&tag, 1}, .values = values.all()});
    if (judged) {
      out.availability(true, answer->total_ms, "");
    } else {
      out.availability(false, std::nullopt, judged.error().message);
    }
    return judged;
  }

 private:
  // The last answer, of as many as the redirects come to.
  Result<Answer> fetch(const SampleContext& context) const {
    const BootTime deadline = std::min(context.deadline, context.started + settings_.timeout);
    HttpUrl url = settings_.url;
    Method method = settings_.method;
    bool trusted = true;
    double before_ms = 0;
    for (int redirects = 0;; ++redirects) {
      auto answer = ask(settings_, url, method, trusted, clock_, deadline, context.stop);
      if (!answer) return answer;
      answer->total_ms += before_ms;
      before_ms = answer->total_ms;
      if (!settings_.follow_redirects || answer->redirect.empty()) return answer;
      if (redirects == kMostRedirects)
        return Error{ErrorKind::unavailable, settings_.url.shown + ": more than 5 redirects"};
      auto next = parse_http_url(answer->redirect);
      if (!next) return Error{ErrorKind::unavailable, url.shown + ": redirects to what is not an HTTP URL"};
      // Once it has been elsewhere, what comes next is not the URL's own host speaking, even if it is asked.
      trusted = trusted && next->origin == settings_.url.origin;
      if (method == Method::post) {
        const bool again = answer->status == 307 || answer->status == 308;  // RFC 9110 §15.4
        if (again && !trusted) return answer;                               // the body is not for others
        if (!again) method = Method::get;
      }
      url = std::move(*next);
    }
  }

  Result<void> judge(const Answer& answer) const {
    if (!settings_.expect_status.contains(answer.status)) {
      return Error{ErrorKind::unavailable, settings_.url.shown + ": answered " +
                                               std::to_string(answer.status) + ", expected " +
                                               settings_.expect_status.text()};
    }
    if (!answer.body_found) {
      const std::string where =
          answer.body_cut ? "the first " + format_size(answer.body_bytes) + " of the body" : "the body";
      return Error{ErrorKind::unavailable, settings_.url.shown + ": the expected text is not in " + where};
    }
    return {};
  }

  void add(const Answer& answer, Values& values) const {
    values.add("response_time", answer.total_ms);
    values.add("http_name_lookup_time", answer.lookup_ms);
    values.add("http_connect_time", answer.connect_ms);
    if (answer.tls_ms) values.add("http_tls_time", *answer.tls_ms);
    values.add("http_first_byte_time", answer.first_byte_ms);
    values.add("http_transfer_time", answer.transfer_ms);
    values.add("http_status_code", std::int64_t{answer.status});
    values.add("http_body_size", static_cast<std::int64_t>(answer.body_bytes));
    if (answer.certificate_end && clock_.wall_is_set()) {
      values.add("http_certificate_days", days_between(clock_.wall(), *answer.certificate_end));
    }
  }

  const HttpSettings settings_;
  const Clock& clock_;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  auto settings = read_settings(options);
  if (!settings) return settings.error();
  return std::unique_ptr<Driver>(std::make_unique<HttpDriver>(std::move(*settings), environment.clock));
}

}  // namespace

}  // namespace http_driver

const DriverInfo kHttpDriver = {.name = "http",
                                .summary = "Whether a URL answers as it should, and how fast.",
                                .options = http_driver::option_table(),
                                .metrics = http_driver::kMetrics,
                                .may_block = true,
                                .decides_availability = true,
                                .series = [](const Options& options) { return options.text("url"); },
                                .make = http_driver::make};

}  // namespace vigile
