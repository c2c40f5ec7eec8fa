// SPDX-License-Identifier: Apache-2.0
// The compressed form in which lines are stored and sent (DESIGN §2): raw deflate (RFC 1951) ended by a
// sync flush, so that any run of payloads, put one after another between a header and a trailer, is one
// gzip member (RFC 1952). Catching up copies bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

struct z_stream_s;

namespace vigile {

// What one payload holds. Views: the owner of the bytes is named where a Payload is handed over.
struct Payload {
  std::string_view deflate;
  std::uint32_t raw_bytes = 0;  // size of the lines
  std::uint32_t crc32 = 0;      // of the lines
  std::uint32_t points = 0;     // number of lines
};

// Compresses one text at a time; keeps its buffers (about 260 KiB at level 6). One thread.
class PayloadEncoder {
 public:
  explicit PayloadEncoder(int level = 6);
  ~PayloadEncoder();
  PayloadEncoder(const PayloadEncoder&) = delete;
  PayloadEncoder& operator=(const PayloadEncoder&) = delete;
  // Replaces `out` by the payload of `lines`.
  void encode(std::string_view lines, std::string& out);

 private:
  std::unique_ptr<z_stream_s> stream_;
};

std::uint32_t crc32_of(std::string_view text);

// Inflates one payload. Errors: corrupt, when it is damaged, ends early, or is not what raw_bytes and crc32
// say; never allocates more than raw_bytes.
Result<std::string> inflate_payload(const Payload& payload);

// Inflates one payload after another into a buffer of its own (four times as fast as inflate_payload on small
// ones when the CRC of the lines is left out). One thread.
class PayloadDecoder {
 public:
  // `deflate`: the compressed bytes were checked against damage by who read them; `lines`: against crc32.
  enum class Check { deflate, lines };
  PayloadDecoder();
  ~PayloadDecoder();
  PayloadDecoder(const PayloadDecoder&) = delete;
  PayloadDecoder& operator=(const PayloadDecoder&) = delete;
  // The lines, until the next call. Errors and memory as for inflate_payload.
  Result<std::string_view> decode(const Payload& payload, Check check);

 private:
  std::unique_ptr<z_stream_s> stream_;
  std::string buffer_;
};

// The three parts of a gzip member around payloads.
std::string_view gzip_header();                               // 10 bytes
std::string gzip_trailer(std::span<const Payload> payloads);  // 03 00, CRC (crc32_combine), size

}  // namespace vigile
