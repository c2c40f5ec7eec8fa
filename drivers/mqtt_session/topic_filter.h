// SPDX-License-Identifier: Apache-2.0
// Which topics a subscription names: "plant/+/t", "plant/#", "$share/<group>/plant/#".
// Source: OASIS MQTT 5.0, 4.7 and 4.8.2. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vigile::mqtt_session {

std::vector<std::string_view> topic_levels(std::string_view topic);

bool is_shared(std::string_view filter);

// `filter` may be a shared one: its part behind the group counts.
bool matches(std::string_view filter, std::string_view topic);

// Every topic of `narrow` is one of `wide`. Neither is shared.
bool covers(std::string_view wide, std::string_view narrow);

// The filters that need to be subscribed: those that another one of the list covers, and repetitions, are
// left out, for a broker may send a message once for each subscription that matches. Shared ones all stay.
std::vector<std::string> without_covered(const std::vector<std::string>& filters);

// All filters that could have brought a message of `topic`, shared ones excepted: with n levels these are 2^n
// and one with '#' for each beginning of them. Of a topic with more than seven levels only those without '+'.
std::vector<std::string> filters_of(std::string_view topic);

// An identifier for a subscription to `filter`, 1 to 268,435,455: the same in every run, so that a message
// can be told from one of a subscription that earlier settings have left at the broker.
std::uint32_t subscription_id(std::string_view filter);

}  // namespace vigile::mqtt_session
