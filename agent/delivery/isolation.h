// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinks/sink.h"

namespace vigile {

// The search for the bad lines of one batch, a request a time: pieces of it are sent until each is accepted,
// or is a single line that is refused. Resending lines that are stored already is harmless, they are
// identical. Holds the batch's lines (at most one batch) and nothing else. One thread.
class Isolation {
 public:
  struct BadLine {
    std::string line;
    std::string reason;
  };

  // `lines`: the whole batch, each ended by '\n'. `first` is what the server said of it. After
  // `most_requests` the lines that are left of a partial write are given up as one entry: all but the bad
  // ones are stored then. Lines of which nothing is stored are never given up.
  // `least_limit_bytes` is the sink's.
  Isolation(std::string lines, const Outcome& first, std::uint64_t most_requests,
            std::uint64_t least_limit_bytes = 0);
  // Of lines that nobody has judged yet: the first to be sent is all of them.
  Isolation(std::string lines, std::uint64_t most_requests, std::uint64_t least_limit_bytes);

  bool done() const { return pieces_.empty(); }
  // The lines to send next. Not when done.
  std::string_view next() const;
  std::uint64_t next_points() const { return pieces_.back().size(); }
  // What came of them. False for an outcome that says nothing of the lines (retry, paused, a single line too
  // large that is below all limits): try them again.
  bool take(const Outcome& outcome);

  // Of all lines, so far; with the points that were given up unnamed.
  const std::vector<BadLine>& bad() const { return bad_; }
  std::uint64_t lines() const { return starts_.size() - 1; }

 private:
  struct Piece {
    std::size_t begin;  // line numbers, from 0
    std::size_t end;
    std::size_t size() const { return end - begin; }
  };
  std::string_view line(std::size_t number) const;
  std::string_view text_of(Piece piece) const;
  void judge(Piece piece, const Outcome& outcome);
  void reject(std::size_t number, const std::string& reason);
  void split(Piece piece);
  // Line numbers that the server named; by number or by text.
  std::vector<std::pair<std::size_t, std::string>> named(Piece piece, const Outcome& outcome) const;

  const std::string text_;
  const std::uint64_t most_requests_;
  const std::uint64_t least_limit_bytes_;
  std::uint64_t requests_ = 0;
  std::vector<std::size_t> starts_;  // of each line, and the end of the last
  std::vector<Piece> pieces_;        // to be sent, the next one last
  std::vector<BadLine> bad_;
};

}  // namespace vigile
