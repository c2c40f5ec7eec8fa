// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt_session/subscriptions.h"

#include <algorithm>
#include <utility>

#include "drivers/mqtt_session/topic_filter.h"

namespace vigile::mqtt_session {

namespace {

// A broker that sends what cannot be unsubscribed is not asked for ever.
constexpr std::size_t kMostTries = 100;

}  // namespace

Subscriptions::Subscriptions(const std::vector<std::string>& filters) {
  for (std::string& filter : without_covered(filters)) list_.push_back({std::move(filter), 0});
}

void Subscriptions::begin(bool is_session_present, bool takes_identifiers) {
  for (Subscription& one : list_) one.identifier = takes_identifiers ? subscription_id(one.filter) : 0;
  // In a new session every message comes with the copies of all that is subscribed.
  has_sent_.assign(list_.size(), !is_session_present);
  other_topic_.clear();
  other_payload_.clear();
  unsubscribed_.clear();
}

// The first that matches; a shared one only when no other does, for its messages may go to others.
std::size_t Subscriptions::subscription_of(std::string_view topic) const {
  std::size_t shared = list_.size();
  for (std::size_t i = 0; i < list_.size(); ++i) {
    if (!matches(list_[i].filter, topic)) continue;
    if (!is_shared(list_[i].filter)) return i;
    shared = std::min(shared, i);
  }
  return shared;
}

bool Subscriptions::is_ours(std::uint32_t identifier) const {
  return std::any_of(list_.begin(), list_.end(),
                     [&](const Subscription& one) { return one.identifier == identifier; });
}

std::vector<std::string> Subscriptions::others(std::string_view topic) {
  if (unsubscribed_.size() >= kMostTries || !unsubscribed_.emplace(topic).second) return {};
  std::vector<std::string> filters = filters_of(topic);
  std::erase_if(filters, [&](const std::string& filter) {
    return std::any_of(list_.begin(), list_.end(),
                       [&](const Subscription& one) { return one.filter == filter; });
  });
  return filters;
}

Subscriptions::Verdict Subscriptions::judge(const Publish& message) {
  const std::size_t mine = subscription_of(message.topic);
  if (mine == list_.size()) return {false, others(message.topic)};
  const auto& identifiers = message.subscriptions;
  if (identifiers.empty()) return {true, {}};
  Verdict verdict;
  if (!std::all_of(identifiers.begin(), identifiers.end(), [&](auto one) { return is_ours(one); }))
    verdict.unsubscribe = others(message.topic);
  const bool is_of_mine =
      std::find(identifiers.begin(), identifiers.end(), list_[mine].identifier) != identifiers.end();
  if (is_of_mine) {
    const bool came_before = !has_sent_[mine] && !other_topic_.empty() && other_topic_ == message.topic &&
                             other_payload_ == message.payload;
    has_sent_[mine] = true;
    other_topic_.clear();
    other_payload_.clear();
    verdict.is_taken = !came_before;
  } else if (!has_sent_[mine]) {
    // It may have waited at the broker since before this subscription.
    other_topic_ = message.topic;
    other_payload_ = message.payload;
    verdict.is_taken = true;
  }
  return verdict;
}

}  // namespace vigile::mqtt_session
