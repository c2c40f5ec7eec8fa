// SPDX-License-Identifier: Apache-2.0
#include "integration/daemon.h"

#include <curl/curl.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/file.h"

namespace vigile {

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

nlohmann::json status_of(const Daemon& daemon, const std::string& pointer) {
  const auto status = nlohmann::json::parse(daemon.get("/api/agent/status"), nullptr, false);
  const nlohmann::json::json_pointer path(pointer);
  return status.is_discarded() || !status.contains(path) ? nlohmann::json() : status.at(path);
}

}  // namespace

std::string vigiled_path() {
  return VIGILE_BINARY_DIR "/bin/vigiled";
}

std::string vigilectl_path() {
  return VIGILE_BINARY_DIR "/bin/vigilectl";
}

Daemon::Daemon(std::string yaml) {
  write_settings(std::move(yaml));
}

void Daemon::write_settings(std::string yaml) {
  yaml = replaced(std::move(yaml), "@STORE@", store().string());
  yaml = replaced(std::move(yaml), "@SOCKET@", socket().string());
  std::ofstream(config(), std::ios::trunc) << yaml;
}

void Daemon::start(std::vector<std::string> environment, bool wait_ready) {
  std::vector<std::string> command = run_by_;
  command.insert(command.end(), {vigiled_path(), "--config", config().string()});
  process_ = std::make_unique<ChildProcess>(std::move(command), output_file(), std::move(environment));
  if (!wait_ready) return;
  const bool ready = eventually([&] { return !process_->running() || !get("/api/agent/status").empty(); });
  if (!ready || !process_->running()) throw std::runtime_error("vigiled does not answer: " + output());
}

void Daemon::kill_hard() {
  process_->signal(SIGKILL);
  process_->wait(std::chrono::seconds(10));
}

std::optional<int> Daemon::stop() {
  process_->signal(SIGTERM);
  return process_->wait(std::chrono::seconds(10));
}

std::string Daemon::request(const std::string& method, const std::string& path) const {
  return exchange(method, path).body;
}

Reply Daemon::exchange(const std::string& method, const std::string& path, const std::string& body,
                       const std::string& content_type) const {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  Reply reply;
  const std::string url = "http://vigile" + path;
  const std::string socket_path = socket().string();
  curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket_path.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 20L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  curl_slist* list = curl_slist_append(nullptr, ("Content-Type: " + content_type).c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      curl_slist_append(list, "Expect:"), curl_slist_free_all);
  if (!body.empty() || method == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  }
  // A refusal may come, and the connection go, before all of a body is sent.
  (void)curl_easy_perform(curl.get());
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

double Daemon::number(const std::string& pointer) const {
  const auto value = status_of(*this, pointer);
  return value.is_number() ? value.get<double>() : -1;
}

std::string Daemon::text(const std::string& pointer) const {
  const auto value = status_of(*this, pointer);
  return value.is_string() ? value.get<std::string>() : "";
}

std::string Daemon::output() const {
  return read_file(output_file(), std::size_t{64} << 20).value_or("");
}

Finished run_program(std::vector<std::string> arguments, std::vector<std::string> environment) {
  const TempDir dir;
  ChildProcess process(std::move(arguments), dir / "output", std::move(environment));
  const auto status = process.wait(std::chrono::seconds(60));
  return Finished{status.value_or(-1), process.output()};
}

}  // namespace vigile
