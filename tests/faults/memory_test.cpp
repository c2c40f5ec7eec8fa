// SPDX-License-Identifier: Apache-2.0
// vigiled where it may have 24 MiB, page cache and all: an outage with 200,000 readings, and their delivery.
// The kernel kills what takes more.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "core/file.h"
#include "faults/rounds.h"
#include "integration/daemon.h"
#include "support/influx_server.h"
#include "support/sanitized.h"

namespace vigile {
namespace {

constexpr std::uint64_t kLimit = std::uint64_t{24} << 20;
constexpr double kPoints = 200'000;

// A control group of the test's own with a limit on memory; versions 1 and 2 (cgroups(7)).
class MemoryGroup {
 public:
  MemoryGroup() {
    const std::filesystem::path root = "/sys/fs/cgroup";
    version_1_ = std::filesystem::exists(root / "memory");
    home_ = version_1_ ? root / "memory" : root;
    folder_ = home_ / ("vigile-memory-test-" + std::to_string(::getpid()));
    std::error_code error;
    std::filesystem::create_directory(folder_, error);
    made_ = !error &&
            put(folder_ / (version_1_ ? "memory.limit_in_bytes" : "memory.max"), std::to_string(kLimit));
    if (made_ && !version_1_) made_ = put(folder_ / "memory.swap.max", "0");
  }
  ~MemoryGroup() { ::rmdir(folder_.c_str()); }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  bool made() const { return made_; }
  // This process, and what it starts from now on.
  bool enter() const { return put(folder_ / "cgroup.procs", "0"); }
  bool leave() const { return put(home_ / "cgroup.procs", "0"); }
  std::uint64_t killed() const {
    std::istringstream events(
        read_file(folder_ / (version_1_ ? "memory.oom_control" : "memory.events"), 4096).value_or(""));
    std::string name;
    for (std::uint64_t value = 0; events >> name >> value;) {
      if (name == "oom_kill") return value;
    }
    return 0;
  }

 private:
  static bool put(const std::filesystem::path& file, const std::string& text) {
    std::ofstream out(file);
    out << text;
    return bool(out.flush());
  }

  bool version_1_ = false;
  bool made_ = false;
  std::filesystem::path home_;
  std::filesystem::path folder_;
};

long resident_peak_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

TEST(Memory, AnOutageIsBridgedWithin24MiB) {
  if (kIsSanitized) GTEST_SKIP() << "the sanitizer's own memory does not fit";
  const MemoryGroup group;
  if (!group.made()) GTEST_SKIP() << "needs root and a memory controller";
  InfluxServer influx;
  influx.create_database("memory");
  Daemon daemon(
      "site: {id: 1}\nequipment:\n"
      "  - {id: sim, type: server, drivers: [simulate: {every: 50ms, rate: 20000, limit: 200000}]}\n"
      "store: {path: @STORE@, commit_every: 50ms, max_size: 64MiB}\napi: {socket: @SOCKET@}\n"
      "sinks:\n  - influx: {api: v1, url: \"" +
      influx.url() + "\", database: memory, every: 1s}\n");
  influx.stop();
  ASSERT_TRUE(group.enter());
  daemon.start();
  ASSERT_TRUE(group.leave());
  ASSERT_TRUE(
      eventually([&] { return daemon.number("/drivers/0/points") >= kPoints; }, std::chrono::seconds(60)))
      << daemon.get("/api/agent/status");
  // What a person asks meanwhile.
  EXPECT_EQ(daemon.exchange("GET", "/api/equipment/sim/metrics?limit=1000").status, 200);
  EXPECT_EQ(daemon.exchange("GET", "/api/agent/store/check").status, 200);
  influx.start();
  ASSERT_TRUE(eventually(
      [&] {
        daemon.request("POST", "/api/agent/flush");
        return daemon.number("/sinks/0/lag_points") == 0;
      },
      std::chrono::seconds(120)))
      << daemon.get("/api/agent/status");
  EXPECT_GE(static_cast<double>(influx.count("memory", "equipment_metrics")), kPoints);
  const long peak = resident_peak_kib(daemon.process().pid());
  EXPECT_EQ(daemon.stop(), 0) << daemon.output();
  EXPECT_EQ(group.killed(), 0u);
  std::printf(
      "24 MiB for vigiled, page cache included: %.0f readings held and delivered, lost 0, killed 0; resident "
      "peak %ld KiB\n",
      kPoints, peak);
}

}  // namespace
}  // namespace vigile
