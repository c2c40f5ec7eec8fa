// SPDX-License-Identifier: Apache-2.0
// Against a real Modbus server (libmodbus) in a process of its own, over TCP and over a serial line made of
// two pseudo terminals: testcases/<case>/{device.txt,options.yaml,expected.txt}.
#include "drivers/modbus/modbus.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "core/file.h"
#include "drivers/testcase/testcase.h"
#include "support/process.h"
#include "support/silent_address.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

const std::string kPeer = std::string(VIGILE_BINARY_DIR) + "/tests/modbus_peer";

struct Peer {
  explicit Peer(const std::filesystem::path& image)
      : port(free_port()), process({kPeer, "tcp", std::to_string(port), image.string()}, dir / "peer.log") {
    if (!eventually([this] { return port_answers(port); }))
      throw std::runtime_error("modbus_peer does not start: " + process.output());
  }
  std::string address() const { return "tcp://127.0.0.1:" + std::to_string(port); }
  TempDir dir;
  std::uint16_t port;
  ChildProcess process;
};

std::unique_ptr<Driver> make(const std::string& yaml) {
  static const SystemClock clock;
  auto driver = kModbusDriver.make(options_from_yaml(kModbusDriver, yaml), {.clock = clock});
  if (!driver) throw std::runtime_error(driver.error().message);
  return std::move(*driver);
}

std::string sample(Driver& driver) {
  const SystemClock clock;
  TextOutput out(kModbusDriver);
  const auto done = driver.sample({clock.boot(), clock.boot() + 10s, {}}, out);
  if (!done)
    out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
  return replace_numbers(replace_numbers(out.text, "response_time=", "response_time=#"), "availability up ",
                         "availability up #");
}

TEST(ModbusServer, Testcases) {
  const bool update = std::getenv("VIGILE_UPDATE_EXPECTED") != nullptr;
  int cases = 0;
  for (const auto& folder : std::filesystem::directory_iterator(testcases_of(kModbusDriver))) {
    if (!folder.is_directory()) continue;
    SCOPED_TRACE(folder.path().string());
    ++cases;
    const Peer peer(folder.path() / "device.txt");
    auto options = read_file(folder.path() / "options.yaml");
    ASSERT_TRUE(options) << options.error().message;

    const auto driver = make(replace_all(*options, "ADDRESS", peer.address()));
    std::string text = sample(*driver);
    text += "# again\n" + sample(*driver);
    text = replace_all(text, peer.address(), "ADDRESS");
    if (update) std::ofstream(folder.path() / "expected.txt") << text;
    EXPECT_EQ(text, read_file(folder.path() / "expected.txt").value_or("(no expected.txt)"));
  }
  EXPECT_GE(cases, 5);
}

std::filesystem::path write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
  return path;
}

TEST(ModbusServer, IsReadOverASerialLine) {
  const TempDir dir;
  const std::string ours = dir / "ours", theirs = dir / "theirs";
  ChildProcess cable({"socat", "-d", "-d", "pty,raw,echo=0,link=" + ours, "pty,raw,echo=0,link=" + theirs},
                     dir / "socat.log");
  ASSERT_TRUE(eventually([&] { return cable.output().find("starting data transfer") != std::string::npos; }))
      << cable.output();
  std::string image = "input 7 0x41ca 0x6666\ncoil 3 1 0 1\nholding 0";
  for (int i = 0; i < 300; ++i) image += " " + std::to_string(i);
  ChildProcess peer({kPeer, "rtu", theirs, "17", write(dir / "image", image + "\n").string()},
                    dir / "peer.log");
  ASSERT_TRUE(eventually([&] { return peer.output().find("ready") != std::string::npos; })) << peer.output();
  const std::string yaml =
      "{address: 'rtu://" + ours +
      "', unit_id: 17, timeout: 1s, registers: [{name: t, address: 7, kind: input, type: float32}, "
      "{name: c, address: 5, kind: coil}, {name: first, address: 0}, {name: last, address: 124}, "
      "{name: next, address: 299}]}";
  const auto driver = make(yaml);
  const std::string tags = "modbus,address=rtu://" + ours;
  // 0 and 124 are too far apart for one request: five in all.
  const std::string expected = tags + ",unit=17 t=25.3,c=true,first=0i,last=124i,next=299i\n" + tags +
                               " response_time=#,requests=5i,errors=0i\navailability up # ms\n";
  EXPECT_EQ(sample(*driver), expected);
  EXPECT_EQ(sample(*driver), expected);
  // The line is ours alone: with other settings it is another line.
  const auto other = make(replace_all(yaml, "unit_id", "baud: 9600, unit_id"));
  EXPECT_THAT(sample(*other),
              HasSubstr("error: unavailable: rtu://" + ours +
                        ": in use by another program, or by an instance with other line settings\n"));
  // A unit that is not there is told from a line that is not.
  const auto absent =
      make(replace_all(replace_all(yaml, "unit_id: 17", "unit_id: 18"), "timeout: 1s", "timeout: 50ms"));
  EXPECT_THAT(sample(*absent),
              AllOf(HasSubstr("requests=6i,errors=6i\navailability down: "),
                    HasSubstr("error: timeout: rtu://" + ours +
                              " unit 18, coil 5: no answer within 50ms (and 2 more requests)\n")));
  // libmodbus' unit takes what follows a question to another for its answer: only the second is heard.
  EXPECT_THAT(sample(*driver), HasSubstr(expected.substr(0, expected.find('\n') + 1)));
  EXPECT_EQ(sample(*driver), expected);
  cable.stop();
  EXPECT_THAT(sample(*driver), HasSubstr("availability down: "));
  EXPECT_THAT(sample(*driver),
              HasSubstr("error: not_found: rtu://" + ours + ": No such file or directory\n"));
}

TEST(ModbusServer, ASilentAddressOfItsNameDoesNotMatter) {
  const TempDir dir;
  const Peer peer(write(dir / "image", "holding 0 7\n"));
  const SilentAddress silent("127.0.0.2", peer.port);
  ::setenv("VIGILE_TEST_NAMES", "plc.test=127.0.0.2,127.0.0.1", 1);
  const auto driver = make("{address: 'tcp://plc.test:" + std::to_string(peer.port) +
                           "', timeout: 5s, registers: [{name: a, address: 0}]}");
  EXPECT_THAT(sample(*driver), AllOf(HasSubstr(",unit=1 a=7i\n"), HasSubstr("availability up")));
}

TEST(ModbusServer, IsFoundAgainAfterARestart) {
  const TempDir dir;
  const auto image = write(dir / "image", "holding 0 7\n");
  auto peer = std::make_unique<Peer>(image);
  const auto port = peer->port;
  const auto driver = make("{address: '" + peer->address() + "', registers: [{name: a, address: 0}]}");
  EXPECT_THAT(sample(*driver), HasSubstr(",unit=1 a=7i\n"));
  peer->process.stop();
  EXPECT_THAT(sample(*driver), HasSubstr("error: unavailable: tcp://127.0.0.1:" + std::to_string(port) +
                                         ": cannot connect: Connection refused\n"));
  const ChildProcess again({kPeer, "tcp", std::to_string(port), image.string()}, dir / "again.log");
  ASSERT_TRUE(eventually([&] { return port_answers(port); }));
  EXPECT_THAT(sample(*driver), HasSubstr("a=7i\n"));
}

TEST(ModbusServer, SeesNoFailureInAConnectionThatWasEndedMeanwhile) {
  const TempDir dir;
  const auto image = write(dir / "image", "holding 0 7\n");
  auto peer = std::make_unique<Peer>(image);
  const auto port = peer->port;
  const auto driver =
      make("{address: '" + peer->address() + "', retries: 0, registers: [{name: a, address: 0}]}");
  EXPECT_THAT(sample(*driver), HasSubstr("requests=1i,errors=0i"));
  peer->process.stop();
  const ChildProcess again({kPeer, "tcp", std::to_string(port), image.string()}, dir / "again.log");
  ASSERT_TRUE(eventually([&] { return port_answers(port); }));
  const std::string text = sample(*driver);
  EXPECT_THAT(text, AllOf(HasSubstr("a=7i\n"), HasSubstr("requests=2i,errors=0i")));
}

}  // namespace
}  // namespace vigile
