// SPDX-License-Identifier: Apache-2.0
#include "point/lp_commands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>

#include "point/point_json.h"
#include "random_point.h"

namespace vigile {
namespace {

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
  bool operator==(const Ran&) const = default;
};

// Hands out what `more` returns, until that is empty.
class PiecewiseBuffer : public std::streambuf {
 public:
  explicit PiecewiseBuffer(std::function<std::string()> more) : more_(std::move(more)) {}

 protected:
  int_type underflow() override {
    piece_ = more_();
    setg(piece_.data(), piece_.data(), piece_.data() + piece_.size());
    return piece_.empty() ? traits_type::eof() : traits_type::to_int_type(piece_[0]);
  }

 private:
  std::function<std::string()> more_;
  std::string piece_;
};

std::function<std::string()> pieces(const std::string& text, std::size_t size) {
  return [&text, size, at = std::size_t{0}]() mutable {
    std::string piece = text.substr(std::min(at, text.size()), size);
    at += size;
    return piece;
  };
}

std::ptrdiff_t count_of(char c, const std::string& text) {
  return std::count(text.begin(), text.end(), c);
}

Ran decode(const std::function<std::string()>& input, Precision precision = Precision::ns) {
  PiecewiseBuffer buffer(input);
  std::istream in(&buffer);
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = lp_decode(in, out, err, precision);
  return {exit_code, out.str(), err.str()};
}

Ran decode(const std::string& text, Precision precision = Precision::ns) {
  return decode(pieces(text, text.size()), precision);
}

Ran encode(const std::string& text, const EncodeOptions& options = {}, std::size_t size = 1 << 20) {
  PiecewiseBuffer buffer(pieces(text, size));
  std::istream in(&buffer);
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = lp_encode(in, out, err, options);
  return {exit_code, out.str(), err.str()};
}

TEST(LpCommands, DecodesGoodLines) {
  EXPECT_EQ(decode(""), (Ran{0, "", ""}));
  EXPECT_EQ(decode("# only\n\n"), (Ran{0, "", ""}));
  EXPECT_EQ(
      decode("m,a=b v=1.5,s=\"x\ny\" 17\n\nn b=t", Precision::ms),
      (Ran{0,
           "{\"measurement\": \"m\", \"tags\": {\"a\": \"b\"}, \"fields\": {\"v\": {\"float\": 1.5}, "
           "\"s\": {\"string\": \"x\\ny\"}}, \"time\": 17000000}\n"
           "{\"measurement\": \"n\", \"tags\": {}, \"fields\": {\"b\": {\"bool\": true}}, \"time\": null}\n",
           ""}));
}

TEST(LpCommands, PrintsTheOtherLinesOfABadOne) {
  EXPECT_EQ(
      decode("bad\nm v=1\nm v=9223372036854775808i 5\n# c\nm v=\"a\nb\" x\nm v=2 2\n"),
      (Ran{1,
           "{\"measurement\": \"m\", \"tags\": {}, \"fields\": {\"v\": {\"float\": 1.0}}, \"time\": null}\n"
           "{\"measurement\": \"m\", \"tags\": {}, \"fields\": {\"v\": {\"float\": 2.0}}, \"time\": 2}\n",
           "1:4: expected a space and a field, as in value=1\n"
           "3:5: expected an integer from -9223372036854775808 to 9223372036854775807\n"
           "6:4: expected a time: a whole number of nanoseconds\n"}));
}

TEST(LpCommands, KeysThatStandTwiceAndBytesThatAreNotUtf8AreRefused) {
  EXPECT_EQ(decode("m,a=1,a=2 v=1\nm v=1i,v=2i\nm s=\"x\n\xff\"\n"),
            (Ran{1, "",
                 "1:7: expected each tag key once\n"
                 "2:8: expected each field key once\n"
                 "4:1: expected text in UTF-8\n"}));
  EXPECT_EQ(encode(R"({"measurement": "m", "tags": {"a": "1", "a": "2"}, "fields": {"v": {"int": 1}}})"
                   "\n"
                   R"({"measurement": "m", "fields": {"v": {"int": 1}, "v": {"float": 2}}})"),
            (Ran{1, "", "1:1: tags.a: expected once only\n2:1: fields.v: expected once only\n"}));
  // Apart here, and alike when they are written.
  EXPECT_EQ(encode(R"({"measurement": "m", "tags": {"a\\": "1", "a/": "2"}, "fields": {"v": {"int": 1}}})"
                   "\n"
                   R"({"measurement": "m", "fields": {"time": {"int": 1}, "time_": {"int": 1}}})"),
            (Ran{1, "",
                 "1:1: tags.a/: expected once only; another key is written like it\n"
                 "2:1: fields.time_: expected once only; another key is written like it\n"}));
}

TEST(LpCommands, BackslashesComeThrough) {
  const std::string line = R"(press,path=C:\\prog\x,unc=\\srv\s value=1)"
                           "\n";
  EXPECT_EQ(encode(decode(line).out).out, line);
}

TEST(LpCommands, PiecesOfAnySizeComeToTheSame) {
  std::string text = "# c\n\nbad\r\nm v=\"open 1\nm v=1\nm v=\"a\nb\n\nc\" 1\r\n";
  PointSource source(5);
  for (int i = 0; i < 300; ++i) {
    std::string line;
    encode_line(source.next(), {.unsigned_integers = true}, line);
    if (decode(line).exit_code == 0) text += line;  // fields may share a key
    if (i % 10 == 0) text += "m,=x v=1\n";
    if (i % 25 == 0) text += "m s=\"" + std::string(source.below(3000), i % 50 == 0 ? '\n' : 'x') + "\"\n";
  }
  text += "m v=1";
  const Ran whole = decode(text);
  EXPECT_EQ(whole.exit_code, 1);
  EXPECT_GT(count_of('\n', whole.out), 150);
  EXPECT_EQ(count_of('\n', whole.err), 32);
  for (const std::size_t size : {1u, 2u, 7u, 64u, 1000u, 8191u})
    EXPECT_TRUE(decode(pieces(text, size)) == whole) << size;

  const Ran back = encode(whole.out, {.unsigned_integers = true});
  EXPECT_EQ(back.exit_code, 0) << back.err;
  EXPECT_TRUE(decode(back.out).exit_code == 0);
  EXPECT_EQ(count_of('\n', back.out), count_of('\n', whole.out));
  for (const std::size_t size : {1u, 7u, 1000u}) {
    EXPECT_TRUE(encode(whole.out, {.unsigned_integers = true}, size) == back) << size;
  }
}

TEST(LpCommands, ALineIsWrittenBeforeTheNextIsWaitedFor) {
  std::ostringstream out;
  std::ostringstream err;
  int asked = 0;
  PiecewiseBuffer buffer([&]() -> std::string {
    switch (asked++) {
      case 0:
        return "m v=1\nm v";
      case 1:
        EXPECT_EQ(count_of('{', out.str()), 4) << "the first line's point";
        return "=2\nbad\n";
      case 2:
        EXPECT_NE(out.str().find("2.0"), std::string::npos);
        EXPECT_EQ(err.str().substr(0, 4), "3:4:");
        return "";
      default:
        return "";
    }
  });
  std::istream in(&buffer);
  EXPECT_EQ(lp_decode(in, out, err, Precision::ns), 1);
  EXPECT_GE(asked, 3);
}

// Counts lines and keeps none.
class LineCount : public std::streambuf {
 public:
  std::size_t lines = 0;

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    lines += static_cast<std::size_t>(std::count(text, text + size, '\n'));
    return size;
  }
  int_type overflow(int_type c) override {
    if (c == '\n') ++lines;
    return traits_type::not_eof(c);
  }
};

TEST(LpCommands, HoldsNoMoreThanWhatWasJustRead) {
  // 64 MiB of lines, four at a time: whenever it asks for more, all it was given is printed.
  const std::string line = "m,a=" + std::string(1000, 'x') + " v=1 1\n";
  const std::string block = line + line + line + line;
  LineCount printed;
  std::size_t given = 0;
  PiecewiseBuffer buffer([&]() -> std::string {
    EXPECT_EQ(printed.lines, given);
    if (given == 64'000) return "";
    given += 4;
    return block;
  });
  std::istream in(&buffer);
  std::ostream out(&printed);
  std::ostringstream err;
  EXPECT_EQ(lp_decode(in, out, err, Precision::ns), 0);
  EXPECT_EQ(printed.lines, 64'000u);
}

TEST(LpCommands, ALineThatIsTooLongIsOneError) {
  const std::string large(kLongestLine, 'x');
  EXPECT_EQ(decode("a v=1\n\nm,a=" + large + large + " v=1\nb v=x\n"),
            (Ran{1, to_json({"a", {}, {{"v", 1.0}}, {}}) + "\n",
                 "3:1: expected a line of at most 16 MiB\n"
                 "4:5: expected a field value: a number, true, false, or a quoted string\n"}));
  EXPECT_EQ(decode("# " + large + "\nb v=1\n"), (Ran{0, to_json({"b", {}, {{"v", 1.0}}, {}}) + "\n", ""}));
  EXPECT_EQ(encode("\n{\"measurement\": \"" + large + "\"}\n{}\n"),
            (Ran{1, "", "2:1: expected a line of at most 16 MiB\n3:1: measurement: missing\n"}));
}

TEST(LpCommands, AStringNeverClosedCostsOneLineHoweverMuchFollows) {
  std::string text = "m s=\"open\n";
  while (text.size() < kLongestLine + 100'000) text += "m,a=" + std::string(2000, 'x') + " v=1\n";
  const auto lines = count_of('\n', text);
  const Ran ran = decode(text);
  EXPECT_EQ(ran.err, "1:5: expected a closing '\"' for the string that starts here\n");
  EXPECT_EQ(count_of('\n', ran.out), lines - 1);
}

TEST(LpCommands, EncodesPoints) {
  EXPECT_EQ(
      encode(
          "{\"measurement\": \"a b\", \"fields\": {\"u\": {\"uint\": 9223372036854775807}}, \"time\": 5}\n"
          "\n  \r\n"
          "{\"measurement\": \"m\", \"tags\": {\"z\": \"1\", \"a\": \"2\"}, \"fields\": {\"v\": {\"float\": "
          "0.1}}}"),
      (Ran{0, "a\\ b u=9223372036854775807i 5\nm,a=2,z=1 v=0.1\n", ""}));
  EXPECT_EQ(encode("{\"measurement\": \"m\", \"fields\": {\"u\": {\"uint\": 18446744073709551615}}}",
                   {.unsigned_integers = true}),
            (Ran{0, "m u=18446744073709551615u\n", ""}));
  EXPECT_EQ(encode("{\"measurement\": \"m\", \"fields\": {\"u\": {\"uint\": 18446744073709551615}}}"),
            (Ran{1, "", "1:1: fields.u: expected at most 9223372036854775807, or the option --unsigned\n"}));
}

TEST(LpCommands, EncodesTheOtherLinesOfABadOne) {
  EXPECT_EQ(encode("{\"measurement\": \"m\"}\n"
                   "{\"measurement\": \"m\", \"fields\": {\"v\": {\"int\": 1}}}\n"
                   "{\"measurement\": \"m\", \"fields\": {}}\n"
                   "{\"measurement\": \"m\", \"fields\": {\"time\": {\"int\": 1}}}\n"),
            (Ran{1, "m v=1i\nm time_=1i\n",
                 "1:1: fields: missing\n"
                 "3:1: fields: expected at least one that can be written\n"}));
}

TEST(LpCommands, StopsWhenNobodyTakesTheOutput) {
  std::size_t asked = 0;
  PiecewiseBuffer buffer([&]() { return ++asked > 1000 ? std::string() : std::string("m v=1\n"); });
  std::istream in(&buffer);
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  std::ostringstream err;
  EXPECT_EQ(lp_decode(in, out, err, Precision::ns), 1);
  EXPECT_EQ(err.str(), "output: cannot be written\n");
  EXPECT_LT(asked, 10u);
}

TEST(LpCommands, SaysThatReadingFailed) {
  PiecewiseBuffer buffer([n = 0]() mutable -> std::string {
    if (n++ > 0) throw std::runtime_error("the disk is gone");
    return "m v=1\n";
  });
  std::istream in(&buffer);
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(lp_decode(in, out, err, Precision::ns), 1);
  EXPECT_EQ(err.str(), "input: cannot be read\n");
  EXPECT_EQ(count_of('\n', out.str()), 1);
}

}  // namespace
}  // namespace vigile
