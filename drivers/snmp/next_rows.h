// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "core/clock.h"
#include "core/result.h"
#include "drivers/snmp/snmp_session.h"

namespace vigile::snmp {

// What comes after some objects, for walks: with GetBulk; with GetNext of version 1, which has no GetBulk,
// and of agents that do not answer GetBulk or refuse it. Those are asked with GetBulk again after an hour.
// The session and the clock outlive it. One thread.
class NextRows {
 public:
  NextRows(SnmpSession& session, bool has_bulk, const Clock& clock)
      : session_(session), has_bulk_(has_bulk), clock_(clock) {}

  // One answer; of GetNext as if `repetitions` were 1. Errors: the session's.
  Result<Response> after(std::span<const Oid> oids, int repetitions, const Patience& patience);

 private:
  SnmpSession& session_;
  const bool has_bulk_;
  const Clock& clock_;
  bool bulk_works_ = false;  // one was answered
  std::optional<BootTime> without_bulk_until_;
};

}  // namespace vigile::snmp
