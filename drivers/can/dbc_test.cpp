// SPDX-License-Identifier: Apache-2.0
// Expected values are those of cantools' decoder for the same files and frames, unless a comment says
// otherwise.
#include <gmock/gmock.h>

#include <array>
#include <charconv>
#include <random>

#include "core/file.h"
#include "drivers/can/can.h"
#include "drivers/can/signal.h"
#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class Dbc : public ::testing::Test {
 protected:
  void read(const std::string& text) {
    left_out_.clear();
    std::vector<Error> errors;
    auto signals = can::parse_dbc(text, "f.dbc", &errors);
    ASSERT_TRUE(signals) << signals.error().message;
    signals_ = std::move(*signals);
    for (const Error& error : errors) left_out_.push_back(error.message);
  }
  void read_file_of_case(const std::string& name) {
    const auto text = read_file(testcases_of(kCanDriver) / name);
    ASSERT_TRUE(text) << text.error().message;
    read(*text);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const can::Signal& signal : signals_) names.push_back(signal.name);
    return names;
  }
  // "Mux=1 Temp=21" of a frame of 8 bytes that begins with `data`.
  std::string decode(std::vector<std::uint8_t> data) const {
    data.resize(8);
    std::string text;
    for (const can::Signal& signal : signals_) {
      const auto value = can::value_of(signal, data);
      if (!value) continue;
      char shown[32];
      text += (text.empty() ? "" : " ") + signal.name + "=" +
              std::string(shown, std::to_chars(shown, shown + sizeof shown, *value).ptr);
    }
    return text;
  }
  std::vector<can::Signal> signals_;
  std::vector<std::string> left_out_;
};

std::string byte(const std::string& name, const std::string& indicator, int at) {
  return " SG_ " + name + (indicator.empty() ? "" : " " + indicator) + " : " + std::to_string(8 * at) +
         "|8@1+ (1,0) [0|0] \"\" A\n";
}

TEST_F(Dbc, RangesOfMultiplexorValues) {
  read_file_of_case("ranges.dbc");
  EXPECT_THAT(left_out_, IsEmpty());
  for (const std::uint8_t mux : std::to_array<std::uint8_t>({0, 1, 2, 3, 7}))
    EXPECT_EQ(decode({mux, 0xd2}), "Mux=" + std::to_string(mux) + " Temp=21");
  for (const std::uint8_t mux : std::to_array<std::uint8_t>({4, 6, 8, 255}))
    EXPECT_EQ(decode({mux, 0xd2}), "Mux=" + std::to_string(mux));
}

TEST_F(Dbc, MultiplexorsSideBySide) {
  read("BO_ 1 M: 8 A\n" + byte("MuxA", "M", 0) + byte("A1", "m1", 2) + byte("MuxB", "M", 1) +
       byte("B1", "m1", 3) + byte("B2", "m2", 3) + byte("Always", "", 4) +
       "SG_MUL_VAL_ 1 A1 MuxA 1-1;\nSG_MUL_VAL_ 1 B1 MuxB 1-1, 5-6;\nSG_MUL_VAL_ 1 B2 MuxB 2-2 ;\n");
  EXPECT_THAT(left_out_, IsEmpty());
  EXPECT_EQ(decode({1, 2, 10, 20, 30}), "MuxA=1 A1=10 MuxB=2 B2=20 Always=30");
  EXPECT_EQ(decode({0, 5, 10, 20, 30}), "MuxA=0 MuxB=5 B1=20 Always=30");
  EXPECT_EQ(decode({1, 1, 10, 20, 30}), "MuxA=1 A1=10 MuxB=1 B1=20 Always=30");
}

TEST_F(Dbc, MultiplexorsWithinMultiplexedSignals) {
  read("BO_ 1 M: 8 A\n" + byte("Root", "M", 0) + byte("Sub", "m1M", 1) + byte("Leaf", "m3", 2) +
       byte("Other", "m2", 1) + byte("Deep", "m0M", 3) + byte("Deepest", "m9", 4) +
       "SG_MUL_VAL_ 1 Sub Root 1-1;\nSG_MUL_VAL_ 1 Leaf Sub 3-4;\nSG_MUL_VAL_ 1 Other Root 2-2;\n"
       "SG_MUL_VAL_ 1 Deep Sub 0-0;\nSG_MUL_VAL_ 1 Deepest Deep 9-9;\n");
  EXPECT_THAT(left_out_, IsEmpty());
  EXPECT_EQ(decode({1, 4, 7, 9, 8}), "Root=1 Sub=4 Leaf=7");
  EXPECT_EQ(decode({2, 4, 7, 9, 8}), "Root=2 Other=4");
  EXPECT_EQ(decode({1, 0, 7, 9, 8}), "Root=1 Sub=0 Deep=9 Deepest=8");
  EXPECT_EQ(decode({2, 0, 7, 9, 8}), "Root=2 Other=0");
}

TEST_F(Dbc, WithoutAMultiplexorSignalsAreInEveryFrame) {
  read("BO_ 1 M: 8 A\n" + byte("Plain", "", 0) + byte("One", "m1", 1) + byte("Two", "m0", 2) +
       byte("Same", "m3", 3) + " SG_ Bits m4 : 31|2@0+ (1,0) [0|0] \"\" A\n");
  EXPECT_EQ(decode({5, 6, 7, 8}), "Plain=5 One=6 Two=7");
  // cantools refuses the file for them.
  EXPECT_THAT(left_out_, ElementsAre(HasSubstr("signal Same: which multiplexor"), HasSubstr("signal Bits")));
}

// cantools gives such signals in every frame: values that nobody sent.
TEST_F(Dbc, ASignalWhoseMultiplexorIsNotKnownIsLeftOutAlone) {
  read("BO_ 1 M: 8 A\n" + byte("Plain", "", 0) + byte("Orphan", "m1", 1) + byte("Other", "m2", 1) +
       "BO_ 2 N: 8 A\n" + byte("A", "M", 0) + byte("B", "M", 1) + byte("Whose", "m1", 2) +
       byte("Known", "m1", 3) + byte("Round", "m1M", 4) + byte("About", "m1M", 5) +
       "SG_MUL_VAL_ 2 Known A 1-1;\nSG_MUL_VAL_ 2 Round About 1-1;\nSG_MUL_VAL_ 2 About Round 1-1;\n");
  EXPECT_THAT(names(), ElementsAre("Plain", "A", "B", "Known"));
  EXPECT_THAT(left_out_, ElementsAre(HasSubstr("f.dbc:1: message M (0x1): signal Orphan: which multiplexor"),
                                     HasSubstr("signal Other"), HasSubstr("signal Whose"),
                                     HasSubstr("signal Round"), HasSubstr("signal About")));
}

TEST_F(Dbc, TextsOfSeveralLinesAreNoStatements) {
  read_file_of_case("comment-of-two-lines.dbc");
  EXPECT_THAT(left_out_, IsEmpty());
  EXPECT_EQ(decode({210}), "Speed=21");
  read("VERSION \"\"\nNS_ :\n\tNS_DESC_\n\tCM_\n\tSG_MUL_VAL_\n\nBS_:\nBU_: A\nBO_ 1 M: 8 A\n" +
       byte("S", "", 0) +
       "CM_ SG_ 1 S \"a 5\" pipe;\nand more\";\nCM_ \"of two lines:\nBO_ 9000 X: 8 A\nsays \\\"BO_ 8\\\"\";\n"
       "BA_DEF_ BO_ \"a\nBO_ 7000 Y: 8 A\n\" STRING ;\nVAL_ 1 S 1 \"on;\nSG_ T\" 0 \"off\" ;\n"
       "CM_ \"its semicolon is missing\"\nBO_ 2 N: 8 A\n" +
       byte("T", "", 0) + "CM_ \"it never ends\nBO_ 3 O: 8 A\n");
  EXPECT_THAT(names(), ElementsAre("S", "T"));
  EXPECT_THAT(left_out_, IsEmpty());
}

TEST_F(Dbc, WhatCannotBeReadCostsItsMessageAlone) {
  read("BO_ x Odd: 8 P\n" + byte("Lost", "", 0) +        //
       "BO_ 4096 Motion: 8 P\n" + byte("Lost", "", 0) +  //
       "BO_ 1 Numberless: 8 P\n" + byte("Mux", "M", 0) + byte("Lost", "m", 1) + "BO_ 2 Good: 8 P\n" +
       byte("Kept", "", 0) +                                       //
       "BO_ 3 Broken: 8 P\n SG_ Lost : 0|16 (1,0) [0|1] \"\" G\n"  //
       "BO_ 4 Far: 8 P\n SG_ Lost : 510|16@1+ (1,0) [0|1] \"\" G\n"
       "BO_ 2566834942 Transport: 120 P\n SG_ Lost : 800|8@1+ (1,0) [0|1] \"\" G\n"
       "BO_ 5 Unit: 8 P\n SG_ Lost : 0|8@1+ (1,0) [0|1] \" G\n"
       "BO_ 6 Real: 8 P\n" +
       byte("Lost", "", 0) +  //
       "BO_ 7 Twice: 8 P\n" + byte("Lost", "", 0) + "BO_ 7 Again: 8 P\n" + byte("Last", "", 0) +
       "BO_ 8 Ranges: 8 P\n" + byte("Lost", "m1", 0) +
       "BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n" + byte("Unused", "m", 0) +
       "BO_ 1073741824 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n" + byte("Unused", "", 0) +
       "SIG_VALTYPE_ 6 Lost : 1;\nSG_MUL_VAL_ 8 Lost Mux 1;\n");
  EXPECT_THAT(names(), ElementsAre("Kept", "Last"));
  EXPECT_THAT(
      left_out_,
      ElementsAre(
          StartsWith("f.dbc:1: message Odd (0x0): expected BO_ <id> <name>: <bytes> <sender>, found"),
          StartsWith("f.dbc:3: message Motion (0x1000): its id is neither one of 11 bits"),
          StartsWith("f.dbc:7: message Numberless (0x1): expected SG_ <name> [M|m<n>|m<n>M]"),
          StartsWith("f.dbc:11: message Broken (0x3): expected SG_"),
          StartsWith("f.dbc:13: message Far (0x4): signal Lost has no bits, more than 64, or reaches"),
          StartsWith("f.dbc:14: message Transport (0x18FECAFE): it has more than 64 bytes"),
          StartsWith("f.dbc:17: message Unit (0x5): expected SG_"),
          StartsWith("f.dbc:30: message Real (0x6): signal Lost: a float has 32 bits"),
          StartsWith("f.dbc:31: message Ranges (0x8): expected SG_MUL_VAL_"),
          StartsWith("f.dbc:20: message Twice (0x7): another one of the same id comes after it")));
}

TEST_F(Dbc, ASignalPastTheEndOfItsMessageIsNamed) {
  read("BO_ 1 M: 2 A\n" + byte("In", "", 1) + byte("Past", "", 2) + " SG_ Big : 8|9@0+ (1,0) [0|0] \"\" A\n" +
       "BO_ 2 N: 0 A\n" + byte("Unsized", "", 3));
  EXPECT_THAT(left_out_,
              ElementsAre(HasSubstr("f.dbc:3: message M (0x1): signal Past reaches past its 2 bytes"),
                          HasSubstr("signal Big")));
  EXPECT_THAT(names(), ElementsAre("In", "Past", "Big", "Unsized"));
}

TEST_F(Dbc, LongNames) {
  read("BO_ 1 Short: 8 A\n" + byte("Mux", "M", 0) + byte("S_1", "m2", 1) +
       "BA_ \"SystemMessageLongSymbol\" BO_ 1 \"LongMessage\";\n"
       "BA_ \"SystemSignalLongSymbol\" SG_ 1 S_1 \"AVeryLongNameOfASignalOfMoreThan32Letters\";\n");
  EXPECT_EQ(decode({2, 5}), "Mux=2 AVeryLongNameOfASignalOfMoreThan32Letters=5");
  EXPECT_EQ(signals_[1].short_name, "S_1");
  EXPECT_EQ(signals_[0].short_name, "");
}

TEST_F(Dbc, FormatsOfFrames) {
  const std::string message = "BO_ 2364540158 P: 8 A\n" + byte("S", "", 0);
  const std::string formats =
      "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"ExtendedCAN\",\"reserved\",\"J1939PG\";\n";
  const auto is_j1939 = [&](const std::string& attributes) {
    read(message + attributes);
    return signals_.at(0).is_j1939;
  };
  EXPECT_FALSE(is_j1939(""));
  EXPECT_FALSE(is_j1939(formats + "BA_DEF_DEF_ \"VFrameFormat\" \"StandardCAN\";\n"));
  EXPECT_TRUE(is_j1939(formats + "BA_DEF_DEF_ \"VFrameFormat\" \"J1939PG\";\n"));
  EXPECT_TRUE(is_j1939(formats + "BA_ \"VFrameFormat\" BO_ 2364540158 3;\n"));
  EXPECT_FALSE(is_j1939(
      formats + "BA_DEF_DEF_ \"VFrameFormat\" \"J1939PG\";\nBA_ \"VFrameFormat\" BO_ 2364540158 1;\n"));
  EXPECT_TRUE(is_j1939("BA_ \"ProtocolType\" \"J1939\";\n"));
}

TEST_F(Dbc, NumbersInAnyNotation) {
  read(
      "\xef\xbb\xbf"
      "BO_ 1 M: 8 A\r\n SG_ S:0|16@1-(1E-003,+2.5)[-1.#IND|1e999]\"\xb0"
      "C\" A, B\r\n");
  EXPECT_THAT(left_out_, IsEmpty());
  EXPECT_EQ(decode({0x18, 0xfc}), "S=1.5");
}

TEST_F(Dbc, SurvivesMutations) {
  const std::string good = *read_file(testcases_of(kCanDriver) / "press.dbc");
  std::mt19937 random(20261125);
  const std::array<std::uint8_t, 64> data{0xff, 0x80, 0x7f};
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    for (auto n = random() % 6 + 1; n > 0; --n)
      bad[random() % bad.size()] = " |@:()[]\"+-0129\nmMS"[random() % 19];
    const auto parsed = can::parse_dbc(bad, "press.dbc");
    if (!parsed) continue;
    for (const can::Signal& signal : *parsed) {
      for (const std::size_t size : {0U, 1U, 8U, 64U})
        (void)can::value_of(signal, std::span(data.data(), size));
    }
  }
}

TEST(J1939, RangesThatAreReserved) {
  const auto is = [](std::uint64_t raw, int length) { return can::is_reserved_by_j1939(raw, length, false); };
  EXPECT_FALSE(is(1, 1));
  EXPECT_FALSE(is(1, 2));
  EXPECT_TRUE(is(2, 2));
  EXPECT_TRUE(is(3, 2));
  EXPECT_FALSE(is(0xd, 4));
  EXPECT_TRUE(is(0xe, 4));
  EXPECT_FALSE(is(0xfd, 8));
  EXPECT_TRUE(is(0xfe, 8));
  EXPECT_TRUE(is(0xff, 8));
  EXPECT_FALSE(is(0xfdff, 16));
  EXPECT_TRUE(is(0xfe00, 16));
  EXPECT_TRUE(is(0xff00, 16));
  EXPECT_FALSE(is(0xfdff'ffff, 32));
  EXPECT_TRUE(is(0xfe00'0000, 32));
  EXPECT_TRUE(is(0xffff'ffff, 32));
  EXPECT_FALSE(can::is_reserved_by_j1939(0xfffe, 16, true));
  EXPECT_TRUE(can::is_reserved_by_j1939(0xffff, 16, true));
}

}  // namespace
}  // namespace vigile
