// SPDX-License-Identifier: Apache-2.0
// A value as an agent gives it, and what is made of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"
#include "drivers/scale/not_available.h"
#include "drivers/snmp/oid.h"
#include "drivers/text_fields/number_text.h"

namespace vigile::snmp {

struct SnmpValue {
  enum class Type {
    integer,           // number
    gauge32,           // count
    counter32,         // count
    counter64,         // count
    timeticks,         // count, hundredths of a second
    real,              // real; an opaque float or double
    bytes,             // text
    other,             // text as it is shown: an OID, an address
    no_such_object,    // the agent does not have it
    no_such_instance,  // it has the object, but not this row
    end_of_mib_view,   // nothing comes after it
  };
  Type type = Type::end_of_mib_view;
  std::int64_t number = 0;
  std::uint64_t count = 0;
  double real = 0;
  std::string text = {};

  bool is_absent() const { return type >= Type::no_such_object; }
};

struct VarBind {
  Oid oid;
  SnmpValue value;
};

// "no such object" and the like.
std::string_view absence(SnmpValue::Type type);

enum class As { gauge, counter, rate, text, hex, mac };
inline bool is_text(As as) {
  return as >= As::text;
}

// What is to be made of a value. `number` is for agents that write numbers as texts.
struct Form {
  As as = As::gauge;
  double scale = 1;
  double offset = 0;
  NumberFormat number{};
};

// `counter` is for values that only grow, as they stand; `rate` is not made here.
using Reading = std::variant<double, std::int64_t, std::uint64_t, std::string>;

// A number, also one that the agent gives as a text ("98%", "21.5 C"), times scale plus offset. Errors:
// parse:
// `"…" is not a number`.
Result<Reading> to_reading(const SnmpValue& value, const Form& form);

// The number itself, before scale and offset. Errors: as above.
Result<double> to_number(const SnmpValue& value, const NumberFormat& format);

// Whether it is one of the codes for "not available".
bool is_code(const NotAvailable& codes, const SnmpValue& value, const NumberFormat& format);

// Text in UTF-8 when the bytes are printable in it or in ISO 8859-1, else the bytes in hexadecimal:
// "00:1b:21:0a:0b:0c".
std::string printable(std::string_view bytes);

// All bytes in hexadecimal.
std::string hexadecimal(std::string_view bytes);

// The same of six bytes, whatever they are; agents that write the address as a text ("00-1B-21-0A-0B-0C",
// "001b.210a.0b0c") mean it.
std::string mac_address(std::string_view bytes);

// Whether what is there is a MAC address, by its MIB: ifPhysAddress and the like; a column or an instance.
bool is_mac_address(const Oid& oid);

// Columns of the row that a number is computed with. Absent: not asked for.
struct Factors {
  std::optional<double> times, over;
  std::optional<double> prefix;     // of ENTITY-SENSOR-MIB, RFC 3433: 8 milli, 9 units, 10 kilo
  std::optional<double> precision;  // digits behind the point; below 0: none
};
// Absent when it cannot be: an unknown prefix, nothing to divide by.
std::optional<double> combined(double number, const Factors& factors);

}  // namespace vigile::snmp
