// SPDX-License-Identifier: Apache-2.0
// Against openssl s_server, with certificates made here.
#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "drivers/certificate/certificate.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"
#include "support/silent_address.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const SystemClock system_clock;

class CertificateTest : public ::testing::Test {
 protected:
  CertificateTest() {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
             path("ca.key"), "-out", path("ca.pem"), "-subj", "/CN=Test CA", "-days", "3650"});
    openssl({"ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path("key.pem")});
    openssl({"req", "-new", "-key", path("key.pem"), "-out", path("csr.pem"), "-subj", "/CN=press.example"});
    std::ofstream(path("ext")) << "subjectAltName=DNS:press.example,IP:127.0.0.1\n";
    std::ofstream(path("index")).flush();
    std::ofstream(path("ca.cnf")) << "[ca]\ndefault_ca=d\n[d]\ndatabase=" << path("index")
                                  << "\nserial=" << path("serial") << "\nnew_certs_dir=" << path("")
                                  << "\ndefault_md=sha256\npolicy=p\nunique_subject=no\n"
                                  << "[p]\ncommonName=supplied\n";
    std::ofstream(path("serial")) << "0A\n";
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    ChildProcess process(arguments, dir_ / "log");
    if (process.wait(20s) != 0) throw std::runtime_error("openssl: " + process.output());
  }
  // A certificate of ours, good between two days from now; without the second, for ever (RFC 5280 4.1.2.5).
  std::string sign(const std::string& name, int from_days, std::optional<int> to_days) {
    const auto day = [](int days) {
      const std::string iso = to_iso8601(system_clock.wall() + std::chrono::hours(24 * days));
      std::string text;
      for (const char c : iso.substr(0, 19)) {
        if (c >= '0' && c <= '9') text += c;
      }
      return text.substr(2) + "Z";
    };
    openssl({"ca", "-batch", "-notext", "-config", path("ca.cnf"), "-cert", path("ca.pem"), "-keyfile",
             path("ca.key"), "-in", path("csr.pem"), "-out", path(name), "-startdate", day(from_days),
             "-enddate", to_days ? day(*to_days) : "99991231235959Z", "-extfile", path("ext")});
    return path(name);
  }
  std::string serve(const std::string& certificate, std::vector<std::string> more = {}) {
    port_ = free_port();
    std::vector<std::string> command = {
        "openssl", "s_server",  "-quiet", "-accept",      "127.0.0.1:" + std::to_string(port_),
        "-cert",   certificate, "-key",   path("key.pem")};
    command.insert(command.end(), more.begin(), more.end());
    server_ = std::make_unique<ChildProcess>(command, dir_ / "server.log");
    if (!eventually([&] { return port_answers(port_); }))
      throw std::runtime_error("s_server: " + server_->output());
    return "127.0.0.1:" + std::to_string(port_);
  }
  std::string sample(const std::string& yaml) {
    auto driver =
        kCertificateDriver.make(options_from_yaml(kCertificateDriver, yaml), {.clock = system_clock});
    if (!driver) return driver.error().message;
    TextOutput out(kCertificateDriver);
    const auto done = (*driver)->sample({system_clock.boot(), system_clock.boot() + 10s, {}}, out);
    if (!done)
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    return replace_all(replace_all(out.text, "127.0.0.1:" + std::to_string(port_), "SERVER"),
                       dir_.path().string(), "DIR");
  }
  std::string with(const std::string& address, const std::string& more = "") {
    return "{address: '" + address + "', server_name: press.example, ca_file: " + path("ca.pem") + more + "}";
  }

  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> server_;
};

TEST_F(CertificateTest, AGoodOne) {
  const std::string address = serve(sign("good.pem", -10, 90));
  const std::string got = sample(with(address));
  EXPECT_THAT(got, StartsWith("certificate,source=SERVER response_time="));
  EXPECT_THAT(got, testing::ContainsRegex(
                       ",days_left=(90|89.9)[0-9.]*,age=10[0-9.]*,trusted=1i,name_matches=1i,good=1i,"
                       "subject=\"CN=press.example\",issuer=\"CN=Test CA\",serial=\"0A\"\n"));
  EXPECT_THAT(got, HasSubstr("availability up "));
  // By its address, too.
  EXPECT_THAT(sample("{address: '" + address + "', ca_file: " + path("ca.pem") + "}"),
              HasSubstr("name_matches=1i,good=1i"));
  EXPECT_THAT(sample(with(address, ", min_days: 100")), HasSubstr(", in less than min_days\n"));
}

TEST_F(CertificateTest, WhatIsWrongIsSaidAndTheDaysAreThere) {
  std::string got = sample(with(serve(sign("ended.pem", -100, -3))));
  EXPECT_THAT(got, testing::ContainsRegex(",days_left=-3[0-9.]*,age=100[0-9.]*,trusted=0i,"));
  EXPECT_THAT(got, HasSubstr("error: unavailable: SERVER: has ended at "));
  got = sample(with(serve(sign("early.pem", 5, 90))));
  EXPECT_THAT(got, testing::ContainsRegex(",age=-(5|4.9)[0-9.]*,"));
  EXPECT_THAT(got, HasSubstr("error: unavailable: SERVER: is good from "));
  const std::string address = serve(sign("good.pem", -1, 90));
  got = sample("{address: '" + address + "', server_name: other.example, ca_file: " + path("ca.pem") + "}");
  EXPECT_THAT(got, HasSubstr("trusted=1i,name_matches=0i,good=0i"));
  EXPECT_THAT(got,
              HasSubstr("error: unavailable: SERVER: is for \"CN=press.example\", not for other.example"));
  got = sample("{address: '" + address + "', server_name: press.example}");
  EXPECT_THAT(got, HasSubstr("trusted=0i,name_matches=1i,good=0i"));
  EXPECT_THAT(
      got, HasSubstr("error: unavailable: SERVER: is not trusted: unable to get local issuer certificate"));
  got = sample(with(serve(path("ca.pem"), {"-key", path("ca.key")})));
  EXPECT_THAT(got, HasSubstr("subject=\"CN=Test CA\""));
}

TEST_F(CertificateTest, AServerThatWantsACertificateOfOursHasShownItsOwn) {
  const std::string address = serve(sign("good.pem", -1, 90), {"-Verify", "1", "-verify_return_error"});
  EXPECT_THAT(sample(with(address)), HasSubstr("good=1i"));
  const std::string old = serve(path("good.pem"), {"-Verify", "1", "-verify_return_error", "-tls1_2"});
  EXPECT_THAT(sample(with(old)), HasSubstr("good=1i"));
}

TEST_F(CertificateTest, WhatIsNoTlsServer) {
  port_ = free_port();
  EXPECT_THAT(sample(with("127.0.0.1:" + std::to_string(port_))),
              HasSubstr("error: unavailable: SERVER: Connection refused"));
  port_ = free_port();
  server_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"socat",
                               "TCP-LISTEN:" + std::to_string(port_) + ",bind=127.0.0.1,fork,reuseaddr",
                               "SYSTEM:echo hello"},
      dir_ / "log");
  ASSERT_TRUE(eventually([&] { return port_answers(port_); }));
  EXPECT_THAT(sample(with("127.0.0.1:" + std::to_string(port_))),
              HasSubstr("error: unavailable: SERVER: TLS: "));
  port_ = free_port();
  server_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"socat",
                               "TCP-LISTEN:" + std::to_string(port_) + ",bind=127.0.0.1,fork,reuseaddr",
                               "SYSTEM:sleep 100"},
      dir_ / "log");
  ASSERT_TRUE(eventually([&] { return port_answers(port_); }));
  EXPECT_THAT(sample(with("127.0.0.1:" + std::to_string(port_), ", timeout: 200ms")),
              HasSubstr("error: timeout: SERVER: no answer"));
}

TEST_F(CertificateTest, OneThatNeverExpires) {
  const std::string got = sample("{file: " + sign("ever.pem", -1, {}) + ", min_days: 3650}");
  const std::string key = " days_left=";
  const std::size_t at = got.find(key);
  ASSERT_NE(at, std::string::npos) << got;
  const std::chrono::sys_days end = std::chrono::year(10'000) / 1 / 1;
  const auto today = std::chrono::floor<std::chrono::days>(system_clock.wall());
  EXPECT_NEAR(std::stod(got.substr(at + key.size())), static_cast<double>((end - today).count()), 1.01);
  EXPECT_THAT(got, HasSubstr("good=1i"));
}

TEST_F(CertificateTest, ASilentAddressOfANameDoesNotMatter) {
  (void)serve(sign("good.pem", -10, 90));
  const SilentAddress silent("127.0.0.2", port_);
  ::setenv("VIGILE_TEST_NAMES", "press.example=127.0.0.2,127.0.0.1", 1);
  EXPECT_THAT(sample(with("press.example:" + std::to_string(port_))),
              HasSubstr("trusted=1i,name_matches=1i,good=1i"));
}

TEST_F(CertificateTest, Files) {
  EXPECT_THAT(sample("{file: " + sign("good.pem", -1, 90) + ", min_days: 30}"),
              testing::ContainsRegex(
                  "certificate,source=DIR/good.pem days_left=.*,good=1i,subject=\"CN=press.example\""));
  EXPECT_THAT(sample("{file: " + path("none.pem") + "}"),
              HasSubstr("error: not_found: DIR/none.pem: No such file"));
  EXPECT_THAT(sample("{file: " + path("key.pem") + "}"),
              HasSubstr("error: parse: DIR/key.pem: holds no certificate in PEM form"));
}

TEST_F(CertificateTest, BadSettingsSayWhatWouldBeRight) {
  EXPECT_EQ(sample("{}"), "address: either this or file says where the certificate is");
  EXPECT_EQ(sample("{address: 'a:1', file: b}"),
            "address: either this or file says where the certificate is");
  EXPECT_EQ(sample("{address: 'https://a'}"), "address: \"https://a\" is not like www.example.com:443");
  EXPECT_EQ(sample("{file: a, ca_file: b}"), "file: server_name and ca_file are for a server's certificate");
  EXPECT_THAT(sample("{address: '127.0.0.1:1', ca_file: /no/such}"), HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace vigile
