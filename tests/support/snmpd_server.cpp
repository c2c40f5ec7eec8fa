// SPDX-License-Identifier: Apache-2.0
#include "support/snmpd_server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include <fstream>
#include <stdexcept>

#include "core/unique_fd.h"

namespace vigile {

namespace {

std::uint16_t free_udp_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof to;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&to), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&to), &size) != 0) {
    throw std::runtime_error("no UDP port");
  }
  return ntohs(to.sin_port);
}

}  // namespace

SnmpdServer::SnmpdServer(SnmpdOptions options) : options_(std::move(options)), port_(free_udp_port()) {
  std::filesystem::create_directory(directory_ / "state");
  std::ofstream users(directory_ / "state/snmpd.conf");
  std::ofstream config(directory_ / "snmpd.conf");
  config << "agentAddress udp:" << address();
  if (options_.ipv6) config << ",udp6:[::1]:" << port_ << "\nrocommunity6 geheim ::1";
  config << "\nrocommunity geheim 127.0.0.1\n";
  for (const std::string& user : options_.users) {
    users << "createUser " << user << "\n";
    config << "rouser " << user.substr(0, user.find(' ')) << " noauth\n";
  }
  if (!options_.objects.empty()) {
    config << "pass_persist .1.3.6.1 " << VIGILE_BINARY_DIR << "/tests/snmp_pass "
           << options_.objects.string() << "\n";
  }
  for (const std::string& line : options_.lines) config << line << "\n";
  users.close();
  config.close();
  if (!users || !config) throw std::runtime_error("cannot write snmpd.conf");
  start();
}

void SnmpdServer::start() {
  // No option -C: the users are read from its state.
  std::vector<std::string> arguments = {"snmpd", "-f", "-Lo"};
  if (!options_.objects.empty()) {
    arguments.emplace_back("-I");
    arguments.emplace_back("vacm_conf,vacm_context,usmConf,usmUser,snmpEngine,pass,pass_persist");
  }
  std::filesystem::remove(directory_ / "snmpd.log");
  process_ = std::make_unique<ChildProcess>(
      std::move(arguments), directory_ / "snmpd.log",
      std::vector<std::string>{
          "SNMP_PERSISTENT_DIR=" + (directory_ / "state").string(),
          "SNMPCONFPATH=" + directory_.path().string() + ":" + (directory_ / "state").string(), "MIBS="});
  // It says its version once it listens.
  if (!eventually(
          [this] { return log().find("NET-SNMP version") != std::string::npos || !process_->running(); }) ||
      !process_->running()) {
    throw std::runtime_error("snmpd does not start: " + log());
  }
}

void SnmpdServer::pause(bool paused) {
  process_->signal(paused ? SIGSTOP : SIGCONT);
}

}  // namespace vigile
