// SPDX-License-Identifier: Apache-2.0
#include "delivery/isolation.h"

#include <algorithm>

namespace vigile {

Isolation::Isolation(std::string lines, std::uint64_t most_requests, std::uint64_t least_limit_bytes)
    : text_(std::move(lines)), most_requests_(most_requests), least_limit_bytes_(least_limit_bytes) {
  for (std::size_t at = 0; at < text_.size();) {
    starts_.push_back(at);
    const std::size_t end = text_.find('\n', at);
    at = end == std::string::npos ? text_.size() : end + 1;
  }
  const Piece whole{0, starts_.size()};
  starts_.push_back(text_.size());
  if (whole.size() > 0) pieces_.push_back(whole);
}

Isolation::Isolation(std::string lines, const Outcome& first, std::uint64_t most_requests,
                     std::uint64_t least_limit_bytes)
    : Isolation(std::move(lines), most_requests, least_limit_bytes) {
  if (done()) return;
  (void)take(first);
  requests_ = 0;
}

std::string_view Isolation::line(std::size_t number) const {
  std::string_view text =
      std::string_view(text_).substr(starts_[number], starts_[number + 1] - starts_[number]);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

std::string_view Isolation::text_of(Piece piece) const {
  return std::string_view(text_).substr(starts_[piece.begin], starts_[piece.end] - starts_[piece.begin]);
}

std::string_view Isolation::next() const {
  return text_of(pieces_.back());
}

bool Isolation::take(const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::retry_later || outcome.kind == Outcome::Kind::paused) return false;
  const Piece piece = pieces_.back();
  if (outcome.kind == Outcome::Kind::too_large && piece.size() == 1 &&
      text_of(piece).size() < least_limit_bytes_) {
    return false;
  }
  pieces_.pop_back();
  ++requests_;
  judge(piece, outcome);
  return true;
}

void Isolation::reject(std::size_t number, const std::string& reason) {
  bad_.push_back({std::string(line(number)), reason});
}

// The first half is sent first: lines keep their order as far as they can.
void Isolation::split(Piece piece) {
  const std::size_t middle = piece.begin + piece.size() / 2;
  pieces_.push_back({middle, piece.end});
  pieces_.push_back({piece.begin, middle});
}

std::vector<std::pair<std::size_t, std::string>> Isolation::named(Piece piece, const Outcome& outcome) const {
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const RejectedLine& rejected : outcome.rejected) {
    if (rejected.number >= 1 && rejected.number <= piece.size()) {
      found.emplace_back(piece.begin + rejected.number - 1, rejected.reason);
      continue;
    }
    if (rejected.text.empty()) continue;
    for (std::size_t number = piece.begin; number < piece.end; ++number) {
      if (line(number) == rejected.text) found.emplace_back(number, rejected.reason);
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end(),
                          [](const auto& a, const auto& b) { return a.first == b.first; }),
              found.end());
  return found;
}

void Isolation::judge(Piece piece, const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::accepted:
      return;
    case Outcome::Kind::too_large:
    case Outcome::Kind::malformed:
      if (piece.size() == 1) return reject(piece.begin, outcome.message);
      return split(piece);
    case Outcome::Kind::partial: {
      const auto lines = named(piece, outcome);
      for (const auto& [number, reason] : lines) reject(number, reason.empty() ? outcome.message : reason);
      const bool all_named = outcome.rejected_count != 0 && lines.size() >= outcome.rejected_count;
      if (all_named || lines.size() == piece.size()) return;
      if (outcome.rejected_count >= piece.size() || piece.size() == 1) {
        for (std::size_t number = piece.begin; number < piece.end; ++number) {
          const bool known =
              std::any_of(lines.begin(), lines.end(), [&](const auto& n) { return n.first == number; });
          if (!known) reject(number, outcome.message);
        }
        return;
      }
      if (requests_ >= most_requests_) {
        const std::uint64_t unnamed =
            outcome.rejected_count > lines.size() ? outcome.rejected_count - lines.size() : 0;
        bad_.push_back({"", (unnamed == 0 ? "some" : std::to_string(unnamed)) + " of " +
                                std::to_string(piece.size()) + " lines were refused and not found in " +
                                std::to_string(requests_) +
                                " requests, all others are stored: " + outcome.message});
        return;
      }
      if (lines.empty()) return split(piece);
      // What was named is done with; the rest is searched in the runs between.
      std::size_t begin = piece.begin;
      std::vector<Piece> runs;
      for (const auto& [number, reason] : lines) {
        if (number > begin) runs.push_back({begin, number});
        begin = number + 1;
      }
      if (begin < piece.end) runs.push_back({begin, piece.end});
      pieces_.insert(pieces_.end(), runs.rbegin(), runs.rend());
      return;
    }
    case Outcome::Kind::retry_later:
    case Outcome::Kind::paused:
      return;  // take() keeps the piece
  }
}

}  // namespace vigile
