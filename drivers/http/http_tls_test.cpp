// SPDX-License-Identifier: Apache-2.0
// HTTPS against `openssl s_server`, with certificates that `openssl req` makes.
#include <gmock/gmock.h>

#include <regex>

#include "drivers/http/http.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class HttpTls : public testing::Test {
 protected:
  // Self-signed, so that it is its own authority.
  void make_certificate(const std::string& name, const std::string& host, const std::string& days = "30") {
    ChildProcess openssl(
        {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", days, "-subj", "/CN=" + name, "-addext", "subjectAltName=" + host, "-keyout",
         file(name + ".key"), "-out", file(name + ".pem")},
        dir_ / (name + ".log"));
    ASSERT_EQ(openssl.wait(30s), 0) << openssl.output();
  }

  void serve(std::vector<std::string> more = {}) {
    port_ = free_port();
    std::vector<std::string> arguments = {
        "openssl", "s_server",         "-www", "-accept",         "127.0.0.1:" + std::to_string(port_),
        "-cert",   file("server.pem"), "-key", file("server.key")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    server_.emplace(std::move(arguments), dir_ / "server.log");
    ASSERT_TRUE(eventually([&] { return port_answers(port_); })) << server_->output();
  }

  std::string file(const std::string& name) const { return (dir_ / name).string(); }

  Result<void> sample(const std::string& more) {
    const auto driver =
        kHttpDriver.make(options_from_yaml(kHttpDriver, "{url: \"https://127.0.0.1:" + std::to_string(port_) +
                                                            "/\", " + more + "}"),
                         {.clock = clock_});
    if (!driver) return driver.error();
    TextOutput out(kHttpDriver);
    auto result = (*driver)->sample({clock_.boot(), clock_.boot() + 20s, {}}, out);
    text_ = out.text;
    return result;
  }

  double field(const std::string& name) const {
    std::smatch match;
    if (!std::regex_search(text_, match, std::regex("[ ,]" + name + "=([-0-9.]+)"))) return -1;
    return std::stod(match[1]);
  }

  const SystemClock clock_;
  TempDir dir_;
  std::uint16_t port_ = 0;
  std::optional<ChildProcess> server_;
  std::string text_;
};

TEST_F(HttpTls, MeasuresTheHandshakeAndTheDaysThatAreLeft) {
  make_certificate("server", "IP:127.0.0.1");
  serve();
  const auto result = sample("ca_file: \"" + file("server.pem") + "\", timeout: 15s");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_NEAR(field("certificate_days"), 30, 0.01);
  EXPECT_GT(field("tls_time"), 0);
  EXPECT_LE(field("name_lookup_time") + field("connect_time") + field("tls_time") + field("first_byte_time") +
                field("transfer_time"),
            field("response_time") + 0.001);
  EXPECT_THAT(text_, HasSubstr("status_code=200i"));
}

TEST_F(HttpTls, TheDaysAreRightLongPast2262) {
  make_certificate("server", "IP:127.0.0.1", "2900000");
  serve();
  ASSERT_TRUE(sample("ca_file: \"" + file("server.pem") + "\", timeout: 15s"));
  EXPECT_NEAR(field("certificate_days"), 2'900'000, 0.01);
}

TEST_F(HttpTls, BelievesOnlyItsAuthority) {
  make_certificate("server", "IP:127.0.0.1");
  make_certificate("other", "IP:127.0.0.1");
  serve();
  const std::string url = "https://127.0.0.1:" + std::to_string(port_) + "/";
  auto result = sample("ca_file: \"" + file("other.pem") + "\"");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(result.error().message, url + ": SSL certificate problem: self-signed certificate");
  EXPECT_EQ(text_, "http,url=" + url + " up=0i\navailability down: " + result.error().message + "\n");
  result = sample("ca_file: /nowhere/ca.pem");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("/nowhere/ca.pem"));
  EXPECT_TRUE(sample("ca_file: \"" + file("other.pem") + "\", insecure: true"));
  EXPECT_NEAR(field("certificate_days"), 30, 0.01);
}

TEST_F(HttpTls, BelievesOnlyItsHost) {
  make_certificate("server", "DNS:elsewhere.example");
  serve();
  const auto result = sample("ca_file: \"" + file("server.pem") + "\"");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("127.0.0.1"));
}

TEST_F(HttpTls, ShowsItsOwnCertificate) {
  make_certificate("server", "IP:127.0.0.1");
  make_certificate("client", "DNS:client.example");
  serve({"-Verify", "1", "-verify_return_error", "-CAfile", file("client.pem")});
  const std::string authority = "ca_file: \"" + file("server.pem") + "\"";
  EXPECT_FALSE(sample(authority));
  const auto result = sample(authority + ", cert_file: \"" + file("client.pem") + "\", key_file: \"" +
                             file("client.key") + "\"");
  EXPECT_TRUE(result) << result.error().message;
}

}  // namespace
}  // namespace vigile
