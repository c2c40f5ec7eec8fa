// SPDX-License-Identifier: Apache-2.0
#include "drivers/scale/not_available.h"

#include <gmock/gmock.h>

#include <bit>

namespace vigile {
namespace {

using testing::HasSubstr;
using Kind = RawForm::Kind;

Result<NotAvailable> read(std::vector<std::string> entries, const RawForm& form) {
  Options row;
  row.set("not_available", std::move(entries));
  return read_not_available(row, form);
}

bool is_code(std::vector<std::string> entries, const RawForm& form, std::uint64_t raw) {
  const auto codes = read(std::move(entries), form);
  EXPECT_TRUE(codes) << codes.error().message;
  return codes && codes->has_raw(raw);
}

TEST(NotAvailable, BitsInAnyNotation) {
  const RawForm int16{Kind::whole, 16, true};
  for (const char* const entry : {"0x8000", "0X8000", "-32768", "32768"}) {
    EXPECT_TRUE(is_code({"1", entry}, int16, 0x8000)) << entry;
    EXPECT_FALSE(is_code({"1", entry}, int16, 0x7fff)) << entry;
  }
  EXPECT_TRUE(is_code({"-1"}, {Kind::whole, 32, true}, 0xffff'ffff));
  EXPECT_TRUE(is_code({"-1"}, {Kind::whole, 64, true}, ~std::uint64_t{0}));
  EXPECT_TRUE(read({}, int16)->empty());
}

TEST(NotAvailable, TheSetOfSunSpecGoesByType) {
  EXPECT_TRUE(is_code({"sunspec"}, {Kind::whole, 16, true}, 0x8000));
  EXPECT_FALSE(is_code({"sunspec"}, {Kind::whole, 16, true}, 0xffff));
  EXPECT_TRUE(is_code({"sunspec"}, {Kind::whole, 16, false}, 0xffff));
  EXPECT_FALSE(is_code({"sunspec"}, {Kind::whole, 16, false}, 0x8000));
  EXPECT_TRUE(is_code({"sunspec"}, {Kind::whole, 32, true}, 0x8000'0000));
  EXPECT_TRUE(is_code({"sunspec"}, {Kind::whole, 32, false}, 0xffff'ffff));
  EXPECT_TRUE(is_code({"sunspec"}, {Kind::whole, 64, true}, 0x8000'0000'0000'0000));
  EXPECT_TRUE(is_code({"sunspec"}, {Kind::whole, 64, false}, ~std::uint64_t{0}));
  EXPECT_TRUE(is_code({"sunspec"}, {Kind::real, 32, true}, 0x7fc0'0000));
  EXPECT_TRUE(is_code({"sunspec"}, {Kind::real, 64, true}, 0x7ff8'0000'0000'0000));
  EXPECT_TRUE(is_code({"sunspec_accumulator"}, {Kind::whole, 32, false}, 0));
  EXPECT_FALSE(is_code({"sunspec"}, {Kind::whole, 32, false}, 0));
}

TEST(NotAvailable, RealOnesAreComparedAsNumbersOrAsBits) {
  const RawForm single{Kind::real, 32, true};
  EXPECT_TRUE(is_code({"-9999"}, single, std::bit_cast<std::uint32_t>(-9999.0F)));
  EXPECT_TRUE(is_code({"-999.9"}, single, std::bit_cast<std::uint32_t>(-999.9F)));
  EXPECT_TRUE(is_code({"0xC61C3C00"}, single, std::bit_cast<std::uint32_t>(-9999.0F)));
  EXPECT_FALSE(is_code({"-9999"}, single, std::bit_cast<std::uint32_t>(-9998.0F)));
}

TEST(NotAvailable, TextsAreNumbersOrWords) {
  const auto codes = read({"-9999", "----", "0x8000", "OL"}, {Kind::text});
  ASSERT_TRUE(codes);
  EXPECT_TRUE(codes->has_number(-9999));
  EXPECT_TRUE(codes->has_number(32768));
  EXPECT_FALSE(codes->has_number(0));
  EXPECT_TRUE(codes->has_text("----"));
  EXPECT_TRUE(codes->has_text("OL"));
  EXPECT_FALSE(codes->has_text("OL1"));
}

TEST(NotAvailable, WhatDoesNotFitIsAnErrorOfTheSettings) {
  EXPECT_THAT(read({"0x18000"}, {Kind::whole, 16, false}).error().message,
              HasSubstr("does not fit in 16 bits"));
  EXPECT_THAT(read({"-32769"}, {Kind::whole, 16, true}).error().message,
              HasSubstr("does not fit in 16 bits"));
  EXPECT_THAT(read({"sunspecs"}, {Kind::whole, 16, true}).error().message,
              HasSubstr("neither a whole number"));
  EXPECT_THAT(read({"1.5"}, {Kind::whole, 16, true}).error().message, HasSubstr("neither a whole number"));
  EXPECT_THAT(read({"0x"}, {Kind::whole, 16, true}).error().message, HasSubstr("is not hexadecimal"));
  EXPECT_THAT(read({"sunspec_accumulator"}, {Kind::real, 32, true}).error().message,
              HasSubstr("is for whole numbers"));
}

TEST(LeftOut, HasNoSeriesUntilThereIsOne) {
  LeftOut left_out;
  EXPECT_EQ(left_out.end_run(), std::nullopt);
  left_out.add();
  left_out.add();
  EXPECT_EQ(left_out.end_run(), 2);
  EXPECT_EQ(left_out.end_run(), 0);
}

}  // namespace
}  // namespace vigile
