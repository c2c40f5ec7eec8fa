// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace vigile {

// One record of RFC 4180, ended by CRLF: fields with commas, quotes or line ends are quoted.
std::string csv_record(const std::vector<std::string>& fields);

}  // namespace vigile
