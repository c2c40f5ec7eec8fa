// SPDX-License-Identifier: Apache-2.0
#include "net/mqtt/client_id_watch.h"

#include <utility>

namespace vigile {

void ClientIdWatch::connected(BootTime now) {
  since_ = now;
}

void ClientIdWatch::ended(int reason, BootTime now, BootTime heard) {
  const auto since = std::exchange(since_, std::nullopt);
  if (reason == kTakenOver) {
    is_conflict_ = is_told_ = true;
    short_sessions_ = 0;  // the closed connection may have been reported first
    ++count_;
  } else if (reason != 0) {
    short_sessions_ = 0;
  } else if (since) {
    const bool is_short = now - *since < kShort;
    is_suspicious_ = is_suspicious_ || is_short;
    short_sessions_ = is_short && now - heard <= kInUse ? short_sessions_ + 1 : 0;
    if (short_sessions_ < kSessions) return;
    is_conflict_ = true;
    count_ += short_sessions_ == kSessions ? kSessions : 1;
  }
}

void ClientIdWatch::unreachable() {
  since_.reset();
  short_sessions_ = 0;
  is_conflict_ = is_told_ = is_suspicious_ = false;
}

std::string ClientIdWatch::conflict(BootTime now) {
  if (since_ && now - *since_ >= kOver) {
    short_sessions_ = 0;
    is_conflict_ = is_told_ = is_suspicious_ = false;
  }
  if (!is_conflict_) return {};
  const std::string remedy = "give each client a client_id of its own";
  if (is_told_) return broker_ + ": another client connects as '" + client_id_ + "': " + remedy;
  return broker_ +
         ": the broker closes each session soon after it began, as it does when another client connects as "
         "'" +
         client_id_ + "': " + remedy;
}

}  // namespace vigile
