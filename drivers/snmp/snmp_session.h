// SPDX-License-Identifier: Apache-2.0
// One session with one agent, through net-snmp: requests and their answers, one at a time.
//
// The library is used without its files: no configuration, no MIBs and no state is read or written, and
// nothing is logged. Its calls are made one at a time in this process (it keeps the users and clocks of
// version 3 in tables of its own, without locks); nobody waits for the network meanwhile.
#pragma once

#include <span>
#include <stop_token>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "drivers/snmp/snmp_settings.h"
#include "net/resolve.h"

namespace vigile::snmp {

struct Patience {
  BootTime deadline;
  std::stop_token stop;
};

struct Response {
  int error_status = 0;  // RFC 3416 §3; 0: none
  int error_index = 0;   // of the variable, from 1
  std::vector<VarBind> variables;
};

// "tooBig", "genErr".
std::string_view error_status_name(int status);
constexpr int kTooBig = 1;
constexpr int kNoSuchName =
    2;  // version 1: one of the variables is not there, and so there is no value of any

class SnmpSession {
 public:
  SnmpSession(Peer peer, Access access, std::chrono::nanoseconds timeout, int retries, const Clock& clock)
      : peer_(std::move(peer)),
        access_(std::move(access)),
        timeout_(timeout),
        retries_(retries),
        clock_(clock) {}
  ~SnmpSession() { close(); }
  SnmpSession(const SnmpSession&) = delete;
  SnmpSession& operator=(const SnmpSession&) = delete;

  // Errors: timeout, unavailable, permission (who the agent does not let in), not_found (the host's name);
  // "<address>: <cause>", never with a secret.
  Result<Response> get(std::span<const Oid> oids, const Patience& patience);
  Result<Response> get_next(std::span<const Oid> oids, const Patience& patience);
  // Not of version 1.
  Result<Response> get_bulk(std::span<const Oid> oids, int repetitions, const Patience& patience);

  // Since the last reset_figures(): what was sent, how much of it was answered, and how long that took.
  struct Figures {
    int requests = 0;
    int answers = 0;
    double total_ms = 0;
  };
  const Figures& figures() const { return figures_; }
  void reset_figures() { figures_ = {}; }

 private:
  friend struct Callback;
  struct Ask {
    int command = 0;
    std::span<const Oid> oids;
    int repetitions = 0;
  };

  Result<Response> exchange(const Ask& ask, const Patience& patience);
  // Each of the agent's addresses in turn, with a share of the time; beginning with the one that answered
  // last.
  Result<Response> exchange_anew(const Ask& ask, const Patience& patience);
  // Over the session that is open. It is closed after an error.
  Result<Response> exchange_open(const Ask& ask, const Patience& patience);
  Result<void> open(const net::Address& address, const Patience& patience);
  // Version 3: asks the agent for its engine, whose id belongs into each message.
  Result<void> discover(const Patience& patience);
  // Sends, and waits until it is answered or the try is over. False: not answered.
  Result<bool> try_once(const Ask& ask, const Patience& patience);
  void close();
  std::string silence() const;

  const Peer peer_;
  const Access access_;
  const std::chrono::nanoseconds timeout_;
  const int retries_;
  const Clock& clock_;
  void* session_ = nullptr;  // absent: not open
  std::string address_;      // of the session; without one, the address that answered last
  bool is_only_ = true;      // the agent has no other
  Figures figures_;
  // What the library's callback leaves for who waits:
  std::vector<int> asked_;  // request ids of this exchange; a late answer to an earlier try counts
  bool answered_ = false;
  bool lost_ = false;    // the socket failed
  bool proven_ = false;  // something was answered in this session
  int report_ = 0;       // the agent reported this instead (SNMPERR_…)
  Response response_;
};

}  // namespace vigile::snmp
