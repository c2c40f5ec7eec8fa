// SPDX-License-Identifier: Apache-2.0
// Real programs: shell scripts in a folder outside the tree.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "core/file.h"
#include "drivers/exec/exec.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const SystemClock system_clock;

class ExecDriverTest : public ::testing::Test {
 protected:
  std::string script(const std::string& name, const std::string& body) {
    const std::string path = dir_ / name;
    std::ofstream(path) << "#!/bin/sh\n" << body;
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }
  std::unique_ptr<Driver> make(const std::string& command, const std::string& more = "") {
    const std::string yaml = "{command: [" + command + "]" + (more.empty() ? "" : ", " + more) + "}";
    DriverEnvironment environment{.clock = system_clock};
    environment.equipment = {"7", "Presse", "other", "192.0.2.7"};
    auto driver = kExecDriver.make(options_from_yaml(kExecDriver, yaml), environment);
    if (!driver) throw std::runtime_error(driver.error().message);
    return std::move(*driver);
  }
  std::string sample(Driver& driver, std::chrono::nanoseconds deadline = 10s, std::stop_token stop = {}) {
    TextOutput out(kExecDriver);
    const auto done =
        driver.sample({system_clock.boot(), system_clock.boot() + deadline, std::move(stop)}, out);
    if (!done)
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    return replace_all(replace_numbers(out.text, "duration=", "duration=#"), dir_.path().string(), "DIR");
  }
  // Whether all that wrote its number into the file has ended.
  bool all_gone(const std::string& file) {
    std::ifstream in(dir_ / file);
    for (pid_t pid = 0; in >> pid;) {
      if (::kill(pid, 0) == 0) return false;
    }
    return true;
  }

  TempDir dir_;
};

TEST_F(ExecDriverTest, LinesJsonAndPlugins) {
  const auto lines =
      make(script("lines", "echo 'press,line=7 force=2.5'\necho 'press force'\necho note >&2\n"));
  EXPECT_EQ(
      sample(*lines),
      "point: press,line=7 force=2.5\navailability up\nexec,program=lines duration=#,status=0i,refused=1i\n"
      "error: parse: lines: line 2, column 12: expected '=' after the field key: \"press force\"\n");
  const auto json =
      make(script("json", "echo '{\"equipment\": \"'$VIGILE_EQUIPMENT_ID'\", \"n\": 3}'\n"), "format: json");
  EXPECT_EQ(sample(*json),
            "exec equipment=\"7\",n=3\navailability up\nexec,program=json duration=#,status=0i,refused=0i\n");
  const auto plugin =
      make(script("check_x", "echo 'CRITICAL - hot | t=90;70;80'\nexit 2\n"), "format: nagios");
  EXPECT_EQ(sample(*plugin),
            "exec,program=check_x,unit=1 t=90,warn=70,crit=80\navailability down: CRITICAL - hot\n"
            "exec,program=check_x duration=#,status=2i,message=\"CRITICAL - hot\",refused=0i\n");
  const auto unknown = make(script("check_y", "echo 'UNKNOWN - who knows'\nexit 3\n"), "format: nagios");
  EXPECT_THAT(sample(*unknown),
              HasSubstr("error: unavailable: check_y: does not know: \"UNKNOWN - who knows\""));
}

TEST_F(ExecDriverTest, AStatusThatIsDataIsNoFailure) {
  const std::string body = "echo '{\"temperature\": {\"current\": 38}}'\nexit ";
  const std::string good = "exec temperature_current=38\navailability up\nexec,program=p duration=#,status=";
  EXPECT_EQ(sample(*make(script("p", body + "8\n"), "format: json, accept_status: [0, 4, 8]")),
            good + "8i,refused=0i\n");
  EXPECT_EQ(sample(*make(script("p", body + "72\n"), "format: json, accept_status_bits: 0xf8")),
            good + "72i,refused=0i\n");
  const std::string left_out =
      ", so that its readings are left out; accept_status says which statuses are no failure";
  const std::string failed = "error: unavailable: p: ended with status 2\n";
  const std::string down =
      "availability down: p: ended with status 2\nexec,program=p duration=#,status=2i,refused=0i\n";
  EXPECT_EQ(sample(*make(script("p", body + "2\n"), "format: json, accept_status: [0, 4, 8]")),
            replace_all(down + failed, "status 2", "status 2" + left_out));
  EXPECT_EQ(sample(*make(script("p", body + "2\n"), "format: json, keep_on_failure: true")),
            "exec temperature_current=38\n" + down + failed);
  // One that was killed has no status.
  EXPECT_THAT(sample(*make(script("p", "kill -KILL $$\n"), "format: json, accept_status: [0, 9, 137]")),
              HasSubstr("error: unavailable: p: was killed by signal 9"));
  // Nothing printed is no second fault.
  EXPECT_THAT(sample(*make(script("p", "exit 2\n"), "format: json, keep_on_failure: true")),
              testing::Not(HasSubstr("JSON")));
}

// The recipe of the README, on what smartctl prints of a disk that is failing, and of one that is well.
TEST_F(ExecDriverTest, SmartctlByTheRecipe) {
  const std::string captured = VIGILE_SOURCE_DIR "/drivers/exec/testcases/";
  const auto got = [&](const std::string& file, int status) {
    return sample(
        *make(script("smartctl", "cat " + captured + file + "\nexit " + std::to_string(status) + "\n") +
                  ", --json=c, -H, -A, /dev/sda",
              "format: json, accept_status_bits: 0xf8"));
  };
  const std::string ata = got("smartctl-ata.json", 72);
  for (const char* reading :
       {",temperature_current=38,", ",smart_status_passed=false,", ",power_on_time_hours=21034,",
        ",ata_smart_attributes_table_Reallocated_Sector_Ct_raw_value=816,",
        ",ata_smart_attributes_table_Wear_Leveling_Count_value=88,",
        ",ata_smart_attributes_table_9_raw_value=7,"})
    EXPECT_THAT(replace_all(ata, "\n", ",\n"), HasSubstr(reading));
  EXPECT_THAT(ata, HasSubstr("\navailability up\nexec,program=smartctl duration=#,status=72i,refused=0i\n"));
  const std::string nvme = got("smartctl-nvme.json", 0);
  for (const char* reading : {",temperature_current=41,", ",smart_status_passed=true,",
                              ",nvme_smart_health_information_log_percentage_used=12,",
                              ",nvme_smart_health_information_log_temperature_sensors_1=52,"})
    EXPECT_THAT(replace_all(nvme, "\n", ",\n"), HasSubstr(reading));
  EXPECT_THAT(nvme, HasSubstr("status=0i,refused=0i\n"));
}

TEST_F(ExecDriverTest, FailuresSayWhatFailed) {
  EXPECT_THAT(sample(*make("/no/such/program")),
              HasSubstr("error: not_found: /no/such/program: No such file or directory"));
  EXPECT_THAT(sample(*make("no-such-program")),
              HasSubstr("error: not_found: no-such-program: is not in the path "));
  std::ofstream(dir_ / "plain") << "x";
  EXPECT_THAT(sample(*make(dir_ / "plain")), HasSubstr("error: permission: DIR/plain: Permission denied"));
  EXPECT_THAT(
      sample(*make(script("fails", "echo 'a b=1'\necho 'no such sensor' >&2\nexit 4\n"))),
      StartsWith("point: a b=1\navailability down: fails: ended with status 4: \"no such sensor\"\n"));
  EXPECT_THAT(sample(*make(script("ok", ""), "directory: /no/such")),
              HasSubstr("error: not_found: directory /no/such: "));
  EXPECT_THAT(sample(*make(script("ok", ""), "user: nobody-of-that-name")),
              HasSubstr("error: not_found: user: there is no nobody-of-that-name"));
}

TEST_F(ExecDriverTest, ItsGroupIsKilledWhenTheTimeIsOver) {
  const std::string path =
      script("hangs", "echo $$ >> '" + (dir_ / "pids").string() + "'\necho 'a b=1'\n" +
                          "sh -c 'trap \"\" TERM; echo $$ >> " + (dir_ / "pids").string() +
                          "; sleep 1000' &\ntrap '' TERM\nsleep 1000\n");
  const auto driver = make(path, "timeout: 300ms");
  const std::string got = sample(*driver);
  EXPECT_THAT(got, HasSubstr("point: a b=1\n"));
  EXPECT_THAT(got, HasSubstr("error: timeout: hangs: had not ended after "));
  EXPECT_TRUE(eventually([&] { return all_gone("pids"); }));
  // What it leaves behind when it ends by itself is killed, too.
  const auto leaves = make(script("leaves", "sleep 1000 &\necho $! > '" + (dir_ / "left").string() + "'\n"));
  EXPECT_THAT(sample(*leaves), HasSubstr("status=0i"));
  EXPECT_TRUE(eventually([&] { return all_gone("left"); }));
}

TEST_F(ExecDriverTest, AStopEndsItAtOnce) {
  const auto driver =
      make(script("hangs", "echo $$ > '" + (dir_ / "pids").string() + "'\nexec sleep 1000\n"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(sample(*driver, 1000s, stop.get_token()), "exec,program=hangs refused=0i\n");
  EXPECT_TRUE(eventually([&] { return all_gone("pids"); }));
}

TEST_F(ExecDriverTest, OutputAndMemoryAreBounded) {
  const auto driver = make(script("floods", "while :; do echo 'a b=1'; done\n"), "max_output: 1KiB");
  const std::string got = sample(*driver);
  EXPECT_THAT(got, HasSubstr("error: full: floods: printed more than max_output, 1.0 KiB, and was killed"));
  const auto hungry = make("python3, -c, 'x = bytearray(1 << 30)'", "memory: 300MiB");
  EXPECT_THAT(sample(*hungry), HasSubstr("error: unavailable: python3: ended with status 1: "));
}

TEST_F(ExecDriverTest, ItGetsNothingOfTheAgents) {
  ::setenv("INFLUXDB_TOKEN", "geheim", 1);
  const auto driver = make(script("env",
                                  "echo '{\"env\": \"'$(env | cut -d= -f1 | sort | tr '\\n' ' ')'\", "
                                  "\"files\": '$(ls /proc/self/fd | wc -l)'}'\n"),
                           "format: json, environment: {COLOUR: red}");
  const std::string got = sample(*driver);
  ::unsetenv("INFLUXDB_TOKEN");
  EXPECT_THAT(got, HasSubstr("env=\"COLOUR LANG PATH PWD VIGILE_EQUIPMENT_ADDRESS VIGILE_EQUIPMENT_ID "
                             "VIGILE_EQUIPMENT_NAME \""));
  EXPECT_THAT(got, HasSubstr("files=4"));  // 0, 1, 2 and the folder that ls reads
}

TEST_F(ExecDriverTest, AsAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may";
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  const auto driver = make(script("who", "echo '{\"user\": \"'$(id -un)'\", \"group\": \"'$(id -Gn)'\"}'\n"),
                           "format: json, user: nobody");
  EXPECT_THAT(sample(*driver), HasSubstr("exec group=\"nogroup\",user=\"nobody\""));
}

TEST_F(ExecDriverTest, OneThatIsKeptIsReadOnAndStartedAgain) {
  const std::string go = dir_ / "go";
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  const auto driver =
      make(script("keeps", "echo 'a n=1'\nprintf 'a n='\nread line < '" + go + "'\necho $line\nexit 5\n"),
           "mode: keep");
  std::string got;
  ASSERT_TRUE(eventually([&] { return (got = sample(*driver)).find("n=1") != std::string::npos; }));
  EXPECT_EQ(got, "point: a n=1\navailability up\nexec,program=keeps starts=1i,refused=0i\n");
  EXPECT_EQ(sample(*driver), "availability up\nexec,program=keeps starts=1i,refused=0i\n");
  std::ofstream(go) << "2\n";
  ASSERT_TRUE(
      eventually([&] { return (got += sample(*driver)).find("availability down") != std::string::npos; }));
  EXPECT_THAT(got, HasSubstr("error: unavailable: keeps: ended with status 5"));
  ASSERT_TRUE(eventually([&] { return (got += sample(*driver)).find("starts=2i") != std::string::npos; }));
  EXPECT_THAT(got.substr(0, 500), HasSubstr("point: a n=2\n"));
}

TEST_F(ExecDriverTest, OneThatIsKeptEndsWithItsInstance) {
  auto driver =
      make(script("keeps", "echo $$ > '" + (dir_ / "pids").string() + "'\necho 'a n=1'\nexec sleep 1000\n"),
           "mode: keep");
  ASSERT_TRUE(eventually([&] { return sample(*driver).find("n=1") != std::string::npos; }));
  driver.reset();
  EXPECT_TRUE(eventually([&] { return all_gone("pids"); }));
}

TEST_F(ExecDriverTest, AFloodOfOneThatIsKeptWaitsInThePipe) {
  const auto driver = make(script("floods", "i=0\nwhile :; do i=$((i + 1)); echo \"a n=$i\"; done\n"),
                           "mode: keep, max_output: 4KiB");
  int next = 1;
  for (int run = 0; run < 5; ++run) {
    std::istringstream lines(sample(*driver));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("point: a n=")) continue;
      ASSERT_EQ(line, "point: a n=" + std::to_string(next++));
    }
  }
  EXPECT_GT(next, 1000);
  EXPECT_LT(next, 5000);
}

TEST_F(ExecDriverTest, TheExamplesWork) {
  const std::string examples = VIGILE_SOURCE_DIR "/config/exec/";
  EXPECT_THAT(sample(*make(examples + "disk-health.sh")), StartsWith("point: disk_health,mount=/ "));
  const auto press = make(examples + "press.py", "mode: keep, format: json");
  std::string got;
  ASSERT_TRUE(eventually([&] { return (got = sample(*press)).find("force=") != std::string::npos; })) << got;
  EXPECT_THAT(got, StartsWith("press,tool=A4 force=1205,guard_closed=true,strokes=1"));
}

}  // namespace
}  // namespace vigile
