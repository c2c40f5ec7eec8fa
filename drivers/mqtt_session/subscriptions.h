// SPDX-License-Identifier: Apache-2.0
// What a session has asked the broker for, and which of the messages that come are of it. A session that
// outlives its program keeps the subscriptions of earlier settings, and a broker may send a message once for
// each subscription that matches (Mosquitto does with version 5). Pure; one thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/mqtt_session/packet.h"

namespace vigile::mqtt_session {

class Subscriptions {
 public:
  explicit Subscriptions(const std::vector<std::string>& filters);

  // The broker has accepted the session: a new one, or one that has messages and subscriptions from before.
  void begin(bool is_session_present, bool takes_identifiers);
  // To be sent, in this order; those that others cover are not among them.
  const std::vector<Subscription>& list() const { return list_; }

  struct Verdict {
    bool is_taken = false;  // else it is of no subscription of ours, or was taken already
    // To be unsubscribed: one of them is a subscription that nobody has asked for; empty: none.
    std::vector<std::string> unsubscribe;
  };
  Verdict judge(const Publish& message);

 private:
  std::size_t subscription_of(std::string_view topic) const;  // list_.size(): none
  std::vector<std::string> others(std::string_view topic);
  bool is_ours(std::uint32_t identifier) const;

  std::vector<Subscription> list_;
  std::vector<bool> has_sent_;  // a copy with the identifier of that subscription has come
  // The last message that was taken though its copy is of another subscription.
  std::string other_topic_, other_payload_;
  std::set<std::string, std::less<>> unsubscribed_;  // topics for which that was tried
};

}  // namespace vigile::mqtt_session
