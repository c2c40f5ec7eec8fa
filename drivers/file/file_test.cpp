// SPDX-License-Identifier: Apache-2.0
#include "drivers/file/file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "drivers/testcase/testcase.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Driver>> make(const std::string& values, const std::string& more = "") {
    const std::string yaml =
        "{values: [" + replace_all(values, "DIR", dir_.path().string()) + "]" + more + "}";
    return kFileDriver.make(options_from_yaml(kFileDriver, yaml), {.clock = clock_});
  }
  std::string error_of(const std::string& values) {
    const auto made = make(values);
    return made ? "fine" : made.error().message;
  }
  std::string sample(const std::string& values, const std::string& more = "") {
    const auto made = make(values, more);
    if (!made) return made.error().message;
    TextOutput out(kFileDriver);
    const auto done = (*made)->sample({clock_.boot(), clock_.boot() + std::chrono::seconds(5), {}}, out);
    if (!done)
      out.text += "error: " + std::string(to_string(done.error().kind)) + ": " + done.error().message + "\n";
    return replace_all(out.text, dir_.path().string(), "DIR");
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(dir_ / name) << text; }

  TempDir dir_;
  FakeClock clock_;
};

TEST_F(FileTest, ValuesByExpressions) {
  write("pump", "state: RUNNING\nspeed = 1450 rpm\ntemp=0x1f\nalarm: no\nMemTotal:  16316412 kB\n");
  write("plain", " 42.5 \n");
  EXPECT_EQ(
      sample("{name: speed, path: DIR/pump, match: 'speed = ([0-9]+) rpm'}, "
             "{name: temp, path: DIR/pump, match: '^temp=(.*)$', scale: 0.5, offset: -1}, "
             "{name: alarm, path: DIR/pump, match: '^alarm: (yes|no)', type: bool}, "
             "{name: state, path: DIR/pump, match: '^state: ([A-Z]+)', type: text}, "
             "{name: total, path: DIR/pump, match: '^MemTotal: *([0-9]+)', scale: 1024}, "
             "{name: plain, path: DIR/plain}"),
      "file speed=1450\nfile temp=14.5\nfile alarm=false\nfile state=\"RUNNING\"\nfile total=16708005888\n"
      "file plain=42.5\nfile failed=0i\n");
}

TEST_F(FileTest, PatternsOfSeveralFiles) {
  write("temp1_input", "41000\n");
  write("temp2_input", "52500\n");
  EXPECT_EQ(sample("{name: temperature, path: 'DIR/temp*_input', scale: 0.001}"),
            "file,file=DIR/temp1_input temperature=41\nfile,file=DIR/temp2_input temperature=52.5\nfile "
            "failed=0i\n");
  EXPECT_EQ(sample("{name: temperature, path: 'DIR/no*'}"),
            "file failed=1i\nerror: not_found: DIR/no*: No such file or directory\n");
}

TEST_F(FileTest, WhatCannotBeReadIsToldAndTheRestIsTaken) {
  write("a", "warm\n");
  write("b", "7\n");
  EXPECT_EQ(sample("{name: a, path: DIR/a}, {name: b, path: DIR/b}, {name: c, path: DIR/b, match: 'x=(.*)'}"),
            "file b=7\nfile failed=2i\nerror: parse: DIR/a: a: \"warm\" is not a number\n");
  EXPECT_THAT(sample("{name: c, path: DIR/b, match: 'x=(.*)'}"),
              HasSubstr("DIR/b: c: nothing in it matches x=(.*)"));
  EXPECT_THAT(sample("{name: a, path: DIR}"), HasSubstr("error: config: DIR: is not a regular file"));
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(sample("{name: a, path: DIR/pipe}"), HasSubstr("DIR/pipe: is not a regular file"));
  // No more than max_size is read, and no half line.
  write("long", "a=1\n" + std::string(100, 'x') + "\nb=2\n");
  EXPECT_THAT(sample("{name: a, path: DIR/long, match: 'a=(.*)'}", ", max_size: 20"),
              HasSubstr("file a=1\n"));
  EXPECT_THAT(sample("{name: b, path: DIR/long, match: 'b=(.*)'}", ", max_size: 20"),
              HasSubstr("nothing in it matches"));
  EXPECT_THAT(sample("{name: e, path: /proc/self/mem}"), HasSubstr("error: io: /proc/self/mem: "));
}

TEST_F(FileTest, BadSettingsSayWhatWouldBeRight) {
  EXPECT_EQ(error_of(""), "values: there must be one");
  EXPECT_EQ(error_of("{name: a, path: relative}"), "values: \"a\": path: must begin with /");
  EXPECT_THAT(error_of("{name: a, path: /a, match: '(x'}"),
              HasSubstr("values: \"a\": match: \"(x\" is not an extended regular expression: Unmatched ("));
  EXPECT_EQ(error_of("{name: a, path: /a, type: text, scale: 2}"),
            "values: \"a\": only numbers have scale and offset");
  EXPECT_EQ(error_of("{name: a, path: /a, scale: 0}"), "values: \"a\": a scale of 0 leaves nothing");
  EXPECT_EQ(error_of("{name: failed, path: /a}"),
            "values: \"failed\" is the name of a metric that the driver itself has");
}

}  // namespace
}  // namespace vigile
