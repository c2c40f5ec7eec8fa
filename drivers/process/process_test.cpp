// SPDX-License-Identifier: Apache-2.0
#include "drivers/process/process.h"

#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

#include <fstream>

#include "core/unique_fd.h"
#include "drivers/process/pid_file.h"
#include "drivers/process/proc_stat.h"
#include "drivers/testcase/testcase.h"
#include "support/fake_bus.h"
#include "support/fake_clock.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Process, Testcases) {
  run_testcases(kProcessDriver);
}

TEST(Process, SurvivesMutations) {
  mutate_captured(kProcessDriver, "stat", [](std::string_view text) -> Result<void> {
    const auto parsed = process::parse_proc_stat(text, "/proc/5/stat");
    if (!parsed) return parsed.error();
    return {};
  });
}

std::string sample(Driver& driver, const Clock& clock) {
  TextOutput out(kProcessDriver);
  const auto done = driver.sample({clock.boot(), clock.boot() + 5s, {}}, out);
  if (!done)
    out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
  return out.text;
}

std::unique_ptr<Driver> make(const std::string& yaml, const Clock& clock) {
  auto made = kProcessDriver.make(options_from_yaml(kProcessDriver, yaml), {.clock = clock});
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

TEST(Process, ARealOneByItsPidFile) {
  const SystemClock clock;
  const TempDir dir;
  const std::string file = dir / "pid";
  const auto driver = make("pid_file: " + file, clock);
  EXPECT_THAT(sample(*driver, clock), StartsWith("process,process=" + file +
                                                 " running=0i,count=0i,restarts=0i\navailability down: "));
  auto child = std::make_unique<ChildProcess>(std::vector<std::string>{"sleep", "1000"}, dir / "log");
  std::ofstream(file) << child->pid() << "\n";
  // Between fork() and exec() it has other files, and no memory for a moment.
  std::string got;
  ASSERT_TRUE(eventually([&] {
    got = sample(*driver, clock);
    return got.find("memory=0i") == std::string::npos;
  }));
  EXPECT_THAT(
      got,
      testing::ContainsRegex(
          " running=1i,count=1i,cpu=0[.0-9]*,memory=[1-9][0-9]*i,threads=1i,descriptors=[0-9]+i,uptime="));
  child = std::make_unique<ChildProcess>(std::vector<std::string>{"sleep", "1000"}, dir / "log");
  std::ofstream(file) << child->pid() << "\n";
  EXPECT_THAT(sample(*driver, clock), HasSubstr(",restarts=1i\navailability up\n"));
  std::ofstream(file) << "soon\n";
  EXPECT_THAT(sample(*driver, clock),
              HasSubstr("error: parse: " + file + ":1: expected the number of a process, found \"soon\""));
}

TEST(Process, PidFilesWithMoreThanANumber) {
  const TempDir dir;
  const std::string file = dir / "pid";
  const auto read = [&](const std::string& text) {
    std::ofstream(file) << text;
    const auto pid = process::read_pid_file(file);
    return pid ? std::to_string(*pid) : replace_all(pid.error().message, dir.path().string(), "DIR");
  };
  EXPECT_EQ(read("6715"), "6715");
  EXPECT_EQ(read("6715\n"), "6715");
  EXPECT_EQ(read("6715\r\n"), "6715");
  EXPECT_EQ(read("      6715\n"), "6715");  // as UUCP's lock files
  EXPECT_EQ(read("\n6715\n"), "6715");
  EXPECT_EQ(read("6715\n6710\n6711\n"), "6715");      // Splunk
  EXPECT_EQ(read("6715\nhost-a\nan-app\n"), "6715");  // Qt
  EXPECT_EQ(read("6715\n/var/lib/postgresql/15/main\n1796100000\n5432\n/var/run/postgresql\nlocalhost\n"
                 "  5432001         0\nready   \n"),
            "6715");
  EXPECT_EQ(read("6715\n" + std::string(5000, 'x') + "\n"), "6715");
  EXPECT_EQ(read("name\n6715\n"), "DIR/pid:1: expected the number of a process, found \"name\"");
  EXPECT_THAT(read(""), HasSubstr("DIR/pid: expected the number of a process"));
  EXPECT_THAT(read("0\n"), HasSubstr("expected the number of a process"));
  EXPECT_THAT(read("-6715\n"), HasSubstr("expected the number of a process"));
  EXPECT_THAT(read("99999999999\n"), HasSubstr("expected the number of a process"));
  EXPECT_THAT(read("6715" + std::string(70000, ' ')), HasSubstr("DIR/pid: "));
}

TEST(Process, UnitsOfTheServiceManager) {
  const FakeBus bus;
  const FakeClock clock;
  const std::string yaml = "unit: mosquitto.service, bus: '" + bus.address() + "'";
  const auto driver = make("{" + yaml + "}", clock);
  EXPECT_THAT(sample(*driver, clock), StartsWith("error: not_found: org.freedesktop.systemd1: "));
  const std::string path = "/org/freedesktop/systemd1/unit/mosquitto_2eservice";
  const std::string gone = "/org/freedesktop/systemd1/unit/gone_2eservice";
  const FakeService systemd(
      bus, "org.freedesktop.systemd1",
      {{path,
        {{"org.freedesktop.systemd1.Unit",
          {{"LoadState", fake_text("loaded")},
           {"ActiveState", fake_text("active")},
           {"SubState", fake_text("running")},
           {"ActiveEnterTimestampMonotonic", fake_t(1)},
           {"Conditions",
            [](sd_bus_message* m) { sd_bus_message_append(m, "v", "a(sbbsi)", 1, "a", 1, 0, "b", -1); }}}},
         {"org.freedesktop.systemd1.Service", {{"NRestarts", fake_u(3)}, {"ControlGroup", fake_text("")}}}}},
       {gone,
        {{"org.freedesktop.systemd1.Unit",
          {{"LoadState", fake_text("not-found")}, {"ActiveState", fake_text("inactive")}}}}},
       {"/failed",
        {{"org.freedesktop.systemd1.Unit",
          {{"LoadState", fake_text("loaded")},
           {"ActiveState", fake_text("failed")},
           {"SubState", fake_text("failed")}}}}}},
      {{"mosquitto.service", path}, {"gone.service", gone}, {"failed.timer", "/failed"}});
  // Between fork() and exec() it has other files, and no memory for a moment.
  std::string got;
  ASSERT_TRUE(eventually([&] {
    got = sample(*driver, clock);
    return got.find("memory=0i") == std::string::npos;
  }));
  EXPECT_THAT(got, testing::ContainsRegex(
                       "^process,process=mosquitto.service "
                       "running=1i,uptime=[0-9.]+,restarts=3i,state=\"active/running\"\navailability up"));
  EXPECT_EQ(sample(*make("{unit: gone.service, bus: '" + bus.address() + "'}", clock), clock),
            "error: not_found: systemd: there is no unit gone.service\n");
  EXPECT_EQ(sample(*make("{unit: failed.timer, bus: '" + bus.address() + "'}", clock), clock),
            "process,process=failed.timer running=0i,state=\"failed/failed\"\navailability down: "
            "failed.timer: is failed/failed\n");
  EXPECT_THAT(sample(*make("{unit: a.service, bus: 'unix:path=/no/such/bus'}", clock), clock),
              HasSubstr("error: unavailable: D-Bus: the system bus does not answer"));
}

TEST(Process, ABusThatSaysNothingIsGivenUpInTime) {
  const TempDir dir;
  const std::string path = dir / "bus";
  const UniqueFd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  ASSERT_EQ(::listen(silent.get(), 8), 0);
  const SystemClock clock;
  const auto driver = make("{unit: a.service, bus: 'unix:path=" + path + "'}", clock);
  TextOutput out(kProcessDriver);
  const BootTime begin = clock.boot();
  const auto done = driver->sample({begin, begin + 300ms, {}}, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::timeout);
  EXPECT_THAT(done.error().message, HasSubstr("D-Bus: the system bus does not answer"));
  EXPECT_LT(clock.boot() - begin, 30s);  // without a limit it is 90 s
}

TEST(Process, BadSettingsSayWhatWouldBeRight) {
  const FakeClock clock;
  const auto error = [&](const std::string& yaml) {
    const auto made = kProcessDriver.make(options_from_yaml(kProcessDriver, yaml), {.clock = clock});
    return made ? "fine" : made.error().message;
  };
  EXPECT_EQ(error("{}"), "program: one of program, command, pid_file, unit and cgroup says which process");
  EXPECT_EQ(error("{program: a, unit: b.service}"),
            "program: one of program, command, pid_file, unit and cgroup says which process");
  EXPECT_THAT(error("program: a-very-long-program"), HasSubstr("the kernel keeps 15 bytes of a name"));
  EXPECT_THAT(error("unit: mosquitto"), HasSubstr("is not like mosquitto.service"));
  EXPECT_THAT(error("cgroup: ../../etc"), HasSubstr("without .."));
  EXPECT_THAT(error("{program: a, bus: b}"), HasSubstr("has no effect without unit"));
}

}  // namespace
}  // namespace vigile
