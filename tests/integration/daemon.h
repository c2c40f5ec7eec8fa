// SPDX-License-Identifier: Apache-2.0
// The real vigiled, started by a test with settings of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {

struct Reply {
  long status = 0;  // 0: there was none
  std::string body;
};

class Daemon {
 public:
  // `yaml` is the settings file, in which @STORE@ and @SOCKET@ are replaced. Not started yet.
  explicit Daemon(std::string yaml);

  // Throws when it does not answer on its socket within 20 s; the message holds what it printed.
  void start(std::vector<std::string> environment = {}, bool wait_ready = true);
  // From the next start on vigiled is run by this command, which is given its path and arguments.
  void run_by(std::vector<std::string> command) { run_by_ = std::move(command); }
  void kill_hard();           // SIGKILL
  std::optional<int> stop();  // SIGTERM; the exit status
  void write_settings(std::string yaml);

  // One exchange on the status socket.
  Reply exchange(const std::string& method, const std::string& path, const std::string& body = "",
                 const std::string& content_type = "application/json") const;
  // The body of a request on the status socket; empty when there is no answer.
  std::string request(const std::string& method, const std::string& path) const;
  std::string get(const std::string& path) const { return request("GET", path); }
  // A number in /api/agent/status by JSON pointer, e.g. "/log/points"; -1 when there is none.
  double number(const std::string& pointer) const;
  std::string text(const std::string& pointer) const;

  ChildProcess& process() { return *process_; }
  std::filesystem::path store() const { return dir_ / "vigile.db"; }
  std::filesystem::path socket() const { return dir_ / "vigiled.sock"; }
  std::filesystem::path config() const { return dir_ / "site.yaml"; }
  std::filesystem::path output_file() const { return dir_ / "vigiled.log"; }
  std::string output() const;

 private:
  TempDir dir_;
  std::vector<std::string> run_by_;
  std::unique_ptr<ChildProcess> process_;
};

// Runs a program to its end: exit status and what it printed (both streams).
struct Finished {
  int status = -1;
  std::string output;
};
Finished run_program(std::vector<std::string> arguments, std::vector<std::string> environment = {});

std::string vigiled_path();
std::string vigilectl_path();

}  // namespace vigile
