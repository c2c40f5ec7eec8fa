// SPDX-License-Identifier: Apache-2.0
#include "drivers/text_fields/number_text.h"

#include <gmock/gmock.h>

#include <charconv>

#include "drivers/text_fields/text_fields.h"

namespace vigile {
namespace {

using testing::HasSubstr;
using Decimal = NumberFormat::Decimal;
using Thousands = NumberFormat::Thousands;

std::string read(std::string_view text, Decimal decimal = Decimal::either,
                 Thousands thousands = Thousands::none) {
  const auto number = parse_number_text(text, {decimal, thousands});
  if (!number) return number.error().message;
  char shown[64];
  return {shown, std::to_chars(shown, shown + sizeof shown, *number).ptr};
}

TEST(NumberText, SignsBlanksAndUnits) {
  EXPECT_EQ(read("-   29.182 g"), "-29.182");
  EXPECT_EQ(read("         0.665 g  "), "0.665");
  EXPECT_EQ(read("-  450.38 GN"), "-450.38");
  EXPECT_EQ(read("+  12.34kg"), "12.34");
  EXPECT_EQ(read("98%"), "98");
  EXPECT_EQ(read("21.5 C"), "21.5");
  EXPECT_EQ(read("21.5 \xc2\xb0"
                 "C"),
            "21.5");
  EXPECT_EQ(read("\xe2\x88\x92"
                 "4.5"),
            "-4.5");
  EXPECT_EQ(read("29.182- kg"), "-29.182");
  EXPECT_EQ(read("3.5 kg/m3"), "3.5");
  EXPECT_EQ(read("9.81 m s-2"), "9.81");
  EXPECT_EQ(read("24 V DC"), "24");
  EXPECT_EQ(read("412 ppm CO2"), "412");
  EXPECT_EQ(read("1.5e3"), "1500");
  EXPECT_EQ(read("1.5E-3 A"), "0.0015");
  EXPECT_EQ(read("12 E"), "12");
  EXPECT_EQ(read("0x1f"), "31");
  EXPECT_EQ(read(".5"), "0.5");
}

TEST(NumberText, ACommaIsReadOnlyWhereItIsClear) {
  EXPECT_EQ(read("21,5"), "21.5");
  EXPECT_EQ(read("- 21,55 C"), "-21.55");
  EXPECT_EQ(read("1234,567"), "1234.567");
  for (const char* const text : {"12,345 kg", "0,345", "-999,000"}) {
    EXPECT_THAT(read(text), HasSubstr("decimal: comma")) << text;
    EXPECT_THAT(read(text), HasSubstr("thousands: comma")) << text;
  }
  for (const char* const text : {"1,234.5", "1,234,567", "1.234.567", "1'234", "1.234,5"})
    EXPECT_THAT(read(text), HasSubstr("as the options decimal and thousands have it")) << text;
}

TEST(NumberText, DecimalAndThousandsByOption) {
  EXPECT_EQ(read("12,345 kg", Decimal::comma), "12.345");
  EXPECT_EQ(read("12,345 kg", Decimal::either, Thousands::comma), "12345");
  EXPECT_EQ(read("1,234,567.25", Decimal::point, Thousands::comma), "1234567.25");
  EXPECT_EQ(read("1.234.567,25", Decimal::either, Thousands::point), "1234567.25");
  EXPECT_EQ(read("- 1 234 567,25 g", Decimal::comma, Thousands::space), "-1234567.25");
  EXPECT_EQ(read("1\xe2\x80\xaf"
                 "234\xc2\xa0"
                 "567.5",
                 Decimal::point, Thousands::space),
            "1234567.5");
  EXPECT_EQ(read("345,678", Decimal::either, Thousands::space), "345.678");
  EXPECT_EQ(read("1'234.50", Decimal::either, Thousands::apostrophe), "1234.5");
  EXPECT_EQ(read("1234.5", Decimal::point, Thousands::comma), "1234.5");
  for (const char* const text : {"1,23", "1,2345", "1234,567", ",123", "12,,345"})
    EXPECT_THAT(read(text, Decimal::either, Thousands::comma), HasSubstr("is not a number")) << text;
  EXPECT_THAT(read("21.5", Decimal::comma), HasSubstr("is not a number as the options decimal"));
  EXPECT_THAT(read("21,5", Decimal::point), HasSubstr("is not a number as the options decimal"));
  EXPECT_THAT(read("1 234 56", Decimal::point, Thousands::space), HasSubstr("is not a number"));
}

TEST(NumberText, WhatIsNoNumber) {
  for (const char* const text :
       {"",           " ",     "-",           "- -5",       "+-5",
        "--5",        "-5-",   "N/A",         "----",       "nan",
        "inf",        "1e999", "0x",          "0xzz",       "12:30",
        "5 of 10",    "12/5",  "192.168.1.1", "2026-12-01", "12h30m",
        "1 Dec 2026", "3 2",   "12-kg",       "1=2",        "12 very long words behind it",
        "5-10"})
    EXPECT_THAT(read(text), HasSubstr("is not a number")) << text;
}

Options row(const std::string& match) {
  Options options;
  options.set("name", std::string("weight"));
  options.set("type", std::string("number"));
  options.set("scale", 1.0);
  options.set("offset", 0.0);
  options.set("match", match);
  return options;
}

std::string read_by(const std::string& match, std::string_view text) {
  const auto field = read_text_field(row(match), "values");
  if (!field) return field.error().message;
  const auto reading = value_of(*field, text);
  if (!reading) return reading.error().message;
  if (!reading->number) return "no match";
  char shown[64];
  return {shown, std::to_chars(shown, shown + sizeof shown, std::get<double>(*reading->number)).ptr};
}

TEST(TextField, ASignOutsideOfTheGroupIsNeverLost) {
  for (const char* const match : {"([0-9.]+) *(g|GN|kg)", "^ *[-+]? *([0-9.]+)", "([-+]? *[0-9.]+) *g"})
    EXPECT_EQ(read_by(match, "-   29.182 g"), "-29.182") << match;
  EXPECT_EQ(read_by("([0-9.]+)kg", "ST,NT,-  1.234kg"), "-1.234");
  EXPECT_EQ(read_by("t=([0-9.]+)|([0-9.]+)", "a t=-4"), "-4");
  EXPECT_EQ(read_by("([0-9.]+) C", "now -4 C"), "-4");
  EXPECT_EQ(read_by("([0-9.]+) C", "now +4 C"), "4");
  EXPECT_EQ(read_by("( *[0-9.]+)kg", "ST,NT,-  1.234kg"), "-1.234");
  for (const char* const text : {"Inlet - 21.5", "A-12", "x --7", "12.5-", "12.5- kg", "a-\t5"})
    EXPECT_THAT(read_by("([0-9.]+)", text), HasSubstr("take it into the group")) << text;
  // What is said to be none.
  EXPECT_EQ(read_by("sensor-([0-9]+)", "sensor-12"), "12");
  EXPECT_EQ(read_by("([0-9]+)", "5-10"), "5");
}

TEST(TextField, ClassesOfOtherDialectsAreNamedWhenTheSettingsAreChecked) {
  EXPECT_THAT(read_by("(\\d+) kg", ""), HasSubstr("regex(7) has no \\d; write [0-9]"));
  EXPECT_THAT(read_by("([\\d.]+) kg", ""), HasSubstr("regex(7) has no \\d; write 0-9"));
  EXPECT_THAT(read_by("a\\tb", ""), HasSubstr("regex(7) has no \\t; write [[:blank:]]"));
  EXPECT_EQ(read_by("\\\\d([0-9]+)", "\\d5"), "5");
  EXPECT_EQ(read_by("[]\\]([0-9]+)", "]5"), "5");
  EXPECT_EQ(read_by("\\.([[:digit:]]+)\\w", ".5a"), "5");
}

}  // namespace
}  // namespace vigile
