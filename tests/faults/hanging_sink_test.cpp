// SPDX-License-Identifier: Apache-2.0
// A sink whose thread does not come back: a resolver that says nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "integration/daemon.h"
#include "support/influx_server.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using ::testing::HasSubstr;

std::string site(const std::string& url, const std::string& database) {
  return "equipment: [{id: 1, drivers: [cpu: {every: 100ms}]}]\n"
         "store: {path: @STORE@, commit_every: 50ms}\n"
         "api: {socket: @SOCKET@}\n"
         "sinks: [influx: {api: v1, url: \"" +
         url + "\", database: " + database + ", every: 100ms, timeout: 60s}]\n";
}

TEST(HangingSink, IsReplacedByAReloadAndLeftBehind) {
  InfluxServer influx;
  influx.create_database("d");
  TempDir dir;
  const std::string hang = (dir / "hang").string();
  std::ofstream(hang) << "";
  Daemon daemon(site("http://vigile.invalid:8086", "nowhere"));
  daemon.start({"LD_PRELOAD=" VIGILE_PRELOAD_RESOLVER, "VIGILE_TEST_HANG=" + hang});
  // It is at it.
  ASSERT_TRUE(eventually([&] { return daemon.number("/log/points") > 5; }));
  ASSERT_TRUE(eventually([&] {
    return daemon.text("/sinks/0/state") == "delivering" || daemon.text("/sinks/0/state") == "starting";
  }));

  daemon.write_settings(site(influx.url(), "d"));  // by its address: nothing to resolve
  const std::string answer = daemon.request("POST", "/api/agent/reload");
  EXPECT_THAT(answer, HasSubstr("these sinks hang, and are left to end by themselves: influx"));
  EXPECT_THAT(answer, HasSubstr("sinks restarted: influx"));
  EXPECT_TRUE(eventually([&] { return daemon.number("/sinks/0/delivered_points") > 0; }))
      << daemon.get("/api/agent/status");
  EXPECT_TRUE(eventually([&] { return daemon.number("/sinks/0/lag_points") == 0; }));
  EXPECT_EQ(daemon.number("/log/dropped_points"), 0);
  EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace vigile
