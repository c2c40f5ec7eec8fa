// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vigile {

enum class Status { unknown, online, warning, offline, maintenance };

std::string_view to_string(Status status);
// "operational" is another word for online. Absent for anything else.
std::optional<Status> parse_status(std::string_view text);
// On the wire (DESIGN §8): online 1, warning 0.5, offline 0, anything else -1.
double status_value(Status status);

}  // namespace vigile
