// SPDX-License-Identifier: Apache-2.0
#include "drivers/serial/nmea.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdio>
#include <random>

namespace vigile::serial {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// With start and checksum.
std::string whole(const std::string& content) {
  unsigned char sum = 0;
  for (const char c : content) sum ^= static_cast<unsigned char>(c);
  char end[8];
  std::snprintf(end, sizeof end, "*%02X", sum);
  return "$" + content + end;
}

const std::string kRmc = whole("GNRMC,120000.00,A,4807.03800,N,01131.00000,E,12.5,84.4,011226,,,A,V");
const std::string kGga = whole("GNGGA,120000.00,4807.03800,N,01131.00000,E,1,08,0.9,545.4,M,46.9,M,,");

struct Read {
  Fix fix;
  std::vector<std::string> refused;
};

Read read(const std::vector<std::string>& lines, Checksum checksum = Checksum::required) {
  Read read;
  for (const std::string& line : lines) {
    if (const auto parsed = parse_nmea(line, read.fix, checksum); !parsed)
      read.refused.push_back(parsed.error().message);
  }
  return read;
}

void expect_nothing_of_a_fix(const Fix& fix, const std::string& why) {
  EXPECT_FALSE(fix.latitude || fix.longitude || fix.altitude_m || fix.speed_m_per_s || fix.course_degrees)
      << why;
}

TEST(Nmea, WhatStandsBeforeASentenceCostsNothing) {
  for (const std::string before :
       {"\xb5\x62\x01\x07\x5c$\x02!", "$GPGGA,123519,4807.0", "$GPGGA,123519,4807.038,N*4",
        "\\s:r3669961,c:1796116815*79\\", "!AIVDM,1,1,,A,15M", "8,0.9,545.4,M,46.9,M,,*47"}) {
    const Read got = read({before + kRmc});
    EXPECT_EQ(got.fix.latitude, 48.1173) << before;
    EXPECT_TRUE(got.refused.empty()) << before;
  }
  const Read two = read({kGga + kRmc});
  EXPECT_EQ(two.fix.sentences, 2u);
  EXPECT_EQ(two.fix.altitude_m, 545.4);
  EXPECT_NEAR(two.fix.speed_m_per_s.value_or(0), 6.430556, 1e-6);
}

TEST(Nmea, WhatHasNoPositionIsPassedOver) {
  const Read got = read({"!AIVDO,1,1,,,B3aC3LP00063aj7RNpl03wSUwP06,0*43", "$PUBX,00*33", "# a comment", "",
                         whole("PGRMC,A,218.8,100,6378137.000,298.257223563,0.0,0.0,0.0,A,3,1,1,4,30"),
                         std::string("\xd3\x00\x13$\x3e", 5)});
  EXPECT_TRUE(got.refused.empty());
  EXPECT_EQ(got.fix.sentences, 3u);
  expect_nothing_of_a_fix(got.fix, "");
}

TEST(Nmea, WhatIsWrongIsSaid) {
  const auto error = [](const std::string& line, Checksum checksum = Checksum::required) {
    const Read got = read({line}, checksum);
    return got.refused.empty() ? "fine" : got.refused[0];
  };
  EXPECT_THAT(error("$GPGGA,1"), HasSubstr("has no checksum, as *47 (option checksum)"));
  EXPECT_THAT(error("$GPGGA,1*4"), HasSubstr("has a wrong checksum"));
  EXPECT_THAT(error("!AIVDO,1,1,,,B3aC3LP00063aj7RNpl03wSUwP06,0*44"), HasSubstr("has a wrong checksum"));
  EXPECT_THAT(error(kRmc + "$GPGGA,1*00"), StartsWith("\"$GPGGA,1*00\" has a wrong checksum"));
  EXPECT_THAT(error(whole("GPGGA,1")), HasSubstr("is cut"));
  EXPECT_THAT(error(whole("GPRMC,120000,A,4807.x,N,01131.000,E,1,2,011226,,")),
              HasSubstr("no number of its kind"));
  EXPECT_THAT(error(whole("GPRMC,120000,A,4807.038,N,01131.000,E,1,2,311326,,")),
              HasSubstr("no number of its kind"));
  EXPECT_THAT(error("$GPGGA,1*00", Checksum::optional), HasSubstr("has a wrong checksum"));
  EXPECT_THAT(error("$GPGGA,123519,48", Checksum::optional), HasSubstr("is cut"));
}

TEST(Nmea, WithoutAChecksumByOption) {
  const std::vector<std::string> lines = {"$GPGGA,120000,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"};
  EXPECT_EQ(read(lines, Checksum::optional).fix.latitude, 48.1173);
  EXPECT_EQ(read(lines).refused.size(), 1u);
}

TEST(Nmea, WithoutAFixThereIsNoPositionSpeedOrCourse) {
  const std::string vtg = whole("GPVTG,84.4,T,,M,10.0,N,18.5,K");
  for (const auto& lines : std::vector<std::vector<std::string>>{
           {"$GPGGA,120000.00,,,,,0,00,99.9,,,,,,*5C", "$GPRMC,120000.00,V,,,,,0.0,0.0,011226,,,N*78",
            "$GPVTG,0.00,T,,M,0.052,N,0.097,K,N*3B"},
           {whole("GPVTG,84.4,T,,M,10.0,N,18.5,K,N")},
           {vtg},
           // Lost within the run.
           {kRmc, kGga, whole("GPRMC,120001.00,V,4807.03800,N,01131.00000,E,1.0,2.0,011226,,,N"), vtg},
           {kRmc, kGga, whole("GNGNS,120001.00,4807.03800,N,01131.00000,E,NNN,00,,,,,")},
           {kRmc, kGga, whole("GPGLL,4807.038,N,01131.000,E,120001.00,V,N"), vtg},
           {kRmc, kGga, whole("GPGGA,120001.00,4807.03800,N,01131.00000,E,0,00,99.9,545.4,M,,,,")},
           {kRmc, whole("GNRMC,120001.00,A,4807.03800,N,01131.00000,E,12.5,84.4,011226,,,N")},
           // Entered by hand, simulated.
           {whole("GPGGA,120001.00,4807.03800,N,01131.00000,E,7,08,0.9,545.4,M,,,,")},
           {whole("GPGGA,120001.00,4807.03800,N,01131.00000,E,8,08,0.9,545.4,M,,,,")},
           {whole("GNRMC,120001.00,A,4807.03800,N,01131.00000,E,12.5,84.4,011226,,,S")},
           // Nowhere.
           {whole("GPRMC,120001.00,A,0000.00000,N,00000.00000,E,0.5,84.4,011226,,,A")},
           {whole("GPGGA,120001.00,0000.0000,N,00000.0000,E,1,00,99.9,0.0,M,,,,")},
           {whole("GPGLL,0000.000,N,00000.000,E,120001.00,A,A")}}) {
    const Read got = read(lines);
    EXPECT_TRUE(got.refused.empty()) << lines[0];
    expect_nothing_of_a_fix(got.fix, lines.back());
  }
  // And there again.
  EXPECT_EQ(read({"$GPRMC,120000.00,V,,,,,0.0,0.0,011226,,,N*78", kGga, vtg}).fix.course_degrees, 84.4);
  EXPECT_EQ(read({kGga, "$GPRMC,120000.00,V,,,,,0.0,0.0,011226,,,N*78", kRmc}).fix.latitude, 48.1173);
  EXPECT_FALSE(
      read({kRmc, "$GPRMC,120000.00,V,,,,,0.0,0.0,011226,,,N*78", whole("GPVTG,84.4,T,,M,10.0,N,18.5,K,A")})
          .fix.speed_m_per_s);
  // A buoy on the equator.
  EXPECT_EQ(read({whole("GPGGA,120001.00,0000.0000,N,00000.0000,E,1,07,1.1,0.0,M,,,,")}).fix.latitude, 0.0);
}

TEST(Nmea, GnsAndGllServeWhereGgaAndRmcAreAbsent) {
  const std::string gns = whole("GNGNS,120000.00,4807.03800,N,01131.00000,E,AAN,12,0.8,545.4,46.9,,,V");
  const std::string gll = whole("GPGLL,4808.000,N,01132.000,W,120000.00,A,A");
  const Fix both = read({gns, gll}).fix;
  EXPECT_EQ(both.latitude, 48.1173);
  EXPECT_EQ(both.altitude_m, 545.4);
  EXPECT_EQ(both.hdop, 0.8);
  EXPECT_EQ(both.satellites, 12);
  EXPECT_EQ(read({gll}).fix.longitude, -11.53333333333);
  EXPECT_EQ(read({gll, kGga}).fix.latitude, 48.1173);
  EXPECT_EQ(read({kGga, gll}).fix.latitude, 48.1173);
}

TEST(Nmea, FormsOfOlderReceivers) {
  // Four fields without letters.
  const Fix four = read({kGga, whole("GPVTG,054.7,034.4,005.5,010.2")}).fix;
  EXPECT_EQ(four.course_degrees, 54.7);
  EXPECT_NEAR(four.speed_m_per_s.value_or(0), 2.829444, 1e-6);
  expect_nothing_of_a_fix(read({whole("GPVTG,054.7,034.4,005.5,010.2")}).fix, "without a fix");
  EXPECT_EQ(read({kGga, whole("GPVTG,84.4,T,,M")}).refused.size(), 1u);
  // Differential, by status.
  EXPECT_EQ(read({whole("GPRMC,120000.00,D,4807.03800,N,01131.00000,E,12.5,84.4,011226,,")}).fix.latitude,
            48.1173);
}

// A sign that is guessed would be a place on the other side of the earth.
TEST(Nmea, AFieldThatCannotBeIsNoReading) {
  for (const std::string content : {"GNGGA,120000.00,4807.03800,N,01131.00000,w,1,08,0.9,545.4,M,46.9,M,,",
                                    "GNGGA,120000.00,4807.03800,E,01131.00000,N,1,08,0.9,545.4,M,46.9,M,,",
                                    "GNGGA,120000.00,4807.03800,,01131.00000,E,1,08,0.9,545.4,M,46.9,M,,",
                                    "GNRMC,120000.00,A,4867.03800,N,01131.00000,E,12.5,84.4,011226,,,A,V"}) {
    const Read got = read({whole(content)});
    EXPECT_FALSE(got.fix.latitude || got.fix.longitude) << content;
    EXPECT_EQ(got.refused.size(), 1u) << content;
  }
  const Read got = read({whole("GNRMC,120000.00,A,4807.03800,N,01131.00000,E,-12.5,484.4,011226,,,A,V")});
  EXPECT_FALSE(got.fix.speed_m_per_s || got.fix.course_degrees);
  EXPECT_EQ(got.fix.latitude, 48.1173);
  EXPECT_EQ(got.refused.size(), 1u);
}

TEST(Nmea, NothingIsRoundedThatRtkSees) {
  const Fix fix =
      read({whole("GNGGA,120000.00,4807.0380012,N,01131.0000034,E,4,20,0.5,545.4012,M,46.9,M,1.0,0001")}).fix;
  EXPECT_EQ(fix.latitude, 48.11730002);
  EXPECT_EQ(fix.longitude, 11.51666672333);
  EXPECT_EQ(fix.altitude_m, 545.4012);
}

TEST(Nmea, TimeOfTheSatellites) {
  EXPECT_EQ(read({kRmc}).fix.time_s, 1796126400.0);
  EXPECT_EQ(read({kGga, whole("GPZDA,120000.25,01,12,2026,00,00")}).fix.time_s, 1796126400.25);
  EXPECT_EQ(read({whole("GPRMC,235959.00,A,4807.038,N,01131.000,E,1,2,311299,,")}).fix.time_s, 946684799.0);
  EXPECT_FALSE(read({whole("GPZDA,000000.00,06,01,1980,00,00")}).fix.time_s) << "without a fix";
}

TEST(Nmea, SurvivesMutations) {
  std::mt19937 random(20261125);
  for (const std::string good : {"GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W",
                                 "GNGNS,120000.00,4807.03800,N,01131.00000,E,AAN,12,0.8,545.4,46.9,,,V",
                                 "GPZDA,120000.25,01,12,2026,00,00"}) {
    for (int i = 0; i < 10000; ++i) {
      std::string bad = good;
      for (unsigned n = random() % 4 + 1; n > 0; --n)
        bad[random() % bad.size()] = static_cast<char>(" ,.AVNSEW0123456789-x"[random() % 20]);
      const Fix fix = read({whole(bad)}).fix;
      EXPECT_LE(std::abs(fix.latitude.value_or(0)), 90);
      EXPECT_LE(std::abs(fix.longitude.value_or(0)), 180);
    }
  }
}

}  // namespace
}  // namespace vigile::serial
