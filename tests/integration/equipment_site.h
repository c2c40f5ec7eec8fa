// SPDX-License-Identifier: Apache-2.0
// What the tests of equipment through the real daemon share.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/clock.h"
#include "integration/daemon.h"

namespace vigile {

using Json = nlohmann::json;

// A site with one equipment, `more` of whose settings follow (indented by 4), and `rest` of the file.
inline std::string equipment_site(const std::string& more = "", const std::string& rest = "",
                                  const std::string& store = "") {
  return "site: {id: 12, name: Lyon}\ndevice: edge\nequipment:\n  - id: 1\n    name: Serveur\n    type: "
         "server\n" +
         more + "store: {path: @STORE@, commit_every: 100ms" + store + "}\napi: {socket: @SOCKET@}\n" + rest;
}

inline Json parsed(const std::string& text) {
  return Json::parse(text, nullptr, false);
}

// A GET that must be answered with 200 and JSON.
inline Json get_json(const Daemon& daemon, const std::string& path) {
  const Reply reply = daemon.exchange("GET", path);
  Json json = parsed(reply.body);
  if (reply.status == 200 && !json.is_discarded()) return json;
  throw std::runtime_error(path + ": " + std::to_string(reply.status) + " " + reply.body);
}

inline std::string equipment_status(const Daemon& daemon) {
  return get_json(daemon, "/api/equipment/")["equipment"][0]["status"].get<std::string>();
}

// The statuses that there were, oldest first.
inline std::vector<std::string> statuses(const Daemon& daemon) {
  std::vector<std::string> all;
  const Json answer = get_json(daemon, "/api/equipment/1/history/?period=1h");
  for (const Json& change : answer["history"]) {
    all.push_back(change["new_status"]);
  }
  return all;
}

// A status is told a moment before its change is committed.
inline bool statuses_become(const Daemon& daemon, const std::vector<std::string>& expected) {
  return eventually([&] { return statuses(daemon) == expected; });
}

inline Finished vigilectl(const Daemon& daemon, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {vigilectl_path(), "--socket", daemon.socket().string()});
  return run_program(std::move(arguments));
}

inline std::string time_text(WallTime time) {
  return to_iso8601(time);
}

inline WallTime wall_now() {
  return SystemClock().wall();
}

}  // namespace vigile
