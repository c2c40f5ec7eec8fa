// SPDX-License-Identifier: Apache-2.0
// Debian's snmpd on a loopback UDP port of its own, with its configuration and state in a directory of its
// own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {

struct SnmpdOptions {
  // An agent that has these objects only (see tests/peers/snmp_pass.cpp); empty: snmpd's own, of this
  // machine.
  std::filesystem::path objects = {};
  std::vector<std::string> lines = {};  // of snmpd.conf
  // Version 3: "NAME SHA \"password\" AES \"password\"", for createUser.
  std::vector<std::string> users = {};
};

// Community "geheim". Throws std::runtime_error when it does not start.
class SnmpdServer {
 public:
  explicit SnmpdServer(SnmpdOptions options = {});

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void stop() { process_->stop(); }
  void start();             // on the same port
  void pause(bool paused);  // it neither answers nor refuses
  std::string log() const { return process_->output(); }

 private:
  TempDir directory_;
  const SnmpdOptions options_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace vigile
