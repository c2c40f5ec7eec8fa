// SPDX-License-Identifier: Apache-2.0
// The JSON form of a point, one object a line:
// {"measurement": …, "tags": {…}, "fields": {"k": {"float": 1.5}, "n": {"int": 3}, "u": {"uint": 3}, "b":
// {"bool": true},
//  "s": {"string": "x"}}, "time": 17…}   ("time" null when absent; always nanoseconds)
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "point/point.h"

namespace vigile {

// Without a newline. Text that is not UTF-8 is replaced by U+FFFD.
std::string to_json(const Point& point);

// Errors: parse, naming the key that is missing or wrong.
Result<Point> point_from_json(std::string_view text);

}  // namespace vigile
