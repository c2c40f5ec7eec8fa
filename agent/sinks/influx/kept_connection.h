// SPDX-License-Identifier: Apache-2.0
// Whose answer it is. An answer of HTTP/1.1 does not name its request: on a kept connection, bytes that
// nothing was asked for would be read as the answer to the next request (RFC 9112, 9.2 and 9.3.1). libcurl's
// handle goes as void*, so that its header stays in .cpp files.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigile::influx_sink {

// Before a request: the connection of the last one holds bytes that were not read, or has ended; it must not
// carry another request. False when there is no connection.
bool is_spoilt(void* curl);

// Bytes behind an answer that libcurl reads together with it: releases up to 7.88 drop them, say so to their
// debug function alone, and keep the connection; later ones end it.
class ExcessWatch {
 public:
  ExcessWatch() = default;
  ExcessWatch(const ExcessWatch&) = delete;
  ExcessWatch& operator=(const ExcessWatch&) = delete;
  // Before a transfer; lives until it has ended.
  void attach(void* curl);
  bool found() const { return found_; }

 private:
  bool found_ = false;
};

// For CURLOPT_HEADERFUNCTION: whether the answer that begins with `line` must not be believed, because the
// peer's TCP has not confirmed the whole body of `body_bytes` yet. A success never is then; a refusal is on a
// new connection, where it can only mean this request. False for lines that begin no final answer.
bool is_premature(void* curl, std::string_view line, std::uint64_t body_bytes);

// The request was sent over a connection that was there before it.
bool was_kept(void* curl);

inline constexpr std::string_view kPremature =
    "the server answered before the whole request was sent; the answer is not believed";

}  // namespace vigile::influx_sink
