// SPDX-License-Identifier: Apache-2.0
// A value as an agent gives it, and what is made of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"
#include "drivers/snmp/oid.h"

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

enum class As { gauge, counter, rate, text };

// `counter` is for values that only grow, as they stand; `rate` is not made here.
using Reading = std::variant<double, std::int64_t, std::uint64_t, std::string>;

// A number, also one that the agent gives as text ("0.12"), times scale plus offset. Errors: parse:
// `"…" is not a number`.
Result<Reading> to_reading(const SnmpValue& value, As as, double scale, double offset);

// Text as it stands when it is printable, else its bytes in hexadecimal: "00:1b:21:0a:0b:0c".
std::string printable(std::string_view bytes);

}  // namespace vigile::snmp
