// SPDX-License-Identifier: Apache-2.0
#include "support/influx_server.h"

#include <curl/curl.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace vigile {

namespace {

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

HttpAnswer perform(const Curl& curl, const std::string& url) {
  HttpAnswer answer;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  if (curl_easy_perform(curl.get()) == CURLE_OK)
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

std::string escaped(const std::string& text) {
  const std::unique_ptr<char, decltype(&curl_free)> owned(curl_easy_escape(nullptr, text.c_str(), 0),
                                                          curl_free);
  return owned.get();
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
}

}  // namespace

HttpAnswer http_get(const std::string& url) {
  return perform(Curl(curl_easy_init(), curl_easy_cleanup), url);
}

HttpAnswer http_post(const std::string& url, const std::string& body) {
  const Curl curl(curl_easy_init(), curl_easy_cleanup);
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
  return perform(curl, url);
}

InfluxServer::InfluxServer(const InfluxServerOptions& options)
    : port_(free_port()), rpc_port_(free_port()), scheme_(options.certificate.empty() ? "http" : "https") {
  const std::string at = directory_.path().string();
  std::ofstream(directory_ / "influxdb.conf")
      << "reporting-disabled = true\nbind-address = \"127.0.0.1:" << rpc_port_ << "\"\n"
      << "[meta]\n  dir = \"" << at << "/meta\"\n"
      << "[data]\n  dir = \"" << at << "/data\"\n  wal-dir = \"" << at
      << "/wal\"\n  query-log-enabled = false\n"
      << "[http]\n  bind-address = \"127.0.0.1:" << port_ << "\"\n  log-enabled = false\n"
      << "  auth-enabled = " << (options.passwords ? "true" : "false") << "\n"
      << (options.certificate.empty() ? "" : "  https-enabled = true\n") << "  https-certificate = \""
      << options.certificate << "\"\n  https-private-key = \"" << options.key << "\"\n"
      << "[monitor]\n  store-enabled = false\n[logging]\n  level = \"warn\"\n";
  start();
  if (options.passwords) {
    query("", "CREATE USER admin WITH PASSWORD 'first user' WITH ALL PRIVILEGES");
    login_ = "&u=admin&p=first%20user";
  }
}

void InfluxServer::start() {
  process_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"influxd", "run", "-config", (directory_ / "influxdb.conf").string()},
      directory_ / "log", std::vector<std::string>{"HOME=" + directory_.path().string()});
  if (!eventually([&] { return http_get(url() + "/ping").status == 204 || !process_->running(); }) ||
      !process_->running()) {
    throw std::runtime_error("influxd does not start: " + process_->output());
  }
}

void InfluxServer::kill() {
  process_->signal(SIGKILL);
  process_->wait(std::chrono::seconds(10));
}

void InfluxServer::create_database(const std::string& name) {
  query("", "CREATE DATABASE \"" + name + "\"");
}

std::string InfluxServer::query(const std::string& database, const std::string& statement) const {
  const HttpAnswer answer =
      http_post(url() + "/query?db=" + escaped(database) + "&q=" + escaped(statement) + login_, "");
  if (answer.status != 200 || answer.body.find("\"error\"") != std::string::npos) {
    throw std::runtime_error(statement + ": " + answer.body);
  }
  return answer.body;
}

std::uint64_t InfluxServer::count(const std::string& database, const std::string& measurement,
                                  const std::string& where) const {
  std::uint64_t count = 0;
  for_each_row(
      database,
      "SELECT count(\"value\") FROM \"" + measurement + "\"" + (where.empty() ? "" : " WHERE " + where),
      [&](const Row& row) { count += std::strtoull(row.at("count").c_str(), nullptr, 10); });
  return count;
}

// CSV: "name,tags,time,<columns>". Good for values without commas and quotes, as tests use them.
void InfluxServer::for_each_row(const std::string& database, const std::string& select,
                                const std::function<void(const Row&)>& use) const {
  const Curl curl(curl_easy_init(), curl_easy_cleanup);
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      curl_slist_append(nullptr, "Accept: application/csv"), curl_slist_free_all);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  const HttpAnswer answer =
      perform(curl, url() + "/query?chunked=true&chunk_size=20000&epoch=ns&db=" + escaped(database) +
                        "&q=" + escaped(select) + login_);
  std::istringstream lines(answer.body);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> cells = split(line);
    if (cells.size() < 3) continue;
    if (cells[0] == "name" && cells[1] == "tags") {
      names = cells;
      continue;
    }
    Row row;
    for (std::size_t i = 0; i < names.size(); ++i) row[names[i]] = i < cells.size() ? cells[i] : "";
    use(row);
  }
}

VictoriaServer::VictoriaServer(const std::vector<std::string>& more_flags) : port_(free_port()) {
  std::vector<std::string> command = {
      "victoria-metrics", "-storageDataPath=" + (directory_ / "data").string(),
      "-httpListenAddr=127.0.0.1:" + std::to_string(port_), "-retentionPeriod=100y"};
  command.insert(command.end(), more_flags.begin(), more_flags.end());
  process_ = std::make_unique<ChildProcess>(command, directory_ / "log");
  if (!eventually([&] { return http_get(url() + "/health").status == 200 || !process_->running(); }) ||
      !process_->running()) {
    throw std::runtime_error("victoria-metrics does not start: " + process_->output());
  }
}

std::string VictoriaServer::exported(const std::string& metric) const {
  (void)http_get(url() + "/internal/force_flush");
  return http_get(url() + "/api/v1/export?match[]=" + escaped(metric)).body;
}

}  // namespace vigile
