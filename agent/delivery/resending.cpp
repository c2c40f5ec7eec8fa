// SPDX-License-Identifier: Apache-2.0
// Dead letters that somebody has put back in the queue: they go after all that waits in the log, and hold
// nothing up.
#include <algorithm>
#include <utility>

#include "delivery/delivery_loop.h"

namespace vigile {

// Nothing when there is none to be sent now.
std::optional<BootTime> DeliveryLoop::resend(std::stop_token stop, BootTime now) {
  if (!isolation_) {
    if (now < letters_from_) return std::nullopt;
    auto letters = log_.letters_to_resend(options_.sink, std::min(limit_.bytes(), sink_.max_batch_bytes()));
    if (!letters) return store_failed(letters.error(), now);
    if (letters->empty()) return std::nullopt;
    std::string lines;
    for (const DeadLetter& letter : *letters) {
      lines += letter.line;
      if (!lines.ends_with('\n')) lines += '\n';
    }
    letters_ = std::move(*letters);
    isolated_bytes_ = lines.size();
    isolation_ =
        std::make_unique<Isolation>(std::move(lines), options_.isolation_requests, sink_.least_limit_bytes());
  }
  return isolate_next(stop);
}

// They stay in the queue. What is new is not made to wait for them.
BootTime DeliveryLoop::letters_failed(const Outcome& outcome, BootTime now) {
  letters_failure_.failed("dead letters in the queue wait: " + outcome.message);
  letters_.clear();
  isolation_.reset();
  letters_from_ = now + Backoff::kLongest;
  return rest(now);
}

// What was refused again is a dead letter as before, with the new reason.
Result<void> DeliveryLoop::settle_letters() {
  std::vector<DeadLetter> refused;
  for (const Isolation::BadLine& bad : isolation_->bad()) {
    // An entry without a line stands for lines that were not found: any of them may be meant.
    for (auto letter = letters_.begin(); letter != letters_.end();) {
      std::string_view line = letter->line;
      if (line.ends_with('\n')) line.remove_suffix(1);
      if (!bad.line.empty() && line != bad.line) {
        ++letter;
        continue;
      }
      refused.push_back(std::move(*letter));
      refused.back().refused_ns = to_ns(clock_.wall());
      refused.back().reason = bad.reason;
      letter = letters_.erase(letter);
    }
  }
  // Put back if the log cannot take it now: then all of it is settled at the next try.
  auto settled = log_.settle_letters(letters_, refused);
  if (!settled) {
    letters_.insert(letters_.end(), refused.begin(), refused.end());
    return settled;
  }
  letters_failure_.succeeded();
  if (!refused.empty()) {
    log::warning("sink " + options_.sink + ": " + std::to_string(refused.size()) +
                 " dead letters were refused again; the last: " + refused.back().reason);
  }
  return settled;
}

}  // namespace vigile
