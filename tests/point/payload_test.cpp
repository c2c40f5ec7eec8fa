// SPDX-License-Identifier: Apache-2.0
#include "point/payload.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>
#include <vector>

namespace vigile {
namespace {

// Owns what a Payload views.
struct Packed {
  std::string raw;
  std::string deflate;
  Payload view(std::uint32_t points = 1) const {
    return {deflate, static_cast<std::uint32_t>(raw.size()), crc32_of(raw), points};
  }
};

Packed pack(std::string raw, int level = 6) {
  Packed packed{std::move(raw), {}};
  PayloadEncoder(level).encode(packed.raw, packed.deflate);
  return packed;
}

std::string some_lines(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += "equipment_metrics,equipment_id=" + std::to_string(random() % 20) +
            ",metric_name=cpu_usage,site_id=12,site_name=Lyon-Nord value=" + std::to_string(random() % 1000) +
            "." + std::to_string(random() % 100) + " " + std::to_string(1764000000000000000 + i * 1000000) +
            "\n";
  }
  return text;
}

std::string noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// Reads exactly one gzip member with zlib's own reader; "" and a failure when it is not one.
std::string gunzip_one_member(const std::string& body, std::size_t expected_size) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);  // gzip only
  std::string text(expected_size + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END) << (stream.msg != nullptr ? stream.msg : "");
  EXPECT_EQ(stream.avail_in, 0u) << "bytes after the member";
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(Payload, InflatesToTheLines) {
  for (const int level : {0, 1, 3, 6, 9}) {
    for (const std::string& raw : {std::string(), std::string("m v=1\n"), some_lines(15, 1),
                                   some_lines(3000, 2), noise(300'000, 3), std::string(1'000'000, 'a')}) {
      const Packed packed = pack(raw, level);
      ASSERT_TRUE(packed.deflate.ends_with(std::string("\0\0\xff\xff", 4))) << level << ' ' << raw.size();
      const Result<std::string> text = inflate_payload(packed.view());
      ASSERT_TRUE(text) << text.error().message << ' ' << level << ' ' << raw.size();
      EXPECT_TRUE(*text == raw) << level << ' ' << raw.size();
    }
  }
}

TEST(Payload, OneEncoderServesManyTexts) {
  PayloadEncoder encoder(6);
  std::string out = "left over";
  for (std::uint32_t i = 0; i < 50; ++i) {
    const std::string raw = i % 3 == 0 ? noise(i * 997, i) : some_lines(i, i);
    encoder.encode(raw, out);
    EXPECT_EQ(out, pack(raw).deflate) << i;  // nothing of the text before is left in it
  }
}

TEST(Payload, ManyJoinAsOneGzipMember) {
  std::vector<Packed> packed;
  for (std::uint32_t i = 0; i < 100; ++i) {
    packed.push_back(i % 10 == 9 ? pack(noise(i * 100, i), 1) : pack(some_lines(i % 40, i), i % 10));
  }
  std::vector<Payload> views;
  std::string body(gzip_header());
  std::string raw;
  for (const Packed& each : packed) {
    views.push_back(each.view());
    body += each.deflate;
    raw += each.raw;
  }
  body += gzip_trailer(views);
  EXPECT_EQ(gzip_header().size(), 10u);
  EXPECT_EQ(gzip_trailer(views).size(), 10u);
  EXPECT_TRUE(gunzip_one_member(body, raw.size()) == raw);
}

TEST(Payload, NoPayloadsAreAnEmptyMember) {
  EXPECT_EQ(gunzip_one_member(std::string(gzip_header()) + gzip_trailer({}), 0), "");
}

TEST(Payload, EveryDamagedByteIsSeen) {
  const Packed packed = pack(some_lines(20, 7));
  for (std::size_t i = 0; i < packed.deflate.size(); ++i) {
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      std::string damaged = packed.deflate;
      damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ flip);
      Payload view = packed.view();
      view.deflate = damaged;
      const Result<std::string> text = inflate_payload(view);
      // Bits that fill up the byte before the flush marker mean nothing, so damage to them is none.
      if (text) {
        EXPECT_EQ(*text, packed.raw) << i;
        EXPECT_EQ(i + 5, packed.deflate.size()) << flip;
      } else {
        EXPECT_EQ(text.error().kind, ErrorKind::corrupt);
      }
    }
  }
}

TEST(Payload, EveryTruncationIsSeen) {
  const Packed packed = pack(some_lines(20, 8));
  for (std::size_t size = 0; size < packed.deflate.size(); ++size) {
    Payload view = packed.view();
    view.deflate = view.deflate.substr(0, size);
    const Result<std::string> text = inflate_payload(view);
    ASSERT_FALSE(text) << size;
    EXPECT_EQ(text.error().kind, ErrorKind::corrupt);
  }
}

TEST(Payload, WrongSizeOrSumIsCorrupt) {
  const Packed packed = pack(some_lines(20, 9));
  for (const std::uint32_t off : {1u, 100u, 0xffffffffu, 0xffffff00u}) {
    Payload view = packed.view();
    view.raw_bytes += off;
    EXPECT_FALSE(inflate_payload(view)) << off;
    view = packed.view();
    view.crc32 += off;
    EXPECT_FALSE(inflate_payload(view)) << off;
  }
}

TEST(Payload, DoesNotAskForMemoryTheBytesCannotFill) {
  Payload view = pack("m v=1\n").view();
  view.raw_bytes = UINT32_MAX;
  const Result<std::string> text = inflate_payload(view);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::corrupt);
  EXPECT_NE(text.error().message.find("4294967295 bytes"), std::string::npos) << text.error().message;
}

TEST(Payload, AFinalBlockIsRefused) {
  // It would end the gzip member in the middle of a batch.
  Packed packed = pack("m v=1\n");
  packed.deflate += std::string("\x03\x00", 2);
  const Result<std::string> text = inflate_payload(packed.view());
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::corrupt);
}

TEST(Payload, AnUnflushedEndIsRefused) {
  // Right bytes and CRC, but cut where the next payload could not be joined.
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string raw = "m v=1\n";
  std::string out(100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(raw.data());
  stream.avail_in = static_cast<uInt>(raw.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ASSERT_EQ(deflate(&stream, Z_PARTIAL_FLUSH), Z_OK);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  EXPECT_FALSE(inflate_payload({out, 6, crc32_of(raw), 1}));
}

}  // namespace
}  // namespace vigile
