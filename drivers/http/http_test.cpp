// SPDX-License-Identifier: Apache-2.0
// Against a server on loopback that answers as its script says, also with captured answers: testcases/.
#include "drivers/http/http.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <regex>

#include "core/file.h"
#include "drivers/http/expectation.h"
#include "drivers/http/http_settings.h"
#include "drivers/http/request.h"
#include "drivers/http/scripted_server.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"
#include "support/silent_address.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Then = ScriptedServer::Reply::Then;

struct Sampled {
  Result<void> result;
  std::string text;
  std::string error() const { return result ? "" : result.error().message; }
};

Sampled sample(const std::string& yaml, std::chrono::nanoseconds deadline = 10s, std::stop_token stop = {}) {
  static const SystemClock clock;
  const auto driver = kHttpDriver.make(options_from_yaml(kHttpDriver, yaml), {.clock = clock});
  if (!driver) return {driver.error(), ""};
  TextOutput out(kHttpDriver);
  auto result = (*driver)->sample({clock.boot(), clock.boot() + deadline, stop}, out);
  return {std::move(result), out.text};
}

Sampled sample(const ScriptedServer& server, const std::string& more = "") {
  return sample("{url: \"" + server.url("/p?key=s3cret") + "\"" + more + "}", 20s);
}

std::string answer(const std::string& status, const std::string& headers = "", const std::string& body = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
         "\r\n" + body;
}

double field(const std::string& text, const std::string& name) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex("[ ,]" + name + "=([-0-9.]+)"))) return -1;
  return std::stod(match[1]);
}

TEST(Http, ASilentAddressOfANameDoesNotMakeItUnreachable) {
  const ScriptedServer server(answer("200 OK"));
  const SilentAddress silent("127.0.0.2", server.port());
  ::setenv("VIGILE_TEST_NAMES", "camera.test=127.0.0.2,127.0.0.1", 1);
  const Sampled got =
      sample("{url: \"http://camera.test:" + std::to_string(server.port()) + "/\", timeout: 4s}", 20s);
  EXPECT_TRUE(got.result) << got.error();
  EXPECT_THAT(got.text, HasSubstr("up=1i"));
}

TEST(Http, Testcases) {
  const bool update = std::getenv("VIGILE_UPDATE_EXPECTED") != nullptr;
  int cases = 0;
  for (const auto& folder : std::filesystem::directory_iterator(testcases_of(kHttpDriver))) {
    if (!folder.is_directory()) continue;
    SCOPED_TRACE(folder.path().string());
    ++cases;
    // Without a captured answer nobody listens.
    std::optional<ScriptedServer> server;
    std::uint16_t port = 0;
    if (const auto captured = read_file(folder.path() / "answer.http")) {
      port = server.emplace(*captured).port();
    } else {
      port = free_port();
    }
    const std::string port_text = std::to_string(port);
    const auto options = read_file(folder.path() / "options.yaml");
    ASSERT_TRUE(options) << options.error().message;
    const Sampled got = sample(std::regex_replace(*options, std::regex("PORT"), port_text));
    std::string text = got.text;
    if (!got.result)
      text += "error: " + std::string(to_string(got.result.error().kind)) + ": " + got.error() + "\n";
    text = std::regex_replace(text, std::regex("(_time=|availability up )[0-9.]+"), "$1#");
    text = std::regex_replace(text, std::regex("127\\.0\\.0\\.1:" + port_text), "127.0.0.1:PORT");
    if (update) std::ofstream(folder.path() / "expected.txt") << text;
    EXPECT_EQ(text, read_file(folder.path() / "expected.txt").value_or("(no expected.txt)"));
  }
  EXPECT_GE(cases, 10);
}

TEST(Http, MeasuresEachPhaseApart) {
  const ScriptedServer server(answer("200 OK", "", "fine"));
  const Sampled got = sample(server);
  ASSERT_TRUE(got.result) << got.error();
  EXPECT_THAT(got.text, AllOf(HasSubstr("http,url=" + server.url("/p") + " response_time="),
                              HasSubstr(",status_code=200i,body_size=4i,up=1i\navailability up "),
                              Not(HasSubstr("tls_time")), Not(HasSubstr("certificate_days"))));
  const double total = field(got.text, "response_time");
  double sum = 0;
  for (const char* phase : {"name_lookup_time", "connect_time", "first_byte_time", "transfer_time"}) {
    EXPECT_GE(field(got.text, phase), 0) << phase;
    sum += field(got.text, phase);
  }
  EXPECT_GT(total, 0);
  EXPECT_LE(sum, total + 0.001);
  EXPECT_THAT(server.requests(), testing::ElementsAre(AllOf(HasSubstr("GET /p?key=s3cret HTTP/1.1\r\n"),
                                                            HasSubstr("User-Agent: vigile\r\n"))));
}

TEST(Http, PhasesAreDifferences) {
  http_driver::Answer answer;
  http_driver::set_phases(
      answer, {.lookup = 1, .connect = 3, .tls = 10, .request = 11, .first_byte = 16, .total = 24});
  EXPECT_EQ(answer.lookup_ms, 1);
  EXPECT_EQ(answer.connect_ms, 2);
  EXPECT_EQ(answer.tls_ms, 7);
  EXPECT_EQ(answer.first_byte_ms, 5);
  EXPECT_EQ(answer.transfer_ms, 8);
  EXPECT_EQ(answer.total_ms, 24);
}

TEST(Http, ReadsNoMoreThanItsLimitOfALargeBody) {
  const ScriptedServer server(answer("200 OK", "", std::string(std::size_t{10} << 20, 'x') + "the end"));
  const Sampled whole = sample(server);
  EXPECT_TRUE(whole.result) << whole.error();
  EXPECT_EQ(field(whole.text, "body_size"), 65536);
  const Sampled searched = sample(server, ", expect_body: the end, max_body: 100kB");
  EXPECT_EQ(searched.error(),
            server.url("/p") + ": the expected text is not in the first 97.7 KiB of the body");
  EXPECT_THAT(searched.text, HasSubstr("body_size=100000i,up=0i"));
  EXPECT_LT(server.bytes_sent(), std::uint64_t{15} << 20);  // what the socket buffers took at most
  EXPECT_TRUE(sample(server, ", expect_body: the end, max_body: 11MiB").result);
}

TEST(Http, EndsWithAServerThatNeverDoes) {
  const ScriptedServer silent([](const std::string&) { return ScriptedServer::Reply{"", Then::hold}; });
  const Sampled waited = sample(silent, ", timeout: 60ms");
  ASSERT_FALSE(waited.result);
  EXPECT_EQ(waited.result.error().kind, ErrorKind::timeout);
  EXPECT_EQ(waited.error(), silent.url("/p") + ": timed out waiting for an answer");
  EXPECT_EQ(waited.text,
            "http,url=" + silent.url("/p") + " up=0i\navailability down: " + waited.error() + "\n");
  EXPECT_EQ(sample("{url: \"" + silent.url() + "\"}", 60ms).result.error().kind, ErrorKind::timeout);
  EXPECT_EQ(sample("{url: \"" + silent.url() + "\"}", 0ms).result.error().kind, ErrorKind::timeout);

  const ScriptedServer slow([](const std::string&) {
    return ScriptedServer::Reply{"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", Then::trickle};
  });
  EXPECT_EQ(sample(slow, ", timeout: 60ms").error(), slow.url("/p") + ": timed out reading the answer");

  std::string headers = "HTTP/1.1 200 OK\r\n";
  while (headers.size() < 100'000) headers += "X-More: of the same\r\n";
  const ScriptedServer talking([&](const std::string&) {
    return ScriptedServer::Reply{headers, Then::hold};
  });
  EXPECT_EQ(sample(talking).error(), talking.url("/p") + ": the answer has more than 64 KiB of headers");
}

TEST(Http, StopsAtOnce) {
  std::stop_source stop;
  const ScriptedServer silent([&](const std::string&) {
    stop.request_stop();
    return ScriptedServer::Reply{"", Then::hold};
  });
  const auto begin = std::chrono::steady_clock::now();
  const Sampled stopped = sample("{url: \"" + silent.url() + "\", timeout: 60s}", 60s, stop.get_token());
  EXPECT_EQ(stopped.error(), silent.url() + ": stopped");
  EXPECT_EQ(stopped.text, "");  // not its fault: nothing is said of availability
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 800ms);  // the poll alone would sleep a second
}

TEST(Http, SendsWhatItIsToldTo) {
  const ScriptedServer server([](const std::string& request) {
    return ScriptedServer::Reply{answer("200 OK", "", request.starts_with("HEAD") ? "" : "ok")};
  });
  EXPECT_TRUE(sample(server, ", method: HEAD").result);
  EXPECT_TRUE(sample(server,
                     ", method: POST, body: '{\"a\":1}', headers: {Content-Type: application/json, "
                     "X-Empty: ''}, token: t0ken")
                  .result);
  EXPECT_TRUE(sample(server, ", user: who, password: pass").result);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_THAT(requests[0], AllOf(HasSubstr("HEAD /p"), Not(HasSubstr("Authorization"))));
  EXPECT_THAT(requests[1],
              AllOf(HasSubstr("POST /p"), HasSubstr("\r\nContent-Type: application/json\r\n"),
                    HasSubstr("\r\nX-Empty:\r\n"), HasSubstr("\r\nAuthorization: Bearer t0ken\r\n"),
                    HasSubstr("\r\n\r\n{\"a\":1}"), Not(HasSubstr("Expect:"))));
  EXPECT_THAT(requests[2], HasSubstr("\r\nAuthorization: Basic d2hvOnBhc3M=\r\n"));
}

TEST(Http, LogsInByDigest) {
  const ScriptedServer server([](const std::string& request) {
    const bool known = request.find("\r\nAuthorization: Digest username=\"who\"") != std::string::npos;
    return ScriptedServer::Reply{
        known ? answer("200 OK")
              : answer("401 Unauthorized",
                       "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n")};
  });
  EXPECT_TRUE(sample(server, ", user: who, password: pass, auth: digest").result);
  EXPECT_THAT(sample(server, ", user: who, password: pass").error(), HasSubstr("answered 401"));
  for (const std::string& request : server.requests()) EXPECT_THAT(request, Not(HasSubstr("pass")));
}

// The second request of Digest goes over a connection of its own: what stood behind the refusal unasked is
// not taken as its answer. The refusal fills libcurl's buffer, so that the rest waits in the socket.
TEST(Http, WhatFollowsARefusalUnaskedIsNoAnswer) {
  const ScriptedServer server([](const std::string& request) {
    if (request.find("\r\nAuthorization: Digest") != std::string::npos) {
      return ScriptedServer::Reply{answer("503 Service Unavailable")};
    }
    const auto refusal = [](std::size_t padding) {
      return answer("401 Unauthorized",
                    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\nX: " +
                        std::string(padding, 'x') + "\r\n");
    };
    return ScriptedServer::Reply{refusal(16384 - refusal(0).size()) + answer("200 OK"),
                                 ScriptedServer::Reply::Then::hold};
  });
  EXPECT_THAT(sample(server, ", user: who, password: pass, auth: digest").error(), HasSubstr("answered 503"));
}

TEST(Http, FollowsRedirectsOnlyIfToldTo) {
  const ScriptedServer server([](const std::string& request) {
    if (request.find(" /p") == std::string::npos) return ScriptedServer::Reply{answer("200 OK", "", "there")};
    return ScriptedServer::Reply{answer("302 Found", "Location: /there\r\n")};
  });
  EXPECT_THAT(sample(server).text, HasSubstr("status_code=302i"));
  const Sampled followed =
      sample(server, ", follow_redirects: true, expect_body: there, token: t0ken, method: POST, body: b");
  ASSERT_TRUE(followed.result) << followed.error();
  EXPECT_THAT(followed.text, HasSubstr("status_code=200i,body_size=5i"));
  EXPECT_THAT(server.requests().back(), AllOf(HasSubstr("GET /there HTTP"), HasSubstr("Bearer t0ken")));

  const ScriptedServer circle(answer("302 Found", "Location: /p\r\n"));
  EXPECT_EQ(sample(circle, ", follow_redirects: true").error(), circle.url("/p") + ": more than 5 redirects");
  EXPECT_EQ(circle.requests().size(), 6u);
  const ScriptedServer away(answer("302 Found", "Location: file:///etc/passwd\r\n"));
  EXPECT_EQ(sample(away, ", follow_redirects: true").error(),
            away.url("/p") + ": redirects to what is not an HTTP URL");
}

TEST(Http, GivesCredentialsToNoOtherHost) {
  std::string back;  // a further redirect, to where it came from
  const ScriptedServer other([&](const std::string&) {
    return ScriptedServer::Reply{back.empty() ? answer("200 OK")
                                              : answer("302 Found", "Location: " + back + "\r\n")};
  });
  std::string status = "302 Found";
  const ScriptedServer own([&](const std::string& request) {
    if (request.find(" /back ") != std::string::npos) return ScriptedServer::Reply{answer("200 OK")};
    return ScriptedServer::Reply{answer(status, "Location: " + other.url() + "\r\n")};
  });
  const std::string headers = ", follow_redirects: true, headers: {X-Api-Key: k3y, Cookie: c00kie}";
  EXPECT_TRUE(sample(own, headers + ", user: who, password: pass").result);
  EXPECT_TRUE(sample(own, headers + ", token: t0ken, method: POST, body: b0dy").result);
  back = own.url("/back");
  EXPECT_TRUE(sample(own, headers + ", token: t0ken").result);
  ASSERT_EQ(other.requests().size(), 3u);
  const auto own_requests = own.requests();
  ASSERT_EQ(own_requests.size(), 4u);
  EXPECT_THAT(own_requests[0], AllOf(HasSubstr("k3y"), HasSubstr("Basic")));
  EXPECT_THAT(own_requests[1], AllOf(HasSubstr("k3y"), HasSubstr("t0ken"), HasSubstr("b0dy")));
  std::vector<std::string> must_not = other.requests();
  must_not.push_back(own_requests[3]);
  for (const std::string& request : must_not) {
    for (const char* secret : {"k3y", "c00kie", "Authorization", "t0ken", "b0dy"}) {
      EXPECT_THAT(request, Not(HasSubstr(secret)));
    }
  }
  status = "307 Temporary Redirect";
  const Sampled kept = sample(own, headers + ", method: POST, body: b0dy");
  EXPECT_THAT(kept.text, HasSubstr("status_code=307i"));
  EXPECT_EQ(other.requests().size(), 3u);
}

TEST(Http, HeedsNoProxyOfTheEnvironment) {
  const ScriptedServer proxy(answer("200 OK"));
  const ScriptedServer server(answer("200 OK"));
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  EXPECT_TRUE(sample(server).result);
  ::unsetenv("http_proxy");
  EXPECT_EQ(proxy.requests().size(), 0u);
  EXPECT_TRUE(sample(server, ", proxy: \"" + proxy.url() + "\"").result);
  ASSERT_EQ(proxy.requests().size(), 1u);
  EXPECT_THAT(proxy.requests()[0], HasSubstr("GET " + server.url("/p?key=s3cret")));
}

TEST(Http, NeverTellsASecret) {
  const std::string secrets = "user:p4ssword@";
  const std::string port = std::to_string(free_port());
  const ScriptedServer garbage("SSH-2.0-OpenSSH_9.2\r\n");
  const ScriptedServer unwelcome(answer("403 Forbidden"));
  for (const std::string& place :
       {"127.0.0.1:" + port, "127.0.0.1:" + std::to_string(garbage.port()),
        "127.0.0.1:" + std::to_string(unwelcome.port()), std::string("no-such-host.invalid")}) {
    for (const char* scheme : {"http://", "https://"}) {
      const Sampled got = sample("{url: \"" + (scheme + secrets) + place +
                                 "/p?key=s3cret#f\", timeout: 200ms, "
                                 "headers: {X-Api-Key: k3y}, proxy: \"\"}");
      ASSERT_FALSE(got.result);
      EXPECT_THAT(got.error(), HasSubstr(scheme + place + "/p: "));
      for (const char* secret : {"user", "p4ssword", "s3cret", "k3y"}) {
        EXPECT_THAT(got.error() + got.text, Not(HasSubstr(secret)));
      }
    }
  }
  EXPECT_EQ(sample("{url: \"http://user:p4ssword@ho st/\"}").error(),
            "url: is not a URL like http://host/path");
}

TEST(Http, RefusesSettingsThatCannotBeMeant) {
  const auto refusal = [](const std::string& more) {
    const Sampled got = sample("{url: \"http://127.0.0.1:9/\"" + more + "}");
    EXPECT_TRUE(!got.result && got.result.error().kind == ErrorKind::config) << more << ": " << got.error();
    return got.error();
  };
  EXPECT_EQ(refusal(", body: x"), "body: needs method: POST");
  EXPECT_EQ(refusal(", password: x"), "password: needs a user");
  EXPECT_EQ(refusal(", user: u, token: x"), "token: is instead of user and password, not beside them");
  EXPECT_EQ(refusal(", token: \"a\\nb\""), "token: must be one line");
  EXPECT_EQ(refusal(", headers: {\"a b\": c}"), "headers: \"a b\" is not the name of a header");
  EXPECT_EQ(refusal(", headers: {a: \"b\\r\\nc: d\"}"), "headers: a must be one line");
  EXPECT_EQ(refusal(", method: HEAD, expect_body: x"), "expect_body: an answer to HEAD has no body");
  EXPECT_EQ(refusal(", expect_body: " + std::string(1025, 'x')), "expect_body: must be at most 1024 bytes");
  EXPECT_EQ(refusal(", cert_file: /x"), "cert_file: and key_file go together");
  EXPECT_EQ(refusal(", expect_status: 2xx"),
            "expect_status: \"2xx\" is not like 200, or 200-399, or 200,301-308");
  EXPECT_EQ(sample("{url: \"ftp://host/\"}").error(), "url: must begin with http:// or https://, not ftp://");
  EXPECT_EQ(sample("{url: \"127.0.0.1:80/\"}").result.error().kind, ErrorKind::config);
}

TEST(Http, TellsOriginsApart) {
  const auto origin = [](const char* url) { return http_driver::parse_http_url(url)->origin; };
  EXPECT_EQ(origin("http://Host/a"), origin("http://u:p@host:80/b?c#d"));
  EXPECT_NE(origin("http://host/"), origin("https://host/"));
  EXPECT_NE(origin("http://host/"), origin("http://host:8080/"));
  EXPECT_NE(origin("http://host/"), origin("http://host.example/"));
  EXPECT_EQ(http_driver::parse_http_url("https://u:p@[2001:db8::1]:8443/a/b?c#d")->shown,
            "https://[2001:db8::1]:8443/a/b");
}

TEST(Http, ReadsSetsOfStatusCodes) {
  const auto set = StatusSet::parse(" 200, 204,301 - 308");
  ASSERT_TRUE(set);
  for (const long in : {200, 204, 301, 305, 308}) EXPECT_TRUE(set->contains(in)) << in;
  for (const long out : {0, 199, 201, 203, 300, 309}) EXPECT_FALSE(set->contains(out)) << out;
  for (const char* bad :
       {"", ",", "200,", "20", "2000", "399-200", "200-", "-200", "200--300", "ok", "+200"}) {
    EXPECT_FALSE(StatusSet::parse(bad)) << bad;
  }
}

TEST(Http, FindsATextHoweverTheBodyIsCut) {
  const std::string body = "aaab aab aaaab";
  for (std::size_t chunk = 1; chunk <= body.size(); ++chunk) {
    for (const auto& [wanted, there] : {std::pair("aaaab", true),
                                        {"aab a", true},
                                        {"b", true},
                                        {"bb", false},
                                        {"aaaaab", false},
                                        {"", true}}) {
      BodySearch search(wanted);
      for (std::size_t at = 0; at < body.size(); at += chunk) search.feed(body.substr(at, chunk));
      EXPECT_EQ(search.found(), there) << wanted << " in chunks of " << chunk;
    }
  }
}

}  // namespace
}  // namespace vigile
