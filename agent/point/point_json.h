// SPDX-License-Identifier: Apache-2.0
// The JSON form of a point, one object a line:
// {"measurement": …, "tags": {…}, "fields": {"k": {"float": 1.5}, "n": {"int": 3}, "u": {"uint": 3}, "b":
// {"bool": true},
//  "s": {"string": "x"}}, "time": 17…}   ("time" null when absent; always nanoseconds)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "point/point.h"

namespace vigile {

// Without a newline; the point has each key once. Text that is not UTF-8 is replaced by U+FFFD; fields that
// are not finite are left out.
std::string to_json(const Point& point);

// The same, appended.
void append_json(const Point& point, std::string& out);

// Fields and tags keep the order of the text; `tags` and `time` may be missing. Errors: parse, naming the key
// that is missing, wrong or there twice.
Result<Point> point_from_json(std::string_view text);

// What is wrong with the text of a point, and where: the column (from 1, in bytes) of what is not JSON; 1
// when it is JSON, but not a point: `expected` then names the key.
struct JsonFault {
  std::size_t column = 1;
  std::string expected;
};
// Replaces `point`. Nothing when the text is good.
std::optional<JsonFault> read_point_json(std::string_view text, Point& point);

}  // namespace vigile
