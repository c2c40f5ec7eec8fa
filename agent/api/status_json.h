// SPDX-License-Identifier: Apache-2.0
// The JSON forms of what AgentView says. Keys are the members' names; durations end in _s or _ms and are
// numbers, times are ISO 8601 in UTC, what is absent is null. README.md lists them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/agent_view.h"

namespace vigile {

nlohmann::ordered_json status_json(const AgentStatus& status);
nlohmann::ordered_json log_json(const LogStatus& log);

}  // namespace vigile
