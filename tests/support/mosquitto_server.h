// SPDX-License-Identifier: Apache-2.0
// Debian's mosquitto on loopback ports of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {

// Certificates made by openssl(1): an authority, a broker's for 127.0.0.1 and localhost, a client's, and
// another authority that signed nothing.
struct TestCertificates {
  explicit TestCertificates(const std::filesystem::path& directory);
  std::string ca;
  std::string server_cert;
  std::string server_key;
  std::string elsewhere_cert;  // for another host
  std::string elsewhere_key;
  std::string client_cert;
  std::string client_key;
  std::string other_ca;
};

struct MosquittoOptions {
  std::vector<std::string> listener_lines = {};  // under the listener: "cafile …", "allow_anonymous false"
  std::vector<std::string> global_lines = {};    // before it: "max_packet_size 2000"
  std::string password_user = {};                // with a password: a password file, and no anonymous clients
  std::string password = {};
  std::string acl = {};     // content of an acl_file; empty: none
  bool persistent = false;  // keeps messages over a restart, written at each change
};

// Throws std::runtime_error when it does not start.
class MosquittoServer {
 public:
  explicit MosquittoServer(const MosquittoOptions& options = {});

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return process_->pid(); }
  std::string url() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }
  void stop() { process_->stop(); }
  void kill();
  // On the same port.
  void start();
  void restart() {
    stop();
    start();
  }
  std::string log() const { return process_->output(); }
  // TLS lines for MosquittoOptions::listener_lines.
  static std::vector<std::string> tls_lines(const TestCertificates& certificates, bool mutual);

 private:
  TempDir directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

// Runs a program to its end. Throws std::runtime_error with its output when it fails.
void run_program(const std::vector<std::string>& arguments, const std::filesystem::path& output_file);

}  // namespace vigile
