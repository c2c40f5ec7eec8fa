// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/wire_value.h"

#include <net-snmp/net-snmp-config.h>
// Its configuration comes first.
#include <net-snmp/net-snmp-includes.h>

#include <algorithm>

namespace vigile::snmp {

namespace {

constexpr std::size_t kLongestBytes = 4096;

Oid to_oid(const oid* numbers, std::size_t size) {
  Oid out(std::min(size, kLongestOid));
  std::transform(numbers, numbers + out.size(), out.begin(),
                 [](oid number) { return static_cast<std::uint32_t>(number); });
  return out;
}

SnmpValue to_value(const netsnmp_variable_list& variable) {
  using Type = SnmpValue::Type;
  const auto unsigned32 = [&](Type type) {
    return SnmpValue{.type = type, .count = static_cast<std::uint32_t>(*variable.val.integer)};
  };
  switch (variable.type) {
    case ASN_INTEGER:
      return {.type = Type::integer, .number = *variable.val.integer};
    case ASN_GAUGE:
      return unsigned32(Type::gauge32);
    case ASN_UINTEGER:
      return unsigned32(Type::gauge32);
    case ASN_COUNTER:
      return unsigned32(Type::counter32);
    case ASN_TIMETICKS:
      return unsigned32(Type::timeticks);
    case ASN_COUNTER64:
    case ASN_OPAQUE_COUNTER64:
    case ASN_OPAQUE_U64: {
      const struct counter64& wide = *variable.val.counter64;
      return {.type = variable.type == ASN_OPAQUE_U64 ? Type::gauge32 : Type::counter64,
              .count = std::uint64_t{wide.high} << 32 | (wide.low & 0xffff'ffff)};
    }
    case ASN_OPAQUE_I64: {
      const struct counter64& wide = *variable.val.counter64;
      return {.type = Type::integer,
              .number = static_cast<std::int64_t>(std::uint64_t{wide.high} << 32 | (wide.low & 0xffff'ffff))};
    }
    case ASN_OPAQUE_FLOAT:
      return {.type = Type::real, .real = *variable.val.floatVal};
    case ASN_OPAQUE_DOUBLE:
      return {.type = Type::real, .real = *variable.val.doubleVal};
    case ASN_OCTET_STR:
    case ASN_OPAQUE:
    case ASN_BIT_STR:
      return {.type = Type::bytes,
              .text = {reinterpret_cast<const char*>(variable.val.string),
                       std::min(variable.val_len, kLongestBytes)}};
    case ASN_OBJECT_ID:
      return {.type = Type::other,
              .text = oid_text(to_oid(variable.val.objid, variable.val_len / sizeof(oid)))};
    case ASN_IPADDRESS: {
      SnmpValue value{.type = Type::other};
      for (std::size_t i = 0; i < std::min<std::size_t>(variable.val_len, 4); ++i)
        value.text += (i > 0 ? "." : "") + std::to_string(variable.val.string[i]);
      return value;
    }
    case SNMP_NOSUCHOBJECT:
      return {.type = Type::no_such_object};
    case SNMP_NOSUCHINSTANCE:
      return {.type = Type::no_such_instance};
    case SNMP_ENDOFMIBVIEW:
      return {.type = Type::end_of_mib_view};
    default:  // ASN_NULL in the answer of an agent that has made an error
      return {.type = Type::no_such_instance};
  }
}

}  // namespace

VarBind to_var_bind(const variable_list& variable) {
  return {to_oid(variable.name, variable.name_length), to_value(variable)};
}

}  // namespace vigile::snmp
