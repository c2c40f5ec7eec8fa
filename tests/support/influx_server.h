// SPDX-License-Identifier: Apache-2.0
// Debian's InfluxDB 1.x on loopback ports of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {

// One HTTP exchange with a test's server. Status 0: no answer.
struct HttpAnswer {
  long status = 0;
  std::string body;
};
HttpAnswer http_get(const std::string& url);
HttpAnswer http_post(const std::string& url, const std::string& body);

struct InfluxServerOptions {
  bool passwords = false;        // with a first user "admin", as whom this class then speaks
  std::string certificate = {};  // PEM files, for https
  std::string key = {};
};

// Throws std::runtime_error when it does not start.
class InfluxServer {
 public:
  explicit InfluxServer(const InfluxServerOptions& options = {});

  std::string url() const { return scheme_ + "://127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return process_->pid(); }
  void start();  // on the same port, with the same data
  void stop() { process_->stop(); }
  void kill();

  void create_database(const std::string& name);
  // An InfluxQL statement; throws when it fails.
  std::string query(const std::string& database, const std::string& statement) const;
  // Points whose field `value` fits `where` ("" for all); 0 while there is no answer.
  std::uint64_t count(const std::string& database, const std::string& measurement,
                      const std::string& where = "") const;
  // Calls `use` with each row of a SELECT: column name to text, `time` in ns.
  using Row = std::map<std::string, std::string>;
  void for_each_row(const std::string& database, const std::string& select,
                    const std::function<void(const Row&)>& use) const;

 private:
  TempDir directory_;
  std::uint16_t port_;
  std::uint16_t rpc_port_;
  std::string scheme_;
  std::string login_;  // of the query's parameters
  std::unique_ptr<ChildProcess> process_;
};

// VictoriaMetrics, single node.
class VictoriaServer {
 public:
  explicit VictoriaServer(const std::vector<std::string>& more_flags = {});
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // What it holds of a metric, as it exports it: a JSON object a line.
  std::string exported(const std::string& metric) const;

 private:
  TempDir directory_;
  std::uint16_t port_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace vigile
