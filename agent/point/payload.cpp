// SPDX-License-Identifier: Apache-2.0
#include "point/payload.h"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace vigile {
namespace {

constexpr int kRawDeflate = -15;  // 32 KiB window, neither zlib nor gzip framing
constexpr int kMemoryLevel = 8;
// Deflate cannot expand one byte into more than this (RFC 1951: 258 bytes from two bits, and a little over
// for block headers), so a damaged size is seen before memory is asked for it.
constexpr std::uint64_t kMostExpansion = 1032;

// What inflate() reports in data_type when it stands between two blocks, the last one not final, with no
// bit of the last byte left over: the place where the next payload can be joined.
constexpr int kAtByteAlignedBlockEnd = 128;

Bytef* bytes(char* text) {
  return reinterpret_cast<Bytef*>(text);
}

// zlib's next_in is not const for old compilers' sake; it is only read.
Bytef* input_bytes(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // NOLINT
}

Error corrupt(std::string_view cause) {
  return Error{ErrorKind::corrupt, "payload: " + std::string(cause)};
}

}  // namespace

PayloadEncoder::PayloadEncoder(int level) : stream_(std::make_unique<z_stream>()) {
  const int status = deflateInit2(stream_.get(), std::clamp(level, 0, 9), Z_DEFLATED, kRawDeflate,
                                  kMemoryLevel, Z_DEFAULT_STRATEGY);
  if (status != Z_OK) throw std::bad_alloc();  // the only thing left that can go wrong
}

PayloadEncoder::~PayloadEncoder() {
  deflateEnd(stream_.get());
}

void PayloadEncoder::encode(std::string_view lines, std::string& out) {
  constexpr std::size_t kLeastSpace = 64;  // more than the flush marker needs, or zlib repeats it
  z_stream& stream = *stream_;
  deflateReset(&stream);
  // Lines of one layout shrink to a tenth or less, so the worst case is not asked for up front.
  out.resize(lines.size() / 8 + 256);
  std::size_t written = 0;
  while (true) {
    if (out.size() - written < kLeastSpace) out.resize(out.size() * 2);
    const std::size_t chunk = std::min<std::size_t>(lines.size(), std::size_t{1} << 30);
    const std::size_t space = std::min<std::size_t>(out.size() - written, std::size_t{1} << 30);
    stream.next_in = input_bytes(lines);
    stream.avail_in = static_cast<uInt>(chunk);
    stream.next_out = bytes(out.data()) + written;
    stream.avail_out = static_cast<uInt>(space);
    const bool last = chunk == lines.size();
    deflate(&stream, last ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    lines.remove_prefix(chunk - stream.avail_in);
    written += space - stream.avail_out;
    if (last && stream.avail_out != 0) break;  // room left means that the flush is complete
  }
  out.resize(written);
}

std::uint32_t crc32_of(std::string_view text) {
  return static_cast<std::uint32_t>(::crc32_z(0, input_bytes(text), text.size()));
}

Result<std::string> inflate_payload(const Payload& payload) {
  PayloadDecoder decoder;
  const auto lines = decoder.decode(payload, PayloadDecoder::Check::lines);
  if (!lines) return lines.error();
  return std::string(*lines);
}

PayloadDecoder::PayloadDecoder() : stream_(std::make_unique<z_stream>()) {
  if (inflateInit2(stream_.get(), kRawDeflate) != Z_OK) throw std::bad_alloc();
}

PayloadDecoder::~PayloadDecoder() {
  inflateEnd(stream_.get());
}

Result<std::string_view> PayloadDecoder::decode(const Payload& payload, Check check) {
  if (payload.raw_bytes > payload.deflate.size() * kMostExpansion) {
    return corrupt("said to hold " + std::to_string(payload.raw_bytes) + " bytes, more than " +
                   std::to_string(payload.deflate.size()) + " compressed bytes can");
  }
  if (payload.deflate.size() > UINT32_MAX) return corrupt("larger than 4 GiB");
  z_stream& stream = *stream_;
  inflateReset(&stream);
  if (buffer_.size() < payload.raw_bytes) buffer_.resize(payload.raw_bytes);
  stream.next_in = input_bytes(payload.deflate);
  stream.avail_in = static_cast<uInt>(payload.deflate.size());
  stream.next_out = bytes(buffer_.data());
  stream.avail_out = payload.raw_bytes;
  const int status = inflate(&stream, Z_SYNC_FLUSH);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status == Z_DATA_ERROR) return corrupt(stream.msg != nullptr ? stream.msg : "damaged");
  if (status == Z_STREAM_END) return corrupt("ended by a final block");
  if (stream.avail_in != 0)
    return corrupt("holds more than the " + std::to_string(payload.raw_bytes) + " bytes said");
  if (stream.avail_out != 0) return corrupt("ends early");
  if (stream.data_type != kAtByteAlignedBlockEnd) return corrupt("not ended by a sync flush");
  const std::string_view lines(buffer_.data(), payload.raw_bytes);
  if (check == Check::lines && crc32_of(lines) != payload.crc32) return corrupt("wrong CRC-32");
  return lines;
}

std::string_view gzip_header() {
  // Magic, deflate, no flags, no time, no extra flags, unknown system.
  return {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10};
}

std::string gzip_trailer(std::span<const Payload> payloads) {
  uLong crc = 0;
  std::uint32_t size = 0;  // modulo 2^32, as RFC 1952 wants it
  for (const Payload& payload : payloads) {
    crc = crc32_combine(crc, payload.crc32, static_cast<z_off_t>(payload.raw_bytes));
    size += payload.raw_bytes;
  }
  std::string trailer("\x03\x00", 2);  // an empty final block
  for (const std::uint32_t number : {static_cast<std::uint32_t>(crc), size}) {
    for (int shift = 0; shift < 32; shift += 8) trailer.push_back(static_cast<char>(number >> shift & 0xff));
  }
  return trailer;
}

}  // namespace vigile
