// SPDX-License-Identifier: Apache-2.0
// What net-snmp has decoded, as ours.
#pragma once

#include "drivers/snmp/snmp_value.h"

struct variable_list;  // net-snmp's, of one variable of an answer

namespace vigile::snmp {

VarBind to_var_bind(const variable_list& variable);

}  // namespace vigile::snmp
