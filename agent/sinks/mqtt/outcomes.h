// SPDX-License-Identifier: Apache-2.0
// What the broker's answers mean for delivery (DESIGN §7). Sources: MQTT 5.0 §2.4 (reason codes), MQTT 3.1.1
// §3.2.2.3 (CONNACK return codes). Pure.
#pragma once

#include <string>
#include <string_view>

#include "sinks/mqtt/settings.h"
#include "sinks/sink.h"

namespace vigile::mqtt_sink {

// "0x87 Not authorized". Codes below 0x80 or unknown: the number alone.
std::string reason_text(int reason);

// The broker answered CONNECT with `code` (above 0).
Outcome connect_refused(const MqttSettings& settings, int code);

// What to do about it, for a check.
std::string_view remedy_of_refusal(int code);

// No connection came about; nothing more is known than `cause`, if anything.
Outcome connect_failed(const MqttSettings& settings, std::string_view cause);

// PUBACK, PUBREC or PUBCOMP with a reason of 0x80 or above.
Outcome publish_refused(const MqttSettings& settings, int reason);
// The same refusal may be of this message's size: smaller ones are worth a try at once.
bool may_be_size(int reason);

// DISCONNECT by the broker with `reason`, or an end without one (0).
Outcome connection_lost(const MqttSettings& settings, int reason);

// No acknowledgement within ack_timeout.
Outcome acknowledgement_missing(const MqttSettings& settings);

}  // namespace vigile::mqtt_sink
