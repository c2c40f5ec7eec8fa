// SPDX-License-Identifier: Apache-2.0
#include "ctl/text.h"

#include <gmock/gmock.h>

#include "ctl/client.h"
#include "ctl/table.h"

namespace vigile {
namespace {

using testing::ElementsAre;

TEST(Text, NothingThatSteersATerminalIsLeft) {
  EXPECT_EQ(harmless("a\x1b[2Jb"), "a?[2Jb");
  EXPECT_EQ(harmless("a\rb\nc\td\x7f"), "a?b c d?");
  EXPECT_EQ(harmless("\xc2\x9b"
                     "31m"),
            "?31m")
      << "C1 CSI";
  EXPECT_EQ(harmless("\xe2\x80\xae"
                     "abc"),
            "?abc")
      << "right-to-left override";
  EXPECT_EQ(harmless("\xff\xc0\xaf\xed\xa0\x80"), "??????") << "not UTF-8";
  EXPECT_EQ(harmless("Lyon-Équipé 東京 😀"), "Lyon-Équipé 東京 😀");
  EXPECT_EQ(harmless("\xe2\x82"), "??") << "cut in the middle";
}

TEST(Text, MeasuresAndCutsInColumns) {
  EXPECT_EQ(columns("Équipé"), 6U);
  EXPECT_EQ(columns("東京"), 4U);
  EXPECT_EQ(columns("e\xcc\x81"), 1U);
  EXPECT_EQ(cut("Équipement", 6), "Équip…");
  EXPECT_EQ(cut("東京都", 4), "東…");
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abc", 0), "");
  EXPECT_EQ(padded("é", 3, false), "é  ");
  EXPECT_EQ(padded("é", 3, true), "  é");
}

TEST(Text, WrapsAtSpaces) {
  EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("abcdefghij kl", 4), ElementsAre("abcd", "efgh", "ij", "kl"));
  EXPECT_THAT(wrapped("", 10), ElementsAre(""));
}

TEST(Text, FiguresForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(UINT64_MAX), "18,446,744,073,709,551,615");
  EXPECT_EQ(age(0.4), "0 s");
  EXPECT_EQ(age(-5), "0 s");
  EXPECT_EQ(age(59.9), "59 s");
  EXPECT_EQ(age(247), "4 min");
  EXPECT_EQ(age(3600), "1 h");
  EXPECT_EQ(age(7500), "2 h 5 min");
  EXPECT_EQ(age(51 * 3600), "2 d 3 h");
  EXPECT_EQ(span(0), "0 s");
  EXPECT_EQ(span(0.00035), "0.3 ms");
  EXPECT_EQ(span(0.0124), "12 ms");
  EXPECT_EQ(span(1.5), "1.5 s");
  EXPECT_EQ(span(300), "5 min");
}

TEST(Text, PercentEncodes) {
  EXPECT_EQ(percent_encode("a b/c&é~"), "a%20b%2Fc%26%C3%A9~");
}

TEST(TableText, WideColumnsGiveWay) {
  Table table({{"NAME", false, true}, {"N", true}});
  table.add({std::string("a-rather-long-name"), std::string("1,234")});
  table.add({std::string("b"), std::string("5")});
  table.note("why", Colour::red);
  EXPECT_EQ(table.render(18, false),
            "NAME             N\n"
            "a-rather-l…  1,234\n"
            "b                5\n"
            "  why\n");
  EXPECT_THAT(table.render(18, true), testing::HasSubstr("\x1b[31mwhy\x1b[0m"));
}

}  // namespace
}  // namespace vigile
