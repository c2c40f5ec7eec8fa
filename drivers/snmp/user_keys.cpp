// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/user_keys.h"

#include <net-snmp/net-snmp-config.h>
// Its configuration comes first.
#include <net-snmp/net-snmp-includes.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "drivers/snmp/snmp_settings.h"

namespace vigile::snmp {

namespace {

const Protocol& protocol_of(std::span<const Protocol> list, std::string_view name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Protocol& one) { return one.name == name; });
  return found == list.end() ? list.front() : *found;
}

}  // namespace

bool has_des() {
#ifdef NETSNMP_DISABLE_DES
  return false;
#else
  return true;
#endif
}

const Protocol& auth_protocol(std::string_view name) {
  static const std::array list = {Protocol{"SHA", usmHMACSHA1AuthProtocol, 10},
                                  Protocol{"MD5", usmHMACMD5AuthProtocol, 10},
                                  Protocol{"SHA-224", usmHMAC128SHA224AuthProtocol, 10},
                                  Protocol{"SHA-256", usmHMAC192SHA256AuthProtocol, 10},
                                  Protocol{"SHA-384", usmHMAC256SHA384AuthProtocol, 10},
                                  Protocol{"SHA-512", usmHMAC384SHA512AuthProtocol, 10}};
  return protocol_of(list, name);
}

const Protocol& privacy_protocol(std::string_view name) {
  static const std::array list = {Protocol{"AES", usmAESPrivProtocol, 10},
                                  Protocol{"AES-192", usmAES192PrivProtocol, 9},
                                  Protocol{"AES-256", usmAES256PrivProtocol, 9},
#ifndef NETSNMP_DISABLE_DES
                                  Protocol{"DES", usmDESPrivProtocol, 10}
#endif
  };
  return protocol_of(list, name);
}

bool make_key(const Protocol& auth, const std::string& password, u_char* key, std::size_t& size) {
  size = USM_AUTH_KU_LEN;
  const std::vector<u_char> bytes(password.begin(), password.end());
  return ::generate_Ku(auth.numbers, static_cast<u_int>(auth.size), bytes.data(), bytes.size(), key, &size) ==
         SNMPERR_SUCCESS;
}

std::string report_cause(int report) {
  switch (report) {
    case SNMPERR_UNKNOWN_USER_NAME:
    case SNMPERR_UNKNOWN_SEC_MODEL:
      return "the agent does not know the user";
    case SNMPERR_AUTHENTICATION_FAILURE:
      return "the agent refuses the user's auth_password, or auth is another";
    case SNMPERR_DECRYPTION_ERR:
      return "the agent cannot decrypt: priv_password or privacy is another";
    case SNMPERR_UNSUPPORTED_SEC_LEVEL:
      return "the agent does not let the user in with this level of security";
    case SNMPERR_NOT_IN_TIME_WINDOW:
      return "the agent's clock of version 3 runs away (notInTimeWindow)";
    case SNMPERR_UNKNOWN_ENG_ID:
      return "the agent does not say its engine id";
    default:
      return std::string("the agent reports: ") + ::snmp_api_errstring(report);
  }
}

}  // namespace vigile::snmp
