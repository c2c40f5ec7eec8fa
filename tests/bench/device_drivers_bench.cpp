// SPDX-License-Identifier: Apache-2.0
// What one sample costs of drivers that are pushed to, run programs, or ask servers, each with its peer on
// loopback: the CPU time is this process's alone, without the peer's. Where it takes readings, there are ten
// for it in each run. A driver whose device is not to be had here (gpio, can, wireless) is measured by what
// it makes of the kernel's bytes.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "driver_sampling.h"
#include "drivers/can/signal.h"
#include "drivers/gpio/gpio_driver.h"
#include "drivers/wireless/wireless_driver.h"
#include "support/discarding_server.h"
#include "support/fake_bus.h"
#include "support/mosquitto_server.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

Options options_of(const char* driver) {
  return defaults_of(find_driver(driver)->options);
}

// A row of the option `rows` with its defaults.
Options row_of(const char* driver, std::string_view option) {
  for (const OptionSpec& spec : find_driver(driver)->options) {
    if (spec.name == option) return defaults_of(spec.columns);
  }
  return {};
}

void exec_once(benchmark::State& state) {
  Options options = options_of("exec");
  options.set("command", std::vector<std::string>{"/bin/echo", "press force=1,speed=2,temperature=3"});
  sample_driver(state, "exec", options, "/sys");
}
BENCHMARK(exec_once);

void listen_unix(benchmark::State& state) {
  const TempDir dir;
  const std::string path = dir / "s";
  Options options = options_of("listen");
  options.set("address", "unixgram://" + path);
  options.set("max_points", std::int64_t{1'000'000});
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sample_driver(state, "listen", options, "/sys", [&] {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    for (int i = 0; i < 10; ++i) {
      constexpr std::string_view kLine = "press,line=7 force=1200.5";
      (void)::sendto(fd, kLine.data(), kLine.size(), 0, reinterpret_cast<sockaddr*>(&name), sizeof name);
    }
  });
  ::close(fd);
}
BENCHMARK(listen_unix);

void mqtt_ten_messages(benchmark::State& state) {
  MosquittoServer broker;
  Options options = options_of("mqtt");
  options.set("url", broker.url());
  options.set("client_id", std::string("bench"));
  options.set("topics", std::vector<std::string>{"t"});
  const TempDir dir;
  std::ofstream lines(dir / "lines");
  for (int i = 0; i < 10; ++i) lines << "press,line=7 force=" << i << " 1793491200000000000\n";
  lines.close();
  sample_driver(state, "mqtt", options, "/sys", [&] {
    run_program(
        {"/bin/sh", "-c",
         "mosquitto_pub -p " + std::to_string(broker.port()) + " -q 1 -t t -l < " + (dir / "lines").string()},
        dir / "log");
  });
}
BENCHMARK(mqtt_ten_messages)->Iterations(200);

void serial_ten_lines(benchmark::State& state) {
  const int device = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ::grantpt(device);
  ::unlockpt(device);
  char name[64];
  ::ptsname_r(device, name, sizeof name);
  Options options = options_of("serial");
  options.set("device", std::string(name));
  options.set("protocol", std::string("nmea"));
  options.set("response_time", std::chrono::nanoseconds(std::chrono::milliseconds(10)));
  sample_driver(state, "serial", options, "/sys", [&] {
    constexpr std::string_view kLine =
        "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n";
    for (int i = 0; i < 11; ++i) (void)!::write(device, kLine.data(), kLine.size());
  });
  ::close(device);
}
BENCHMARK(serial_ten_lines)->Iterations(200);

void dns_dnsmasq(benchmark::State& state) {
  const TempDir dir;
  const std::uint16_t port = free_port();
  const ChildProcess server(
      {"dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root",
       "--pid-file=" + (dir / "pid").string(), "--port=" + std::to_string(port), "--listen-address=127.0.0.1",
       "--bind-interfaces", "--host-record=www.example.com,192.0.2.7"},
      dir / "log");
  if (!eventually([&] { return port_answers(port); })) return state.SkipWithError("no dnsmasq");
  Options options = options_of("dns");
  options.set("query", std::string("www.example.com"));
  options.set("server", "127.0.0.1:" + std::to_string(port));
  sample_driver(state, "dns", options, "/sys");
}
BENCHMARK(dns_dnsmasq);

void certificate_file(benchmark::State& state) {
  if (!find_driver("certificate")->missing.empty()) return state.SkipWithError("not in this build");
  const TempDir dir;
  const TestCertificates certificates(dir.path());
  Options options = options_of("certificate");
  options.set("file", certificates.server_cert);
  sample_driver(state, "certificate", options, "/sys");
}
BENCHMARK(certificate_file);

void ntp_kernel(benchmark::State& state) {
  sample_driver(state, "ntp", options_of("ntp"), "/sys");
}
BENCHMARK(ntp_kernel);

void process_by_name(benchmark::State& state) {
  Options options = options_of("process");
  options.set("program", std::string("device_drivers*"));
  sample_driver(state, "process", options, "/sys");
}
BENCHMARK(process_by_name);

void process_cgroup(benchmark::State& state) {
  Options options = options_of("process");
  options.set("cgroup", std::string("system.slice/press.service"));
  sample_driver(state, "process", options,
                std::filesystem::path(VIGILE_SOURCE_DIR) / "drivers/process/testcases/cgroup/1/sys");
}
BENCHMARK(process_cgroup);

void file_three_values(benchmark::State& state) {
  Options options = options_of("file");
  std::vector<Options> rows;
  for (const char* name : {"MemFree", "Dirty", "Mapped"}) {
    Options& row = rows.emplace_back(row_of("file", "values"));
    row.set("name", std::string(name));
    row.set("path", std::string("/proc/meminfo"));
    row.set("match", "^" + std::string(name) + ": *([0-9]+)");
  }
  options.set("values", rows);
  sample_driver(state, "file", options, "/sys");
}
BENCHMARK(file_three_values);

class StillLine final : public gpio::Line {
 public:
  Result<bool> level() override { return true; }
  Result<std::optional<std::int64_t>> next_edge_ns() override { return std::optional<std::int64_t>(); }
  int fd() const override { return -1; }
};

void gpio_ten_lines(benchmark::State& state) {
  if (!find_driver("gpio")->missing.empty()) return state.SkipWithError("not in this build");
  Options options = options_of("gpio");
  std::vector<Options> rows;
  for (int i = 0; i < 10; ++i) {
    Options& row = rows.emplace_back(row_of("gpio", "lines"));
    row.set("name", "line" + std::to_string(i));
    row.set("line", std::to_string(i));
  }
  options.set("lines", rows);
  const SystemClock clock;
  const auto driver = gpio::make_gpio(options, {.clock = clock}, [](const gpio::LineSettings&) {
    return Result<std::unique_ptr<gpio::Line>>(std::make_unique<StillLine>());
  });
  if (!driver) return state.SkipWithError(driver.error().message.c_str());
  CountingOutput out;
  for (auto _ : state)
    (void)(*driver)->sample({clock.boot(), clock.boot() + std::chrono::seconds(5), {}}, out);
}
BENCHMARK(gpio_ten_lines);

class StillAir final : public wireless::Nl80211 {
 public:
  Result<std::vector<wireless::Interface>> interfaces() override {
    return std::vector<wireless::Interface>{{3, "wlan0", "plant", 5180, true}};
  }
  Result<std::vector<wireless::Station>> stations(std::uint32_t) override {
    return std::vector<wireless::Station>{{"02:00:00:00:00:07", -61, 54.0, 866.7, 1, 2, 3, 4, 5}};
  }
};

void wireless_client(benchmark::State& state) {
  if (!find_driver("wireless")->missing.empty()) return state.SkipWithError("not in this build");
  const SystemClock clock;
  const auto driver = wireless::make_wireless(options_of("wireless"), {.clock = clock}, [] {
    return Result<std::unique_ptr<wireless::Nl80211>>(std::make_unique<StillAir>());
  });
  CountingOutput out;
  for (auto _ : state)
    (void)(*driver)->sample({clock.boot(), clock.boot() + std::chrono::seconds(5), {}}, out);
}
BENCHMARK(wireless_client);

void modem_on_a_bus(benchmark::State& state) {
  if (!find_driver("modem")->missing.empty()) return state.SkipWithError("not in this build");
  const FakeBus bus;
  const FakeService service(bus, "org.freedesktop.ModemManager1",
                            {{"/org/freedesktop/ModemManager1/Modem/0",
                              {{"org.freedesktop.ModemManager1.Modem",
                                {{"Model", fake_text("EG25-G")},
                                 {"State", fake_i(11)},
                                 {"AccessTechnologies", fake_u(1U << 14)}}}}}});
  Options options = options_of("modem");
  options.set("bus", bus.address());
  sample_driver(state, "modem", options, "/sys");
}
BENCHMARK(modem_on_a_bus);

void http_loopback(benchmark::State& state) {
  const DiscardingServer server;
  Options options = options_of("http");
  options.set("url", server.url());
  sample_driver(state, "http", options, "/sys");
}
BENCHMARK(http_loopback);

void tcp_loopback(benchmark::State& state) {
  const DiscardingServer server;
  Options options = options_of("tcp");
  options.set("address", server.url().substr(7));
  sample_driver(state, "tcp", options, "/sys");
}
BENCHMARK(tcp_loopback);

void ping_loopback(benchmark::State& state) {
  Options options = options_of("ping");
  options.set("address", std::string("127.0.0.1"));
  sample_driver(state, "ping", options, "/sys");
}
BENCHMARK(ping_loopback)->Iterations(20);

void can_ten_signals(benchmark::State& state) {
  const std::array<std::uint8_t, 8> data = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<can::Signal> signals(10);
  for (int i = 0; i < 10; ++i) {
    can::Signal& one = signals[static_cast<std::size_t>(i)];
    one.start = i % 2 == 0 ? i * 4 : 7;
    one.length = 12;
    one.is_big_endian = i % 2 == 1;
    one.scale = 0.125;
  }
  for (auto _ : state) {
    for (const can::Signal& signal : signals) benchmark::DoNotOptimize(can::value_of(signal, data));
  }
}
BENCHMARK(can_ten_signals);

}  // namespace
}  // namespace vigile
