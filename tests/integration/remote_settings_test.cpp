// SPDX-License-Identifier: Apache-2.0
// Settings by a real broker to the real daemon: signed, checked, tried, taken back.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <fstream>

#include "core/file.h"
#include "core/unique_fd.h"
#include "daemon.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"
#include "support/mqtt_subscriber.h"
#include "support/settings_keys.h"
#include "support/tcp_proxy.h"

namespace vigile {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTopic = "vigile/12/press-07/settings";

class RemoteSettings : public ::testing::Test {
 protected:
  std::string site(const std::string& broker, const std::string& more = "", const std::string& rest = "") {
    return "site: {id: 12}\n"
           "device: press-07\n"
           "equipment: [{id: 1, drivers: [cpu: {every: 100ms}]}]\n"
           "store: {path: @STORE@, commit_every: 50ms}\n"
           "api: {socket: @SOCKET@}\n"
           "remote_settings: {url: \"" +
           broker + "\", public_key: " + keys_.public_key().string() + ", folder: " + folder().string() +
           ", trial: 2s" + more + "}\n" + rest;
  }
  static std::string sink_to(const std::string& url) {
    return "sinks: [influx: {api: v1, url: \"" + url + "\", database: site, every: 100ms}]\n";
  }
  static bool delivers(const Daemon& daemon) {
    return eventually([&] { return daemon.number("/sinks/0/delivered_points") > 0; });
  }
  std::filesystem::path folder() const { return dir_ / "settings"; }

  std::string sign(const std::string& yaml, int serial, const std::string& recipients = "12/press-07") {
    return sign_with(keys_, yaml, serial, recipients);
  }
  std::string sign_with(const SettingsKeys& keys, const std::string& yaml, int serial,
                        const std::string& recipients = "12/press-07") {
    std::ofstream(dir_ / "yaml") << yaml;
    const Finished made =
        run_program({vigilectl_path(), "settings", "sign", "--key", keys.private_key().string(), "--serial",
                     std::to_string(serial), "--for", recipients, (dir_ / "yaml").string()});
    EXPECT_EQ(made.status, 0) << made.output;
    return made.output;
  }
  void publish(const MosquittoServer& broker, const std::string& text, const std::string& topic = kTopic,
               const std::string& more = "") {
    std::ofstream(dir_ / "message") << text;
    const Finished published =
        run_program({"/bin/sh", "-c",
                     "mosquitto_pub -h 127.0.0.1 -p " + std::to_string(broker.port()) + " -r -q 1 -t " +
                         topic + " " + more + (text.empty() ? " -n" : " -f " + (dir_ / "message").string())});
    ASSERT_EQ(published.status, 0) << published.output;
  }
  static std::string remote(const Daemon& daemon) {
    const std::string status = daemon.get("/api/agent/status");
    const std::size_t at = status.find("\"remote_settings\"");
    return at == std::string::npos ? status : status.substr(at, 400);
  }
  // Of one answer: between two the trial may end.
  static bool confirmed(const Daemon& daemon, int serial) {
    const std::string wanted = "\"serial\":" + std::to_string(serial) + ",\"trial_left_s\":null";
    return eventually([&] { return remote(daemon).find(wanted) != std::string::npos; });
  }
  static bool refused(const Daemon& daemon, const std::string& why) {
    return eventually([&] { return daemon.text("/remote_settings/refused").find(why) != std::string::npos; });
  }

  TempDir dir_;
  const SettingsKeys keys_;
};

constexpr const char* kWithMemory = "equipment: [{id: 1, drivers: [memory: {every: 100ms}]}]\n";

TEST_F(RemoteSettings, AreTakenOverTriedAndStay) {
  MosquittoServer broker;
  publish(broker, sign(kWithMemory, 1));  // retained: before there is an agent
  Daemon daemon(site(broker.url()));
  daemon.start();
  EXPECT_TRUE(confirmed(daemon, 1)) << remote(daemon) << daemon.output();
  EXPECT_EQ(daemon.text("/drivers/1/name"), "1/memory");
  EXPECT_THAT(daemon.output(), HasSubstr("settings from the broker: serial 1 is on trial for 2s"));
  EXPECT_THAT(daemon.output(), HasSubstr("serial 1 stays: the agent is healthy with it"));
  EXPECT_THAT(run_program({vigilectl_path(), "status"},
                          std::vector<std::string>{"VIGILE_SOCKET=" + daemon.socket().string()})
                  .output,
              HasSubstr("settings serial 1 from the broker\n"));

  // Whoever deletes the message takes nothing back; and they are in force where there is no broker.
  publish(broker, "");
  broker.stop();
  EXPECT_EQ(daemon.stop(), 0);
  daemon.start();
  EXPECT_TRUE(eventually([&] { return !daemon.text("/remote_settings/reason").empty(); })) << remote(daemon);
  EXPECT_EQ(daemon.text("/drivers/1/name"), "1/memory");

  // What is published while the agent cannot hear arrives later. Nothing but the file again:
  broker.start();
  publish(broker, sign("", 2));
  EXPECT_TRUE(confirmed(daemon, 2)) << remote(daemon);
  EXPECT_EQ(daemon.text("/drivers/1/name"), "");
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(RemoteSettings, ThatKeepASinkFromDeliveringAreTakenBack) {
  MosquittoServer broker;
  InfluxServer influx;
  influx.create_database("site");
  Daemon daemon(site(broker.url(), ", keep_alive: 10m", sink_to(influx.url())));
  daemon.start();
  ASSERT_TRUE(delivers(daemon));

  publish(broker, sign("sinks: [influx: {database: elsewhere}]\n", 1));
  EXPECT_TRUE(eventually([&] { return daemon.number("/remote_settings/failed_serial") == 1; }))
      << remote(daemon) << daemon.output();
  EXPECT_THAT(daemon.text("/remote_settings/failed_reason"), HasSubstr("sink influx does not deliver"));
  EXPECT_THAT(daemon.text("/remote_settings/failed_reason"), HasSubstr("elsewhere"));
  EXPECT_EQ(daemon.number("/remote_settings/serial"), 0);
  EXPECT_THAT(daemon.output(), HasSubstr("serial 1 is taken back: sink influx"));
  // No answer at all, while the broker gives one.
  publish(broker,
          sign("sinks: [influx: {url: \"http://127.0.0.1:" + std::to_string(free_port()) + "\"}]\n", 2));
  EXPECT_TRUE(eventually([&] { return daemon.number("/remote_settings/failed_serial") == 2; }))
      << remote(daemon) << daemon.output();
  EXPECT_THAT(daemon.text("/remote_settings/failed_reason"), HasSubstr("retrying"));

  // Everything that was sampled meanwhile is delivered by the settings that came back.
  EXPECT_TRUE(eventually([&] { return daemon.number("/sinks/0/lag_points") == 0; }));
  EXPECT_EQ(daemon.number("/log/dropped_points"), 0);

  // Another one is tried, the same one never again.
  publish(broker, sign(kWithMemory, 3));
  EXPECT_TRUE(confirmed(daemon, 3)) << remote(daemon);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(RemoteSettings, WithWhichASinkWaitsForEverAreTakenBack) {
  MosquittoServer broker;
  InfluxServer influx;
  influx.create_database("site");
  // Takes connections, and says nothing.
  const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent.get(), 8), 0);
  ASSERT_EQ(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  Daemon daemon(site(broker.url(), "",
                     "sinks: [influx: {api: v1, url: \"" + influx.url() +
                         "\", database: site, every: 100ms, timeout: 60s}]\n"));
  daemon.start();
  ASSERT_TRUE(delivers(daemon));
  publish(broker, sign("sinks: [influx: {url: \"http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) +
                           "\"}]\n",
                       1));
  EXPECT_TRUE(eventually([&] { return daemon.number("/remote_settings/failed_serial") == 1; }))
      << remote(daemon) << daemon.output();
  EXPECT_THAT(daemon.text("/remote_settings/failed_reason"),
              HasSubstr("sink influx does not deliver, it is"));
  EXPECT_TRUE(eventually([&] { return daemon.number("/sinks/0/lag_points") == 0; }));
  EXPECT_EQ(daemon.stop(), 0);
}

// What failed before is not the new settings' fault, and new ones may be what mends it.
TEST_F(RemoteSettings, AreNotBlamedForASinkThatFailedBefore) {
  MosquittoServer broker;
  Daemon daemon(site(broker.url(), "",
                     "sinks: [influx: {api: v1, url: \"http://127.0.0.1:9\", database: d, every: 100ms}]\n"));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.text("/sinks/0/state") == "retrying"; }));
  publish(broker, sign(kWithMemory, 1));
  EXPECT_TRUE(confirmed(daemon, 1)) << remote(daemon) << daemon.output();
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(RemoteSettings, OfOthersOldOnesAndWrongOnesAreRefused) {
  const SettingsKeys others;
  MosquittoServer broker;
  Daemon daemon(site(broker.url()));
  daemon.start();
  publish(broker, sign_with(others, kWithMemory, 1));
  EXPECT_TRUE(refused(daemon, "the signature is of none of the public keys")) << remote(daemon);
  publish(broker, sign(kWithMemory, 1, "12/press-08"));
  EXPECT_TRUE(refused(daemon, "serial 1 is for 12/press-08; this is 12/press-07")) << remote(daemon);
  publish(broker, sign("equipment:\n  - id: 1\n    drivers: [cpu: {evry: 1s}]\n", 1));
  EXPECT_TRUE(refused(daemon, "serial 1:7:21: unknown key \"evry\"")) << remote(daemon);
  publish(broker, sign("remote_settings: {url: \"mqtt://127.0.0.1:9\"}\n", 1));
  EXPECT_TRUE(refused(daemon, "remote_settings: only the file on the device can say this")) << remote(daemon);
  publish(broker, sign("clock: {require_sync: true}\n", 1));
  EXPECT_TRUE(refused(daemon, "restart vigiled")) << remote(daemon);
  publish(broker, std::string((1 << 20) + 100, '#'));
  EXPECT_TRUE(refused(daemon, "a message of more than 1 MiB")) << remote(daemon);
  publish(broker, std::string(3000, '\xff'));
  EXPECT_TRUE(refused(daemon, "line 1: expected")) << remote(daemon);
  EXPECT_EQ(daemon.number("/remote_settings/serial"), 0);
  EXPECT_THAT(daemon.output(), Not(HasSubstr("on trial")));

  const std::string good = sign(kWithMemory, 5);
  publish(broker, good);
  EXPECT_TRUE(confirmed(daemon, 5)) << remote(daemon);
  publish(broker, sign("", 4));
  EXPECT_TRUE(refused(daemon, "serial 4 is not above 5")) << remote(daemon);
  publish(broker, good);
  EXPECT_TRUE(eventually([&] { return daemon.text("/remote_settings/refused").empty(); })) << remote(daemon);
  EXPECT_EQ(daemon.text("/drivers/1/name"), "1/memory");
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(RemoteSettings, SurviveOneKillOnTrialAndNotTwo) {
  MosquittoServer broker;
  std::string yaml = site(broker.url());
  yaml.replace(yaml.find("trial: 2s"), 9, "trial: 1h");
  Daemon daemon(yaml);
  daemon.start();
  publish(broker, sign(kWithMemory, 1));
  const auto tried = [&] { return daemon.text("/drivers/1/name") == "1/memory"; };
  ASSERT_TRUE(eventually(tried));
  broker.stop();  // nobody tells it again
  // One that is started beside it ends, and is no start of the trial's.
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run_program({vigiled_path(), "--config", daemon.config().string()}).status, 1);
  daemon.kill_hard();
  daemon.start();
  EXPECT_TRUE(eventually(tried));
  EXPECT_TRUE(eventually([&] { return daemon.number("/remote_settings/trial_left_s") > 0; }))
      << remote(daemon);
  daemon.kill_hard();
  daemon.start();
  EXPECT_TRUE(eventually([&] { return daemon.number("/remote_settings/failed_serial") == 1; }))
      << remote(daemon);
  EXPECT_FALSE(tried());
  EXPECT_THAT(daemon.text("/remote_settings/failed_reason"), HasSubstr("ended twice"));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(RemoteSettings, ThatNoLongerDoLeaveTheDeviceItsOwn) {
  MosquittoServer broker;
  Daemon daemon(site(broker.url()));
  daemon.start();
  publish(broker, sign(kWithMemory, 1));
  ASSERT_TRUE(confirmed(daemon, 1));
  EXPECT_EQ(daemon.stop(), 0);
  broker.stop();
  // Somebody else's hand in the folder.
  const auto file = folder() / "settings.yaml";
  const std::string text = *read_file(file);
  std::ofstream(file) << text << "store: {max_size: 1MiB}\n";
  daemon.start();
  EXPECT_TRUE(eventually([&] { return daemon.text("/drivers/0/name") == "1/cpu"; }));
  EXPECT_EQ(daemon.text("/drivers/1/name"), "");
  EXPECT_THAT(daemon.output(), HasSubstr("left out, the file on the device is used alone"));
  const std::string answer = daemon.request("POST", "/api/agent/reload");
  EXPECT_THAT(answer, HasSubstr("the signature is of none of the public keys"));
  EXPECT_EQ(daemon.stop(), 0);
  // A file on the device that is wrong by itself keeps it from starting, as ever.
  const Finished check = run_program({vigiled_path(), "--check", "--config", daemon.config().string()});
  EXPECT_EQ(check.status, 2);
  EXPECT_THAT(check.output, HasSubstr("settings.yaml: the signature"));
}

TEST_F(RemoteSettings, TwoReceiversWithOneIdAreReported) {
  for (const std::string version : {"5", "3.1.1"}) {
    MosquittoServer broker;
    const std::string settings = site(broker.url(), ", client_id: one, version: \"" + version + "\"");
    Daemon first(settings);
    first.start();
    ASSERT_TRUE(eventually([&] { return remote(first).find("\"connected\":true") != std::string::npos; }));
    Daemon second(settings);
    second.start();
    ASSERT_TRUE(eventually([&] { return !first.text("/remote_settings/conflict").empty(); }))
        << remote(first);
    EXPECT_THAT(first.text("/remote_settings/conflict"),
                AllOf(HasSubstr(broker.url()), HasSubstr("another client connects as 'one'")));
    EXPECT_GE(first.number("/remote_settings/conflicts"), 1);
    EXPECT_THAT(first.text("/unhealthy_reason"), HasSubstr("settings from the broker: conflict: "));
    EXPECT_THAT(first.output(), HasSubstr("conflict: "));
  }
}

TEST_F(RemoteSettings, OverTlsWithAPassword) {
  const TestCertificates certificates(dir_.path());
  MosquittoOptions options;
  options.listener_lines = MosquittoServer::tls_lines(certificates, true);
  options.password_user = "press";
  options.password = "pw-secret-1";
  MosquittoServer broker(options);
  const std::string login = " -u press -P pw-secret-1 --cafile " + certificates.ca + " --cert " +
                            certificates.client_cert + " --key " + certificates.client_key;
  publish(broker, sign(kWithMemory, 1), "all/settings", login);
  Daemon daemon(site("mqtts://127.0.0.1:" + std::to_string(broker.port()),
                     ", topic: all/settings, version: 3.1.1, user: press, password: pw-secret-1, ca_file: " +
                         certificates.ca + ", cert_file: " + certificates.client_cert +
                         ", key_file: " + certificates.client_key));
  daemon.start();
  EXPECT_TRUE(confirmed(daemon, 1)) << remote(daemon) << daemon.output();
  EXPECT_THAT(daemon.get("/api/agent/status") + daemon.output(), Not(HasSubstr("pw-secret-1")));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(RemoteSettings, AnotherWayTakesAReload) {
  MosquittoServer first, second;
  Daemon daemon(site(first.url()));
  daemon.start();
  ASSERT_TRUE(eventually([&] { return remote(daemon).find("\"connected\":true") != std::string::npos; }))
      << remote(daemon);
  daemon.write_settings(site(second.url()));
  EXPECT_THAT(daemon.request("POST", "/api/agent/reload"),
              HasSubstr("settings from the broker: connecting anew"));
  publish(second, sign(kWithMemory, 1));
  EXPECT_TRUE(confirmed(daemon, 1)) << remote(daemon);
  // Off again: what arrived is no longer in force.
  std::string off = site(second.url());
  daemon.write_settings(off.substr(0, off.find("remote_settings")));
  daemon.request("POST", "/api/agent/reload");
  EXPECT_EQ(daemon.text("/drivers/1/name"), "");
  EXPECT_TRUE(eventually(
      [&] { return daemon.get("/api/agent/status").find("\"remote_settings\":null") != std::string::npos; }));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(RemoteSettings, CanBeCheckedBeforeTheyArePublished) {
  const Daemon daemon(site("mqtt://127.0.0.1:9"));
  const auto check = [&](const std::string& yaml, const std::string& config) {
    std::ofstream(dir_ / "new.yaml") << yaml;
    return run_program(
        {vigiled_path(), "--check", "--config", config, "--with", (dir_ / "new.yaml").string()});
  };
  const Finished good = check(kWithMemory, daemon.config().string());
  EXPECT_EQ(good.status, 0) << good.output;
  EXPECT_THAT(good.output, HasSubstr("1/memory"));
  const Finished bad = check("\ndevice: x\n", daemon.config().string());
  EXPECT_EQ(bad.status, 2);
  EXPECT_THAT(bad.output, HasSubstr("new.yaml:2:1: device: only the file on the device can say this"));
  std::ofstream(dir_ / "plain.yaml") << "equipment: []\n";
  const Finished none = check(kWithMemory, (dir_ / "plain.yaml").string());
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.output, HasSubstr("remote_settings is missing"));
}

// A fault found beside: a reload said "nothing has changed" to another name of the device.
TEST_F(RemoteSettings, ByReloadAnotherDeviceNameReachesWhatIsWritten) {
  MosquittoServer broker;
  MqttSubscriber reader(broker.port(), "vigile/#");
  std::string yaml = site(broker.url());
  yaml = yaml.substr(0, yaml.find("remote_settings")) + "sinks: [mqtt: {url: \"" + broker.url() +
         "\", every: 100ms}]\n";
  Daemon daemon(yaml);
  daemon.start();
  EXPECT_TRUE(eventually([&] { return !reader.latest("vigile/12/press-07/points").empty(); }));
  yaml.replace(yaml.find("press-07"), 8, "press-08");
  daemon.write_settings(yaml + "layout: native\n");
  EXPECT_THAT(daemon.request("POST", "/api/agent/reload"), HasSubstr("drivers restarted: 1/cpu"));
  EXPECT_TRUE(eventually([&] {
    return reader.latest("vigile/12/press-08/points").find("\ncpu,") != std::string::npos ||
           reader.latest("vigile/12/press-08/points").starts_with("cpu,");
  }));
  EXPECT_EQ(daemon.text("/device"), "press-08");
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_F(RemoteSettings, AnOutageOfTheNetworkInATrialIsNotHeldAgainstThem) {
  const MosquittoServer broker;
  InfluxServer influx;
  influx.create_database("site");
  TcpProxy to_broker(broker.port());
  TcpProxy to_influx(influx.port());
  std::string yaml = site("mqtt://127.0.0.1:" + std::to_string(to_broker.port()), "",
                          sink_to("http://127.0.0.1:" + std::to_string(to_influx.port())));
  yaml.replace(yaml.find("trial: 2s"), 9, "trial: 5s");
  Daemon daemon(yaml);
  daemon.start();
  ASSERT_TRUE(delivers(daemon));
  publish(broker, sign("sinks: [influx: {every: 150ms}]\n", 1));
  ASSERT_TRUE(eventually([&] { return daemon.number("/remote_settings/serial") == 1; }));
  for (TcpProxy* const way : {&to_broker, &to_influx}) {
    way->refuse(true);
    way->cut();
  }
  EXPECT_TRUE(eventually([&] {
    return daemon.output().find("serial 1 stays on trial until the broker is back: sink influx") !=
           std::string::npos;
  })) << daemon.output();
  for (TcpProxy* const way : {&to_broker, &to_influx}) way->refuse(false);
  EXPECT_TRUE(confirmed(daemon, 1)) << remote(daemon);
  EXPECT_EQ(daemon.number("/remote_settings/failed_serial"), 0);
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

TEST_F(RemoteSettings, AServerThatIsDownIsNotHeldAgainstThemWhenTheyLeaveItsSinkAlone) {
  const MosquittoServer broker;
  InfluxServer influx;
  influx.create_database("site");
  Daemon daemon(site(broker.url(), "", sink_to(influx.url())));
  daemon.start();
  ASSERT_TRUE(delivers(daemon));
  publish(broker, sign(kWithMemory, 1));
  ASSERT_TRUE(eventually([&] { return daemon.number("/remote_settings/serial") == 1; }));
  influx.stop();
  EXPECT_TRUE(confirmed(daemon, 1)) << remote(daemon) << daemon.output();
  EXPECT_EQ(daemon.number("/remote_settings/failed_serial"), 0);
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

// The network explains the one sink, and not the other.
TEST_F(RemoteSettings, APausedSinkCountsThoughTheNetworkIsAway) {
  const MosquittoServer broker;
  InfluxServer influx;
  influx.create_database("site");
  TcpProxy to_broker(broker.port());
  TcpProxy to_influx(influx.port());
  const auto sink = [](const std::string& name, std::uint16_t port) {
    return "influx: {name: " + name + ", api: v1, url: \"http://127.0.0.1:" + std::to_string(port) +
           "\", database: site, every: 100ms}";
  };
  std::string yaml =
      site("mqtt://127.0.0.1:" + std::to_string(to_broker.port()), "",
           "sinks: [" + sink("away", to_influx.port()) + ", " + sink("near", influx.port()) + "]\n");
  yaml.replace(yaml.find("trial: 2s"), 9, "trial: 5s");
  Daemon daemon(yaml);
  daemon.start();
  ASSERT_TRUE(eventually([&] {
    return daemon.number("/sinks/0/delivered_points") > 0 && daemon.number("/sinks/1/delivered_points") > 0;
  }));
  publish(
      broker,
      sign("sinks: [influx: {name: away, every: 150ms}, influx: {name: near, database: elsewhere}]\n", 1));
  ASSERT_TRUE(eventually([&] { return daemon.number("/remote_settings/serial") == 1; }));
  for (TcpProxy* const way : {&to_broker, &to_influx}) {
    way->refuse(true);
    way->cut();
  }
  EXPECT_TRUE(eventually([&] { return daemon.number("/remote_settings/failed_serial") == 1; }))
      << remote(daemon) << daemon.output();
  EXPECT_THAT(daemon.text("/remote_settings/failed_reason"), HasSubstr("sink near does not deliver"));
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
}

}  // namespace
}  // namespace vigile
