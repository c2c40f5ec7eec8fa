// SPDX-License-Identifier: Apache-2.0
// vigilectl as a program, against a real server.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "api/listener.h"
#include "core/file.h"
#include "run_vigilectl.h"
#include "served_agent.h"
#include "support/process.h"

namespace vigile {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kProgram = VIGILE_BINARY_DIR "/bin/vigilectl";

Ran run(const std::string& socket, const std::string& command) {
  const Turn turn;
  return run_vigilectl(socket, command);
}

TEST(Vigilectl, StatusOfAHealthyAgent) {
  ServedAgent served;
  served.agent.agent_status = example_status();
  const Ran ran = run(served.socket(), "status");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("Lyon-Nord (site 12) · press-07"));
  EXPECT_THAT(ran.out, Not(HasSubstr("\x1b"))) << "colours are for terminals";
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST(Vigilectl, StatusOfAFailingAgentIsNo) {
  ServedAgent served;
  served.agent.agent_status = example_status();
  served.agent.agent_status.healthy = false;
  served.agent.agent_status.unhealthy_reason = "no commit for 40 s";
  EXPECT_EQ(run(served.socket(), "status").status, 1);
  const Ran ran = run(served.socket(), "status --json");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("\"unhealthy_reason\":\"no commit for 40 s\""));
}

TEST(Vigilectl, SaysWhyThereIsNoDaemon) {
  const TempDir directory;
  const std::string path = (directory / "s.sock").string();
  Ran ran = run(path, "status");
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(ran.err, "vigilectl: no daemon at " + path + ": there is no such socket; is vigiled running?\n");
  EXPECT_THAT(ran.out, IsEmpty());
  {
    auto listener = UnixListener::open(path);
    ASSERT_TRUE(listener);
    std::filesystem::create_hard_link(path, directory / "left");
  }
  ran = run((directory / "left").string(), "status");
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("nobody listens there"));
}

TEST(Vigilectl, FlushAndReload) {
  ServedAgent served;
  EXPECT_EQ(run(served.socket(), "flush").status, 0);
  EXPECT_EQ(served.agent.flushes, 1);
  served.agent.flush_result = Error{ErrorKind::full, "/data/v.db: no space left"};
  Ran ran = run(served.socket(), "flush");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err, "vigilectl: /data/v.db: no space left\n");
  served.agent.reload_report = {true, {"sink central restarted"}};
  ran = run(served.socket(), "reload");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "sink central restarted\n");
  served.agent.reload_report = {false, {"site.yaml:3:5: unknown key \"evry\"", "site.yaml:9:1: \x1b[2J"}};
  ran = run(served.socket(), "reload");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err,
            "vigilectl: the settings are refused; nothing has changed\n"
            "site.yaml:3:5: unknown key \"evry\"\nsite.yaml:9:1: ?[2J\n");
  ran = run(served.socket(), "reload --json");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("\"accepted\":false"));
}

TEST(Vigilectl, DriversStoreAndDeadLetters) {
  ServedAgent served;
  served.agent.descriptions = {DriverDescription{"cpu", "Processor time.", false, {}, {}}};
  EXPECT_THAT(run(served.socket(), "drivers").out, HasSubstr("cpu           0  Processor time.\n"));
  EXPECT_EQ(run(served.socket(), "drivers list").out, run(served.socket(), "drivers").out);
  EXPECT_THAT(run(served.socket(), "drivers show cpu").out, StartsWith("cpu: Processor time.\n"));
  EXPECT_THAT(run(served.socket(), "drivers --json").out, StartsWith("{\"drivers\":["));
  Ran ran = run(served.socket(), "drivers show gpu");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err, "vigilectl: no driver \"gpu\"; did you mean \"cpu\"?; there are: cpu\n");

  served.agent.agent_status = example_status();
  served.agent.agent_status.drivers[0].last_error = "no /proc";
  EXPECT_THAT(run(served.socket(), "drivers").out,
              HasSubstr("1/cpu     cpu     ok          0\n  no /proc\n"));
  EXPECT_THAT(run(served.socket(), "drivers --json").out, HasSubstr("\"instances\":[{\"name\":\"1/cpu\""));

  served.agent.fake_log.log_status = example_status().log;
  served.agent.fake_log.log_status.sinks.push_back({"old one", false, 3, 30, 0});
  EXPECT_THAT(run(served.socket(), "store").out, HasSubstr("vigilectl store forget old one"));
  EXPECT_EQ(run(served.socket(), "store forget central").status, 1);
  EXPECT_EQ(run(served.socket(), "store forget 'old one'").status, 0);
  EXPECT_EQ(served.agent.fake_log.log_status.sinks.size(), 2U);

  for (std::uint64_t id = 1; id <= 1500; ++id) {
    served.agent.fake_log.letters.push_back(
        {id, "central", 0, "cpu x=" + std::to_string(id), "because\nof it"});
  }
  EXPECT_THAT(run(served.socket(), "dead-letters").out, HasSubstr("--after 20"));
  EXPECT_THAT(run(served.socket(), "dead-letters list --limit 2 --after 1").out, HasSubstr("cpu x=3\n"));
  ran = run(served.socket(), "dead-letters export");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, StartsWith("# central 1970-01-01T00:00:00.000Z: because of it\ncpu x=1\n"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 3000);
  EXPECT_THAT(ran.out, testing::EndsWith("cpu x=1500\n"));
  EXPECT_EQ(run(served.socket(), "dead-letters resend").status, 2);
  EXPECT_EQ(run(served.socket(), "dead-letters resend --id 7 --all").status, 2);
  EXPECT_EQ(run(served.socket(), "dead-letters resend --id 7").out, "1 dead letter is sent again.\n");
  EXPECT_EQ(run(served.socket(), "dead-letters resend --sink central --reason 'of it'").out,
            "1,500 dead letters are sent again.\n");
  EXPECT_THAT(run(served.socket(), "dead-letters").out, HasSubstr("waits to be sent again"));
  EXPECT_EQ(run(served.socket(), "dead-letters clear").status, 2);
  EXPECT_EQ(run(served.socket(), "dead-letters clear --sink other").out, "0 dead letters cleared.\n");
  EXPECT_EQ(run(served.socket(), "dead-letters clear --all").out, "1,500 dead letters cleared.\n");
  EXPECT_THAT(served.agent.fake_log.letters, IsEmpty());
}

class TailTest : public testing::Test {
 protected:
  ChildProcess tail(const std::string& command) {
    const std::string script =
        kProgram + " tail " + command + "; echo status $? >>" + (directory_ / "end").string();
    ChildProcess child({"/bin/bash", "-c", script}, directory_ / "out",
                       {"VIGILE_SOCKET=" + served_.socket()});
    EXPECT_TRUE(eventually([&] { return served_.agent.subscribers() == 1; }));
    return child;
  }
  std::string end_of(ChildProcess& child) {
    EXPECT_TRUE(child.wait(std::chrono::seconds(20)));
    return read_file(directory_ / "end").value_or("");
  }
  ServedAgent served_;
  TempDir directory_;
};

TEST_F(TailTest, PrintsUntilInterrupted) {
  ChildProcess child({kProgram, "tail", "--metric", "cpu usage"}, directory_ / "out",
                     {"VIGILE_SOCKET=" + served_.socket()});
  ASSERT_TRUE(eventually([&] { return served_.agent.subscribers() == 1; }));
  served_.agent.commit("m,metric_name=load value=1 1\nm,metric_name=cpu\\ usage value=2 2\n");
  EXPECT_TRUE(eventually([&] { return child.output() == "m,metric_name=cpu\\ usage value=2 2\n"; }))
      << child.output();
  child.signal(SIGINT);
  EXPECT_EQ(child.wait(std::chrono::seconds(20)), 0);
}

TEST_F(TailTest, EndsQuietlyWithItsReader) {
  ChildProcess child = tail("| head -1 | sed 's/^/got /'; echo status ${PIPESTATUS[0]}");
  served_.agent.commit("a x=1 1\n");
  EXPECT_TRUE(eventually([&] { return child.output() == "got a x=1 1\n"; })) << child.output();
  // The pipe is noticed when the next line comes.
  EXPECT_TRUE(eventually([&] {
    served_.agent.commit("b x=2 2\n");
    return served_.agent.subscribers() == 0;
  }));
  ASSERT_TRUE(child.wait(std::chrono::seconds(20)));
  EXPECT_EQ(child.output(), "got a x=1 1\nstatus 0\n");
}

TEST_F(TailTest, SaysThatTheDaemonHasEnded) {
  ChildProcess child = tail("");
  served_.stop();
  EXPECT_EQ(end_of(child), "status 3\n");
  EXPECT_EQ(child.output(), "vigilectl: the daemon has ended the stream\n");
}

TEST_F(TailTest, ATerminalGetsNoControlCharacters) {
  // script(1) gives it a terminal.
  ChildProcess child({"/usr/bin/script", "-qec", kProgram + " tail", "/dev/null"}, directory_ / "out",
                     {"VIGILE_SOCKET=" + served_.socket()});
  ASSERT_TRUE(eventually([&] { return served_.agent.subscribers() == 1; }));
  served_.agent.commit(
      "a x=\"\x1b[2J\xc2\x9b"
      "31m\" 1\n");
  EXPECT_TRUE(eventually([&] { return child.output().find("a x=\"?[2J?31m\" 1") != std::string::npos; }))
      << child.output();
}

TEST_F(TailTest, AsJson) {
  ChildProcess child({kProgram, "tail", "--json"}, directory_ / "out", {"VIGILE_SOCKET=" + served_.socket()});
  ASSERT_TRUE(eventually([&] { return served_.agent.subscribers() == 1; }));
  served_.agent.commit("m,metric_name=cpu\\ usage value=2,text=\"two\nlines\" 2\na x=1i 1\n");
  const std::string wanted =
      R"({"measurement": "m", "tags": {"metric_name": "cpu usage"}, )"
      R"("fields": {"value": {"float": 2.0}, "text": {"string": "two\nlines"}}, "time": 2})"
      "\n"
      R"({"measurement": "a", "tags": {}, "fields": {"x": {"int": 1}}, "time": 1})"
      "\n";
  EXPECT_TRUE(eventually([&] { return child.output() == wanted; })) << child.output();
}

// Of each driver that is built in.
TEST(Vigilectl, DriversAreShownWithoutADaemon) {
  const std::filesystem::path drivers = VIGILE_SOURCE_DIR "/drivers";
  for (const auto& driver : std::filesystem::directory_iterator(drivers)) {
    const auto sample = read_file(driver.path() / "sample.yaml");
    if (!sample) continue;
    const Ran ran = run("/nowhere", "drivers show " + driver.path().filename().string());
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, testing::EndsWith("\nSAMPLE, under `drivers:`\n" + *sample)) << driver.path();
  }
  Ran ran = run("/nowhere", "drivers show gpu");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err,
              StartsWith("vigilectl: no driver \"gpu\"; did you mean \"cpu\"?; there are: agent, can, "));
  EXPECT_THAT(run("/nowhere", "drivers show cpu --json").out,
              HasSubstr("\"sample\":\"# Total and each core"));
  ran = run("/nowhere", "drivers");
  EXPECT_EQ(ran.status, 3) << "what runs is not known";
  EXPECT_THAT(ran.out, HasSubstr("\nsnmp "));
  EXPECT_THAT(ran.err, HasSubstr("there is no such socket"));
}

TEST(Vigilectl, ColoursOnATerminalUnlessToldNot) {
  ServedAgent served;
  served.agent.agent_status = example_status();
  const TempDir directory;
  const std::vector<std::string> command = {"/usr/bin/script", "-qec", kProgram + " status", "/dev/null"};
  const Turn turn;
  ChildProcess coloured(command, directory / "a", {"VIGILE_SOCKET=" + served.socket()});
  EXPECT_EQ(coloured.wait(std::chrono::seconds(20)), 0);
  EXPECT_THAT(coloured.output(), HasSubstr("\x1b[32mhealthy\x1b[0m"));
  ChildProcess plain(command, directory / "b", {"VIGILE_SOCKET=" + served.socket(), "NO_COLOR=1"});
  EXPECT_EQ(plain.wait(std::chrono::seconds(20)), 0);
  EXPECT_THAT(plain.output(), HasSubstr("healthy"));
  EXPECT_THAT(plain.output(), Not(HasSubstr("\x1b")));
}

TEST(Vigilectl, LineProtocolBothWaysWithoutADaemon) {
  Ran ran = run("/nowhere", "lp decode --precision s <<'E'\ncpu,a=b x=1,n=2i 1700\n\nbad\nE");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("1700000000000"));
  EXPECT_THAT(ran.err, StartsWith("3:4: expected"));
  ran = run("/nowhere",
            "lp encode <<'E'\n{\"measurement\": \"cpu\", \"tags\": {\"a\": \"b\"}, "
            "\"fields\": {\"n\": {\"int\": 2}}, \"time\": 5}\nE");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "cpu,a=b n=2i 5\n");
  EXPECT_EQ(run("/nowhere", "lp decode --precision h </dev/null").status, 2);
  EXPECT_EQ(run("/nowhere", "lp </dev/null").status, 2);
}

TEST(Vigilectl, SaysWhetherAProgramIsADriver) {
  Ran ran = run("/nowhere", "drivers test --format json -- echo '{\"force\": 2.5, \"on\": true}'");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "exec force=2.5,on=true\n1 points, 0 faults\n");
  ran = run("/nowhere", "drivers test -- printf 'press force=1\\npress force\\npress =2\\n'");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "press force=1\n1 points, 2 faults\n");
  EXPECT_THAT(ran.err,
              HasSubstr("printf: line 2, column 12: expected '=' after the field key: \"press force\"\n"));
  EXPECT_THAT(ran.err, HasSubstr("printf: line 3, "));
  ran = run("/nowhere",
            "drivers test --mode keep --runs 3 --timeout 5s -- sh -c 'echo a b=1; echo started >&2; exit 3'");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("to the log: started\n"));
  EXPECT_THAT(ran.err, HasSubstr("sh: ended with status 3, and would be started again"));
  ran =
      run("/nowhere", "drivers test --format nagios -- sh -c 'echo \"WARNING - hot | t=71;70;80\"; exit 1'");
  EXPECT_EQ(ran.out, "WARNING: WARNING - hot\nexec,unit=1 t=71\n1 points, 0 faults\n");
  EXPECT_EQ(run("/nowhere", "drivers test --timeout soon -- true").status, 2);
  EXPECT_EQ(run("/nowhere", "drivers test -- /no/such/program").status, 1);
}

TEST(Vigilectl, VersionWithAndWithoutADaemon) {
  ServedAgent served;
  served.agent.agent_status.version = "9.9.9";
  EXPECT_EQ(run(served.socket(), "version").out, "vigilectl " VIGILE_VERSION "\nvigiled 9.9.9\n");
  Ran ran = run("/nowhere", "version");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "vigilectl " VIGILE_VERSION "\n");
  EXPECT_EQ(run("/nowhere", "version --json").out,
            "{\"vigilectl\":\"" VIGILE_VERSION "\",\"vigiled\":null}\n");
}

TEST(Vigilectl, WhatIsNoDaemonIsSaid) {
  const TempDir directory;
  const std::string path = (directory / "s.sock").string();
  auto listener = UnixListener::open(path);
  ASSERT_TRUE(listener);
  std::jthread closes([&] {
    pollfd ready{listener->fd(), POLLIN, 0};
    if (::poll(&ready, 1, 20'000) == 1) UniqueFd(::accept(listener->fd(), nullptr, nullptr));
  });
  const Ran ran = run(path, "status");
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, testing::AnyOf(StartsWith("vigilectl: the daemon at " + path + ": "),
                                      StartsWith("vigilectl: no daemon at " + path + ": ")));
  EXPECT_THAT(run((directory / std::string(120, 'x')).string(), "status").err,
              HasSubstr("cannot be a socket's path"));
}

TEST(Vigilectl, UsageErrorsAreTwo) {
  EXPECT_EQ(run("/nowhere", "").status, 2);
  EXPECT_EQ(run("/nowhere", "dance").status, 2);
  EXPECT_EQ(run("/nowhere", "status --colour").status, 2);
  const Ran help = run("/nowhere", "--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("Exit status: 0 fine, 1 the answer is no, 2 usage, 3 no daemon."));
}

}  // namespace
}  // namespace vigile
