// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/next_rows.h"

namespace vigile::snmp {

namespace {

constexpr std::chrono::hours kBulkAgainAfter{1};

}  // namespace

Result<Response> NextRows::after(std::span<const Oid> oids, int repetitions, const Patience& patience) {
  if (!has_bulk_) return session_.get_next(oids, patience);
  if (without_bulk_until_ && clock_.boot() < *without_bulk_until_) return session_.get_next(oids, patience);
  without_bulk_until_.reset();
  auto answer = session_.get_bulk(oids, repetitions, patience);
  const bool refused = answer && answer->error_status != 0 && answer->error_status != kTooBig;
  if (answer && !refused) bulk_works_ = true;
  // An agent that has answered something in this run is there.
  const bool ignored = !answer && answer.error().kind == ErrorKind::timeout && session_.figures().answers > 0;
  if (bulk_works_ || !(refused || ignored)) return answer;
  // Even if this run has no time left for it: the next one then begins with GetNext.
  without_bulk_until_ = clock_.boot() + kBulkAgainAfter;
  auto next = session_.get_next(oids, patience);
  const bool helps = next ? next->error_status == 0 : clock_.boot() >= patience.deadline;
  if (!helps) without_bulk_until_.reset();  // GetBulk was not the cause
  return next;
}

}  // namespace vigile::snmp
