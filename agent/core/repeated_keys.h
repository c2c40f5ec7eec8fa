// SPDX-License-Identifier: Apache-2.0
// Finds a key that stands twice in one JSON object while a parser goes through the text: parsers keep one of
// the two values in silence.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vigile {

// One text; one thread. Depths count objects and arrays: 0 is the outermost one, its keys have depth 1.
class RepeatedKeys {
 public:
  void begin_object(std::size_t depth);
  void key(std::size_t depth, const std::string& name);
  // Where the first one stands: "/tags/line"; array indexes are not in it. Empty: there was none.
  const std::string& place() const { return place_; }

 private:
  struct Level {
    std::set<std::string, std::less<>> keys;
    std::string last;
  };
  std::vector<Level> levels_;  // by depth
  std::string place_;
};

}  // namespace vigile
