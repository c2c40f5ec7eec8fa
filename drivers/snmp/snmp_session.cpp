// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/snmp_session.h"

#include <net-snmp/net-snmp-config.h>
// Its configuration comes first.
#include <fcntl.h>
#include <net-snmp/library/large_fd_set.h>
#include <net-snmp/library/lcd_time.h>
#include <net-snmp/library/snmp_transport.h>
#include <net-snmp/library/snmpusm.h>
#include <net-snmp/net-snmp-includes.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/mutex.h"
#include "core/unique_fd.h"
#include "core/units.h"
#include "drivers/snmp/user_keys.h"
#include "drivers/snmp/wire_value.h"

namespace vigile::snmp {

namespace {

Mutex library_mutex;  // held in each call of the library

// Once in this process.
void set_up_library() REQUIRES(library_mutex) {
  static bool done = false;
  if (done) return;
  done = true;
  for (const int flag : {NETSNMP_DS_LIB_DONT_READ_CONFIGS, NETSNMP_DS_LIB_DONT_PERSIST_STATE,
                         NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD, NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE,
                         NETSNMP_DS_LIB_DONT_LOAD_HOST_FILES, NETSNMP_DS_LIB_ALARM_DONT_USE_SIG}) {
    ::netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, flag, 1);
  }
  // Where nothing is, and nothing can be made: it looks for certificates, and makes a directory for them.
  for (const int directory :
       {NETSNMP_DS_LIB_PERSISTENT_DIR, NETSNMP_DS_LIB_CONFIGURATION_DIR, NETSNMP_DS_LIB_MIBDIRS}) {
    ::netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, directory, "/dev/null");
  }
  ::snmp_disable_log();
  ::netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);
  ::init_snmp("vigile");
}

}  // namespace

std::string_view error_status_name(int status) {
  constexpr std::array<std::string_view, 19> kNames = {"noError",
                                                       "tooBig",
                                                       "noSuchName",
                                                       "badValue",
                                                       "readOnly",
                                                       "genErr",
                                                       "noAccess",
                                                       "wrongType",
                                                       "wrongLength",
                                                       "wrongEncoding",
                                                       "wrongValue",
                                                       "noCreation",
                                                       "inconsistentValue",
                                                       "resourceUnavailable",
                                                       "commitFailed",
                                                       "undoFailed",
                                                       "authorizationError",
                                                       "notWritable",
                                                       "inconsistentName"};
  if (status < 0 || static_cast<std::size_t>(status) >= kNames.size()) return "an unknown error";
  return kNames[static_cast<std::size_t>(status)];
}

// Called by the library, within snmp_sess_read2() and snmp_sess_timeout().
struct Callback {
  static int call(int operation, netsnmp_session*, int id, netsnmp_pdu* pdu, void* magic) {
    SnmpSession& self = *static_cast<SnmpSession*>(magic);
    const bool mine = std::find(self.asked_.begin(), self.asked_.end(), id) != self.asked_.end();
    if (operation == NETSNMP_CALLBACK_OP_SEND_FAILED || operation == NETSNMP_CALLBACK_OP_DISCONNECT) {
      self.lost_ = true;
      return 1;
    }
    if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE || pdu == nullptr || self.answered_) return 1;
    if (pdu->command == SNMP_MSG_REPORT) {
      const int report = ::snmpv3_get_report_type(pdu);
      if (report == SNMPERR_NOT_IN_TIME_WINDOW) return 1;  // the library has set its clock and asked again
      self.report_ = report;
      return 1;
    }
    if (!mine || pdu->command != SNMP_MSG_RESPONSE) return 1;
    self.response_.error_status = static_cast<int>(pdu->errstat);
    self.response_.error_index = static_cast<int>(pdu->errindex);
    self.response_.variables.clear();
    for (const netsnmp_variable_list* at = pdu->variables; at != nullptr; at = at->next_variable)
      self.response_.variables.push_back(to_var_bind(*at));
    self.answered_ = true;
    self.proven_ = true;
    return 1;
  }
};

void SnmpSession::close() {
  if (session_ == nullptr) return;
  const MutexLock lock(library_mutex);
  ::snmp_sess_close(session_);
  session_ = nullptr;
}

Result<void> SnmpSession::open(const net::Address& address, const Patience& patience) {
  const bool v6 = address.bytes.ss_family == AF_INET6;
  std::string name =
      (v6 ? "udp6:[" + address.text + "]:" : "udp:" + address.text + ":") + std::to_string(peer_.port);
  std::string community = access_.community, user = access_.user, context = access_.context;
  proven_ = false;
  {
    const MutexLock lock(library_mutex);
    set_up_library();
    netsnmp_session wanted;
    ::snmp_sess_init(&wanted);
    wanted.peername = name.data();
    wanted.retries = 0;  // ours are counted here
    wanted.timeout =
        static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(timeout_).count());
    wanted.callback = Callback::call;
    wanted.callback_magic = this;
    if (access_.version != 3) {
      wanted.version = access_.version == 1 ? SNMP_VERSION_1 : SNMP_VERSION_2c;
      wanted.community = reinterpret_cast<u_char*>(community.data());
      wanted.community_len = community.size();
    } else {
      wanted.version = SNMP_VERSION_3;
      wanted.securityModel = SNMP_SEC_MODEL_USM;
      wanted.securityLevel = SNMP_SEC_LEVEL_NOAUTH;
      wanted.securityName = user.data();
      wanted.securityNameLen = user.size();
      wanted.contextName = context.data();
      wanted.contextNameLen = context.size();
      const Protocol& auth = auth_protocol(access_.auth);
      bool good = true;
      if (!access_.auth_password.empty()) {
        wanted.securityLevel = SNMP_SEC_LEVEL_AUTHNOPRIV;
        wanted.securityAuthProto = auth.numbers;
        wanted.securityAuthProtoLen = auth.size;
        good = make_key(auth, access_.auth_password, wanted.securityAuthKey, wanted.securityAuthKeyLen);
      }
      if (!access_.priv_password.empty()) {
        const Protocol& privacy = privacy_protocol(access_.privacy);
        wanted.securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
        wanted.securityPrivProto = privacy.numbers;
        wanted.securityPrivProtoLen = privacy.size;
        good =
            good && make_key(auth, access_.priv_password, wanted.securityPrivKey, wanted.securityPrivKeyLen);
      }
      if (!good) {
        return Error{ErrorKind::unavailable,
                     peer_.shown + ": net-snmp cannot make a key of the password for " + access_.auth};
      }
    }
    session_ = ::snmp_sess_open(&wanted);
    if (session_ == nullptr)
      return Error{ErrorKind::unavailable, peer_.shown + ": " + ::snmp_api_errstring(wanted.s_snmp_errno)};
    // It takes this flag back when it opens, and would wait for the agent with the mutex held.
    ::snmp_sess_session(session_)->flags |= SNMP_FLAGS_DONT_PROBE;
    ::fcntl(::snmp_sess_transport(session_)->sock, F_SETFD, FD_CLOEXEC);
  }
  if (access_.version != 3) return {};
  auto discovered = discover(patience);
  if (!discovered) close();
  return discovered;
}

Result<void> SnmpSession::discover(const Patience& patience) {
  for (int attempt = 0; attempt <= retries_; ++attempt) {
    asked_.clear();
    const auto done = try_once({.command = 0, .oids = {}}, patience);
    if (!done) return done.error();
    const MutexLock lock(library_mutex);
    netsnmp_session* const session = ::snmp_sess_session(session_);
    if (session->securityEngineIDLen == 0) continue;
    // What an earlier session left in the library's table may have another password, or a clock of before.
    if (auto* const old =
            ::usm_get_user(session->securityEngineID, session->securityEngineIDLen, session->securityName)) {
      ::usm_remove_user(old);  // gives back the list's head, not the user
      ::usm_free_user(old);
    }
    session->flags &= ~static_cast<unsigned long>(SNMP_FLAGS_USER_CREATED);
    if (::usm_create_user_from_session(session) != SNMPERR_SUCCESS)
      return Error{ErrorKind::unavailable, peer_.shown + ": net-snmp cannot use the user's keys"};
    return {};
  }
  return Error{ErrorKind::timeout, silence()};
}

Result<bool> SnmpSession::try_once(const Ask& ask, const Patience& patience) {
  if (patience.stop.stop_requested()) return Error{ErrorKind::unavailable, peer_.shown + ": stopped"};
  const BootTime begin = clock_.boot();
  if (begin >= patience.deadline)
    return Error{ErrorKind::timeout, peer_.shown + ": not read within the deadline"};
  const bool probe = ask.command == 0;
  int fd = -1;
  answered_ = lost_ = false;
  report_ = 0;
  {
    const MutexLock lock(library_mutex);
    netsnmp_pdu* pdu = ::snmp_pdu_create(probe ? SNMP_MSG_GET : ask.command);
    if (pdu == nullptr) return Error{ErrorKind::full, peer_.shown + ": no memory"};
    if (probe) {
      // RFC 3414 §4: without user and engine; the agent's report says which engine it is.
      pdu->version = SNMP_VERSION_3;
      pdu->securityName = ::strdup("");
      pdu->securityNameLen = 0;
      pdu->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
      pdu->securityModel = SNMP_SEC_MODEL_USM;
    }
    if (ask.command == SNMP_MSG_GETBULK) {
      pdu->non_repeaters = 0;
      pdu->max_repetitions = ask.repetitions;
    }
    std::array<oid, kLongestOid> numbers{};
    for (const Oid& one : ask.oids) {
      std::copy(one.begin(), one.end(), numbers.begin());
      ::snmp_add_null_var(pdu, numbers.data(), one.size());
    }
    const int id = ::snmp_sess_async_send(session_, pdu, Callback::call, this);
    if (id == 0) {
      int library_error = 0;
      int system_error = 0;
      char* text = nullptr;
      ::snmp_sess_error(session_, &system_error, &library_error, &text);
      ::free(text);
      ::snmp_free_pdu(pdu);
      const std::string cause =
          system_error != 0 ? std::strerror(system_error) : ::snmp_api_errstring(library_error);
      return Error{ErrorKind::unavailable, peer_.shown + ": cannot send: " + cause};
    }
    asked_.push_back(id);
    fd = ::snmp_sess_transport(session_)->sock;
  }
  ++figures_.requests;
  const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::stop_callback on_stop(patience.stop, [&wake] { (void)::eventfd_write(wake.get(), 1); });
  const BootTime end = std::min(patience.deadline, begin + timeout_);
  while (!answered_ && !lost_ && report_ == 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock_.boot()).count();
    if (left <= 0) break;
    pollfd waiting[] = {{fd, POLLIN, 0}, {wake.get(), POLLIN, 0}};
    if (::poll(waiting, 2, static_cast<int>(std::min<std::int64_t>(left, 60'000))) <= 0) continue;
    if (waiting[1].revents != 0) return Error{ErrorKind::unavailable, peer_.shown + ": stopped"};
    const MutexLock lock(library_mutex);
    netsnmp_large_fd_set readable;
    ::netsnmp_large_fd_set_init(&readable, FD_SETSIZE);
    ::netsnmp_large_fd_setfd(fd, &readable);
    const int code = ::snmp_sess_read2(session_, &readable);
    ::netsnmp_large_fd_set_cleanup(&readable);
    if (code != 0)
      lost_ =
          lost_ || ::snmp_sess_transport(session_) == nullptr || ::snmp_sess_transport(session_)->sock < 0;
  }
  if (!answered_ && report_ == 0) {
    const MutexLock lock(library_mutex);
    ::snmp_sess_timeout(session_);  // it forgets requests that are over
    return false;
  }
  ++figures_.answers;
  figures_.total_ms += std::chrono::duration<double, std::milli>(clock_.boot() - begin).count();
  return true;
}

Result<Response> SnmpSession::exchange(const Ask& ask, const Patience& patience) {
  if (session_ == nullptr) return exchange_anew(ask, patience);
  // An agent with other addresses leaves them time.
  const BootTime now = clock_.boot();
  auto response =
      exchange_open(ask, {is_only_ ? patience.deadline : now + (patience.deadline - now) / 2, patience.stop});
  if (response || is_only_ || response.error().kind == ErrorKind::permission) return response;
  return exchange_anew(ask, patience);
}

Result<Response> SnmpSession::exchange_anew(const Ask& ask, const Patience& patience) {
  auto addresses = net::resolve(peer_.host, peer_.port, {clock_, patience.deadline, patience.stop});
  if (!addresses) return Error{addresses.error().kind, peer_.shown + ": " + addresses.error().message};
  is_only_ = addresses->size() == 1;
  net::put_first(*addresses, address_);
  Error error;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const net::Address& address = (*addresses)[i];
    const BootTime now = clock_.boot();
    const auto share = (patience.deadline - now) / static_cast<std::int64_t>(addresses->size() - i);
    const Patience part{now + share, patience.stop};
    const auto opened = open(address, part);
    Result<Response> response = opened ? exchange_open(ask, part) : Result<Response>(opened.error());
    if (response) address_ = address.text;
    if (response || is_only_ || patience.stop.stop_requested()) return response;
    if (response.error().kind == ErrorKind::permission) return response;  // it is there
    const std::string cause = address.text + response.error().message.substr(peer_.shown.size());
    error = i == 0 ? Error{response.error().kind, peer_.shown + ": " + cause}
                   : Error{error.kind, error.message + "; " + cause};
  }
  return error;
}

Result<Response> SnmpSession::exchange_open(const Ask& ask, const Patience& patience) {
  asked_.clear();
  for (int attempt = 0; attempt <= retries_; ++attempt) {
    const auto done = try_once(ask, patience);
    if (!done) {
      // Whatever is still on its way goes with the session.
      close();
      return done.error();
    }
    if (answered_) return std::move(response_);
    if (report_ != 0) {
      const std::string cause = report_cause(report_);
      close();
      return Error{ErrorKind::permission, peer_.shown + ": " + cause};
    }
    if (lost_) break;
  }
  const bool lost = lost_;
  const bool only_found = access_.version == 3 && !proven_;  // it said its engine, and nothing after that
  close();  // version 3: the agent may have started anew, with another engine
  if (clock_.boot() >= patience.deadline)
    return Error{ErrorKind::timeout, peer_.shown + ": not answered within the deadline"};
  if (lost) return Error{ErrorKind::unavailable, peer_.shown + ": the socket failed"};
  std::string hint;
  if (access_.version != 3) hint = "; agents do not answer to a wrong community";
  if (only_found && !access_.priv_password.empty())
    hint = "; it is there, and does not answer to what it cannot decrypt: priv_password, privacy";
  return Error{ErrorKind::timeout, silence() + hint};
}

std::string SnmpSession::silence() const {
  return peer_.shown + ": no answer within " + format_duration(timeout_) +
         (retries_ == 0 ? "" : ", asked " + std::to_string(retries_ + 1) + " times");
}

Result<Response> SnmpSession::get(std::span<const Oid> oids, const Patience& patience) {
  return exchange({.command = SNMP_MSG_GET, .oids = oids}, patience);
}

Result<Response> SnmpSession::get_next(std::span<const Oid> oids, const Patience& patience) {
  return exchange({.command = SNMP_MSG_GETNEXT, .oids = oids}, patience);
}

Result<Response> SnmpSession::get_bulk(std::span<const Oid> oids, int repetitions, const Patience& patience) {
  return exchange({.command = SNMP_MSG_GETBULK, .oids = oids, .repetitions = repetitions}, patience);
}

}  // namespace vigile::snmp
