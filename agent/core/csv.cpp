// SPDX-License-Identifier: Apache-2.0
#include "core/csv.h"

namespace vigile {

std::string csv_record(const std::vector<std::string>& fields) {
  std::string record;
  bool first = true;
  for (const std::string& field : fields) {
    if (!first) record += ',';
    first = false;
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      record += field;
      continue;
    }
    record += '"';
    for (const char c : field) {
      if (c == '"') record += '"';
      record += c;
    }
    record += '"';
  }
  record += "\r\n";
  return record;
}

}  // namespace vigile
