// SPDX-License-Identifier: Apache-2.0
#include "support/mosquitto_server.h"

#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace vigile {

namespace {

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
  std::filesystem::permissions(path,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace

void run_program(const std::vector<std::string>& arguments, const std::filesystem::path& output_file) {
  ChildProcess process(arguments, output_file);
  if (process.wait(std::chrono::seconds(20)) != 0) {
    throw std::runtime_error(arguments[0] + " failed: " + process.output());
  }
}

TestCertificates::TestCertificates(const std::filesystem::path& directory) {
  const auto path = [&](const char* name) { return (directory / name).string(); };
  const std::string output = path("openssl.log");
  const auto make_key = [&](const std::string& key) {
    run_program({"openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key}, output);
  };
  const auto make_ca = [&](const std::string& cert, const std::string& key, const std::string& name) {
    make_key(key);
    run_program({"openssl", "req", "-x509", "-new", "-key", key, "-subj", "/CN=" + name, "-days", "3650",
                 "-out", cert},
                output);
  };
  const auto make_signed = [&](const std::string& cert, const std::string& key, const std::string& name,
                               const std::string& extensions) {
    make_key(key);
    const std::string request = cert + ".req";
    const std::string extension_file = cert + ".ext";
    write_file(extension_file, extensions);
    run_program({"openssl", "req", "-new", "-key", key, "-subj", "/CN=" + name, "-out", request}, output);
    run_program({"openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", path("ca.key"),
                 "-CAcreateserial", "-days", "3650", "-extfile", extension_file, "-out", cert},
                output);
  };
  ca = path("ca.crt");
  other_ca = path("other_ca.crt");
  server_cert = path("server.crt");
  server_key = path("server.key");
  client_cert = path("client.crt");
  client_key = path("client.key");
  make_ca(ca, path("ca.key"), "Test authority");
  make_ca(other_ca, path("other_ca.key"), "Other authority");
  make_signed(server_cert, server_key, "broker", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  elsewhere_cert = path("elsewhere.crt");
  elsewhere_key = path("elsewhere.key");
  make_signed(elsewhere_cert, elsewhere_key, "elsewhere", "subjectAltName=DNS:elsewhere.example\n");
  make_signed(client_cert, client_key, "device", "extendedKeyUsage=clientAuth\n");
}

std::vector<std::string> MosquittoServer::tls_lines(const TestCertificates& certificates, bool mutual) {
  std::vector<std::string> lines = {"cafile " + certificates.ca, "certfile " + certificates.server_cert,
                                    "keyfile " + certificates.server_key};
  if (mutual) lines.emplace_back("require_certificate true");
  return lines;
}

MosquittoServer::MosquittoServer(const MosquittoOptions& options) {
  std::string config = "log_dest stderr\nlog_type all\n";
  // Started as root it would become another user, who cannot read what the test wrote.
  if (::geteuid() == 0) config += "user root\n";
  for (const std::string& line : options.global_lines) config += line + "\n";
  if (options.persistent) {
    config += "persistence true\nautosave_interval 1\nautosave_on_changes true\npersistence_location " +
              directory_.path().string() + "/\n";
  }
  if (!options.acl.empty()) {
    write_file(directory_ / "acl", options.acl);
    config += "acl_file " + (directory_ / "acl").string() + "\n";
  }
  if (options.password_user.empty()) {
    config += "allow_anonymous true\n";
  } else {
    const std::string file = (directory_ / "passwords").string();
    run_program({"mosquitto_passwd", "-b", "-c", file, options.password_user, options.password},
                directory_ / "passwd.log");
    config += "allow_anonymous false\npassword_file " + file + "\n";
  }
  port_ = free_port();
  config += "listener " + std::to_string(port_) + " 127.0.0.1\n";
  for (const std::string& line : options.listener_lines) config += line + "\n";
  write_file(directory_ / "mosquitto.conf", config);
  start();
}

void MosquittoServer::kill() {
  process_->signal(SIGKILL);
  process_->wait(std::chrono::seconds(10));
}

void MosquittoServer::start() {
  process_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"mosquitto", "-c", (directory_ / "mosquitto.conf").string()},
      directory_ / "mosquitto.log");
  if (!eventually([this] { return port_answers(port_) || !process_->running(); }) || !process_->running()) {
    throw std::runtime_error("mosquitto does not start: " + process_->output());
  }
}

}  // namespace vigile
