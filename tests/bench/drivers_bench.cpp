// SPDX-License-Identifier: Apache-2.0
// What one sample of each driver that only reads files costs on this machine, the kernel's part included; and
// of those that ask a device, with a peer on loopback: the time is this process's alone, without the peer's.
// cpu is measured with its cores too. A driver that finds nothing here (a virtual machine has no sensors)
// says so instead of a time.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <fstream>

#include "driver_sampling.h"
#include "support/process.h"
#include "support/snmpd_server.h"

namespace vigile {
namespace {

const std::filesystem::path kSys = "/sys";
const std::filesystem::path kCaptured = std::filesystem::path(VIGILE_SOURCE_DIR) / "drivers";
using Names = std::vector<std::string>;

// Forty registers, read in two requests.
void modbus(benchmark::State& state) {
  const DriverInfo& info = *find_driver("modbus");
  if (!info.missing.empty()) return state.SkipWithError(std::string(info.missing).c_str());
  const TempDir dir;
  std::ofstream image(dir / "image");
  image << "holding 0";
  for (int i = 0; i < 200; ++i) image << ' ' << i;
  image << '\n' << std::flush;
  const std::uint16_t port = free_port();
  const ChildProcess peer({std::string(VIGILE_BINARY_DIR) + "/tests/modbus_peer", "tcp", std::to_string(port),
                           (dir / "image").string()},
                          dir / "log");
  if (!eventually([&] { return port_answers(port); })) return state.SkipWithError("no modbus_peer");
  Options options = defaults_of(info.options);
  options.set("address", "tcp://127.0.0.1:" + std::to_string(port));
  std::vector<Options> rows;
  const auto registers = std::find_if(info.options.begin(), info.options.end(),
                                      [](const OptionSpec& one) { return one.name == "registers"; });
  for (std::int64_t i = 0; i < 40; ++i) {
    Options& row = rows.emplace_back(defaults_of(registers->columns));
    row.set("name", "r" + std::to_string(i));
    row.set("address", i < 20 ? i : 100 + i);
    row.set("scale", 0.1);
  }
  options.set("registers", rows);
  sample_driver(state, "modbus", options, "/sys");
}
BENCHMARK(modbus);

// A switch of 48 ports, all counters of 64 bits.
void snmp_interfaces(benchmark::State& state) {
  const DriverInfo& info = *find_driver("snmp");
  if (!info.missing.empty()) return state.SkipWithError(std::string(info.missing).c_str());
  const TempDir dir;
  std::ofstream objects(dir / "objects");
  objects << ".1.3.6.1.2.1.1.3.0 = Timeticks: (12345)\n";
  for (int port = 1; port <= 48; ++port) {
    for (const int column : {5, 13, 14, 19, 20})
      objects << ".1.3.6.1.2.1.2.2.1." << column << "." << port << " = Gauge32: 1000000\n";
    objects << ".1.3.6.1.2.1.2.2.1.8." << port << " = INTEGER: 1\n"
            << ".1.3.6.1.2.1.31.1.1.1.1." << port << " = STRING: \"Gi1/0/" << port << "\"\n";
    for (int column = 6; column <= 13; ++column)
      objects << ".1.3.6.1.2.1.31.1.1.1." << column << "." << port << " = Counter64: 1000000\n";
  }
  objects.close();
  const SnmpdServer server({.objects = dir / "objects"});
  Options options = defaults_of(info.options);
  options.set("address", server.address());
  options.set("community", std::string("geheim"));
  options.set("interfaces", true);
  options.set("timeout", std::chrono::nanoseconds(std::chrono::seconds(10)));
  sample_driver(state, "snmp", options, "/sys");
}
BENCHMARK(snmp_interfaces)->MinTime(1);

void agent(benchmark::State& state) {
  sample_driver(state, "agent", defaults_of(find_driver("agent")->options), "/sys");
}
BENCHMARK(agent);

void simulate(benchmark::State& state) {
  sample_driver(state, "simulate", defaults_of(find_driver("simulate")->options), "/sys");
}
BENCHMARK(simulate);

BENCHMARK_CAPTURE(sample_driver, cpu, "cpu", Options(), kSys);
BENCHMARK_CAPTURE(sample_driver, cpu_per_core, "cpu", with("per_core", true), kSys);
BENCHMARK_CAPTURE(sample_driver, memory, "memory", with("swap", true), kSys);
BENCHMARK_CAPTURE(sample_driver, load, "load", Options(), kSys);
BENCHMARK_CAPTURE(sample_driver, disk, "disk",
                  with("exclude_fstypes", Names{"cgroup*", "dev*", "proc", "sysfs", "tmpfs"}), kSys);
BENCHMARK_CAPTURE(sample_driver, network, "network", with("exclude", Names{"lo", "ifb*"}), kSys);
BENCHMARK_CAPTURE(sample_driver, thermal, "thermal", Options(),
                  kCaptured / "thermal/testcases/arm-board/sys");
BENCHMARK_CAPTURE(sample_driver, hwmon, "hwmon", Options(), kCaptured / "hwmon/testcases/normal/sys");
BENCHMARK_CAPTURE(sample_driver, pressure, "pressure", with("resources", Names{"cpu", "memory", "io"}), kSys);
BENCHMARK_CAPTURE(sample_driver, diskio, "diskio", Options(), kSys);
BENCHMARK_CAPTURE(sample_driver, mmc, "mmc", Options(), kCaptured / "mmc/testcases/normal/sys");
BENCHMARK_CAPTURE(sample_driver, iio, "iio", Options(), kCaptured / "iio/testcases/normal/sys");
BENCHMARK_CAPTURE(sample_driver, w1, "w1", Options(), kCaptured / "w1/testcases/normal/sys");

}  // namespace
}  // namespace vigile
