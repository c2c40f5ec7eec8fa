// SPDX-License-Identifier: Apache-2.0
// vigiled as its users meet it: started with a file, signalled, asked on its socket, broken.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fstream>
#include <string>

#include "core/unique_fd.h"
#include "integration/daemon.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"
#include "support/mqtt_subscriber.h"
#include "support/process.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

std::string site(const std::string& drivers, const std::string& sinks = "") {
  return "site: {id: 12, name: Lyon}\ndevice: edge\nequipment:\n  - id: 1\n    name: this machine\n    type: "
         "server\n"
         "    drivers:\n" +
         drivers + "store: {path: @STORE@, commit_every: 100ms}\napi: {socket: @SOCKET@}\n" +
         (sinks.empty() ? "" : "sinks:\n" + sinks);
}

const std::string kCpu = "      - cpu: {every: 100ms}\n";

TEST(Vigiled, CarriesAReadingFromADriverToInflux) {
  InfluxServer influx;
  influx.create_database("metrics");
  Daemon daemon(
      site(kCpu + "      - memory: {every: 100ms}\n",
           "  - influx: {api: v1, url: \"" + influx.url() + "\", database: metrics, every: 200ms}\n"));
  daemon.start();
  EXPECT_TRUE(eventually([&] {
    return influx.count("metrics", "equipment_metrics",
                        "metric_name='cpu_usage' AND equipment_id='1' AND site_name='Lyon'") > 3 &&
           influx.count("metrics", "equipment_metrics", "metric_name='memory_usage'") > 3;
  })) << daemon.get("/api/agent/status")
      << daemon.output();
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

TEST(Vigiled, ADeadSinkNeverHoldsBackAnother) {
  InfluxServer influx;
  influx.create_database("metrics");
  const std::string nowhere = std::to_string(free_port());
  Daemon daemon(site(kCpu, "  - influx: {name: dead, url: \"http://127.0.0.1:" + nowhere +
                               "\", token: t, org: o, bucket: b, every: 100ms}\n"
                               "  - influx: {name: alive, api: v1, url: \"" +
                               influx.url() + "\", database: metrics, every: 100ms}\n"));
  daemon.start();
  EXPECT_TRUE(eventually(
      [&] { return influx.count("metrics", "equipment_metrics", "metric_name='cpu_usage'") > 5; }));
  EXPECT_TRUE(eventually([&] { return daemon.number("/sinks/0/failures") > 0; }));
  EXPECT_EQ(daemon.text("/sinks/0/state"), "retrying");
  EXPECT_GT(daemon.number("/sinks/0/lag_points"), 5);
  EXPECT_EQ(daemon.number("/sinks/1/failures"), 0);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Vigiled, APausedSinkSaysWhyAndLosesNothing) {
  InfluxServer influx;
  Daemon daemon(site(kCpu, "  - influx: {name: central, api: v1, url: \"" + influx.url() +
                               "\", database: absent, every: 100ms}\n"));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.text("/sinks/0/state") == "paused"; })) << daemon.output();
  EXPECT_NE(daemon.text("/sinks/0/reason").find("absent"), std::string::npos)
      << daemon.text("/sinks/0/reason");
  EXPECT_NE(daemon.get("/healthz").find("paused"), std::string::npos);
  const double waiting = daemon.number("/sinks/0/lag_points");
  influx.create_database("absent");
  daemon.request("POST", "/api/agent/flush");
  EXPECT_TRUE(eventually(
      [&] { return double(influx.count("absent", "equipment_metrics", "equipment_id='1'")) >= waiting; }));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Vigiled, ARestartContinuesWhereItStopped) {
  Daemon daemon(site(kCpu, "  - influx: {url: \"http://127.0.0.1:1\", token: t, org: o, bucket: b}\n"));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.number("/log/points") > 20; }));
  EXPECT_EQ(daemon.stop(), 0);
  daemon.start();
  EXPECT_TRUE(eventually([&] { return daemon.number("/sinks/0/lag_points") > 20; }));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Vigiled, EndsWithinFiveSecondsAndCommitsWhatWaits) {
  // Commits only every hour: the readings are in memory when it is told to end.
  Daemon daemon(
      "equipment:\n  - id: 1\n    drivers: [cpu: {every: 50ms}]\nstore: {path: @STORE@, commit_every: 1h}\n"
      "api: {socket: @SOCKET@}\n");
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.number("/waiting_points") > 10; }));
  const double waiting = daemon.number("/waiting_points");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  daemon.start();
  EXPECT_GE(daemon.number("/log/points"), waiting);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Vigiled, ASecondDaemonOnTheSameStoreIsRefusedAndNamesTheFirst) {
  Daemon daemon(site(kCpu));
  daemon.start();
  std::ofstream(daemon.config().string() + "2") << "equipment: []\nstore: {path: " << daemon.store().string()
                                                << "}\napi: {socket: " << daemon.socket().string() << "2}\n";
  const Finished second = run_program({vigiled_path(), "--config", daemon.config().string() + "2"});
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.output.find(std::to_string(daemon.process().pid())), std::string::npos) << second.output;
  EXPECT_GT(daemon.number("/pid"), 0);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Vigiled, CheckPrintsAllErrorsOrWhatWouldRun) {
  const TempDir dir;
  std::ofstream(dir / "good.yaml")
      << "equipment:\n  - id: 1\n    name: press\n    drivers: [cpu]\nstore: {path: /nonexistent/x.db}\n";
  const Finished good = run_program({vigiled_path(), "--check", "--config", (dir / "good.yaml").string()});
  EXPECT_EQ(good.status, 0) << good.output;
  EXPECT_NE(good.output.find("press"), std::string::npos);
  std::ofstream(dir / "bad.yaml")
      << "equipment:\n  - id: 1\n    drivers:\n      - cpu: {evry: 10s}\n      - http: {url: \"ftp://x\"}\n"
         "store: {keep: 7}\n";
  const Finished bad = run_program({vigiled_path(), "--check", "--config", (dir / "bad.yaml").string()});
  EXPECT_EQ(bad.status, 2) << bad.output;
  EXPECT_NE(bad.output.find("bad.yaml:4:15"), std::string::npos) << bad.output;
  EXPECT_NE(bad.output.find("every"), std::string::npos) << bad.output;
  EXPECT_NE(bad.output.find("bad.yaml:6:15"), std::string::npos) << bad.output;
  EXPECT_EQ(run_program({vigiled_path(), "--check", "--config", (dir / "absent.yaml").string()}).status, 2);
  EXPECT_EQ(run_program({vigiled_path(), "--nonsense"}).status, 2);
}

TEST(Vigiled, CheckReadsTheFilesThatDriversName) {
  const TempDir dir;
  const std::string dbc = (dir / "plant.dbc").string();
  std::ofstream(dir / "site.yaml") << "equipment:\n  - id: 1\n    name: press\n    drivers:\n"
                                      "      - can: {interface: can0, dbc: \""
                                   << dbc << "\"}\n";
  const auto check = [&] {
    return run_program({vigiled_path(), "--check", "--config", (dir / "site.yaml").string()});
  };
  const Finished absent = check();
  EXPECT_EQ(absent.status, 2) << absent.output;
  EXPECT_NE(absent.output.find("site.yaml:5:9: can: " + dbc + ": "), std::string::npos) << absent.output;
  std::ofstream(dbc) << "BO_ 256 Good: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" A\nBO_ 13274 Bad: 8 A\n";
  const Finished partly = check();
  EXPECT_EQ(partly.status, 0) << partly.output;
  EXPECT_NE(partly.output.find("site.yaml:5:9: can: " + dbc + ":3: message Bad (0x33DA): "),
            std::string::npos)
      << partly.output;
}

TEST(Vigiled, CheckOfEachDeviceTellsWhatIsWrongOnAnyOnce) {
  const auto check = [](const std::string& yaml) {
    TempDir dir;
    std::ofstream(dir / "site.yaml") << yaml;
    return run_program(
        {vigiled_path(), "--check", "--each-device", "--config", (dir / "site.yaml").string()});
  };
  const Finished good = check("devices: {a: {store: {max_size: 40MiB}}, b: {layout: native}}\n");
  EXPECT_EQ(good.status, 0) << good.output;
  EXPECT_NE(good.output.find("without errors on a, b"), std::string::npos) << good.output;
  const Finished bad = check(
      "sinks: [mqtt: {url: \"http://h\"}]\n"
      "devices: {a: {layout: native}, b: {store: {max_size: big}}}\n");
  EXPECT_EQ(bad.status, 2);
  EXPECT_NE(bad.output.find("mqtt://"), std::string::npos) << bad.output;
  EXPECT_NE(bad.output.find("(on a): error"), std::string::npos) << bad.output;
  EXPECT_NE(bad.output.find("site.yaml:2:54: max_size"), std::string::npos) << bad.output;
  EXPECT_NE(bad.output.find("(on b): error"), std::string::npos) << bad.output;
  const Finished none = check("store: {}\n");
  EXPECT_EQ(none.status, 2);
  EXPECT_NE(none.output.find("name no devices"), std::string::npos) << none.output;
  const Finished broken = check("include: missing.yaml\ndevices: {a: {}}\n");
  EXPECT_EQ(broken.status, 2);
  EXPECT_NE(broken.output.find("missing.yaml: No such file"), std::string::npos) << broken.output;
}

TEST(Vigiled, ReloadRestartsOnlyWhatChangedAndABadFileChangesNothing) {
  const std::string memory = "      - memory: {every: 100ms}\n";
  Daemon daemon(site(kCpu + memory));
  daemon.start();
  ASSERT_TRUE(eventually(
      [&] { return daemon.number("/drivers/0/runs") > 20 && daemon.number("/drivers/1/runs") > 5; }));
  const double runs = daemon.number("/drivers/0/runs");

  daemon.write_settings(site(kCpu + "      - memory: {every: 1h}\n"));
  const std::string answer = daemon.request("POST", "/api/agent/reload");
  EXPECT_NE(answer.find("drivers restarted: 1/memory"), std::string::npos) << answer;
  EXPECT_GE(daemon.number("/drivers/0/runs"), runs);  // cpu was left alone
  EXPECT_EQ(daemon.number("/drivers/1/every_s"), 3600);

  daemon.write_settings(site("      - cpu: {evry: 1s}\n"));
  const std::string refused = daemon.request("POST", "/api/agent/reload");
  EXPECT_NE(refused.find("evry"), std::string::npos) << refused;
  daemon.process().signal(SIGHUP);  // the same by signal
  EXPECT_TRUE(eventually([&] { return daemon.output().find("reload refused") != std::string::npos; }));
  EXPECT_EQ(daemon.number("/drivers/1/every_s"), 3600);

  daemon.write_settings(site(kCpu));
  daemon.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return daemon.text("/drivers/1/name").empty(); }));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Vigiled, AMissingSourceIsThatDriversFailureAlone) {
  Daemon daemon(site(kCpu + "      - thermal: {every: 100ms, zones: [no-such-zone]}\n"));
  daemon.start();
  EXPECT_TRUE(eventually([&] { return daemon.text("/drivers/1/state") == "failing"; }))
      << daemon.get("/api/agent/status");
  EXPECT_EQ(daemon.text("/drivers/0/state"), "ok");
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Vigiled, SpeaksTheServiceManagersProtocol) {
  const TempDir dir;
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = dir / "notify";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  std::string heard;
  const auto hears = [&](const std::string& word) {
    return eventually([&] {
      char buffer[1024];
      const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (got > 0) heard.append(buffer, static_cast<std::size_t>(got)).append("\n");
      return heard.find(word) != std::string::npos;
    });
  };
  Daemon daemon(site(kCpu));
  daemon.start({"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=200000"});
  EXPECT_TRUE(hears("READY=1")) << heard;
  EXPECT_TRUE(hears("STATUS=")) << heard;
  EXPECT_TRUE(hears("WATCHDOG=1")) << heard;
  heard.clear();
  daemon.process().signal(SIGHUP);
  EXPECT_TRUE(hears("RELOADING=1")) << heard;
  EXPECT_TRUE(hears("READY=1")) << heard;
  daemon.process().signal(SIGTERM);
  EXPECT_TRUE(hears("STOPPING=1")) << heard;
  EXPECT_EQ(daemon.process().wait(10s), 0);
}

TEST(Vigiled, MqttSaysOnlineAndOffline) {
  MosquittoServer broker;
  MqttSubscriber subscriber(broker.port(), "vigile/12/edge/#");
  Daemon daemon(site(kCpu, "  - mqtt: {url: \"" + broker.url() + "\", every: 100ms}\n"));
  daemon.start();
  EXPECT_TRUE(eventually([&] { return subscriber.lines("vigile/12/edge/points").size() > 5; }))
      << daemon.output();
  EXPECT_NE(subscriber.latest("vigile/12/edge/status").find("online"), std::string::npos);
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_TRUE(eventually(
      [&] { return subscriber.latest("vigile/12/edge/status").find("offline") != std::string::npos; }));
}

TEST(Vigiled, SecretsAreNeverShown) {
  Daemon daemon(
      site(kCpu,
           "  - influx: {name: a, url: \"http://user:hunter2@127.0.0.1:1/?p=hunter2\", org: o, bucket: "
           "b, every: 100ms}\n"
           "  - influx: {name: b, url: \"http://127.0.0.1:1\", token: hunter2, org: o, bucket: b, every: "
           "100ms}\n"));
  daemon.start({}, false);
  ASSERT_TRUE(eventually([&] {
    return daemon.number("/sinks/0/failures") > 0 && daemon.number("/sinks/1/failures") > 0;
  })) << daemon.output();
  const std::string shown =
      daemon.get("/api/agent/status") + daemon.get("/metrics") +
      run_program({vigiled_path(), "--check", "--config", daemon.config().string()}).output;
  EXPECT_EQ(shown.find("hunter2"), std::string::npos) << shown;
  EXPECT_EQ(daemon.output().find("hunter2"), std::string::npos) << daemon.output();
}

}  // namespace
}  // namespace vigile
