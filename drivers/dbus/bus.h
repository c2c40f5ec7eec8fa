// SPDX-License-Identifier: Apache-2.0
// Asking services on the system bus (D-Bus), by sd-bus of libsystemd, which is loaded at the first question.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace vigile::dbus {

// What a service answers: basic types, lists (arrays, structs), and dictionaries by text keys.
struct Value {
  using List = std::vector<Value>;
  using Map = std::map<std::string, Value, std::less<>>;
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, List, Map> data;

  const Map* map() const { return std::get_if<Map>(&data); }
  const List* list() const { return std::get_if<List>(&data); }
  const std::string* text() const { return std::get_if<std::string>(&data); }
  // Any of the numbers; absent when it is none.
  const Value* find(std::string_view key) const;  // of a dictionary; null when there is none
  bool is_number() const;
  double number() const;  // 0 when it is none
};

struct Question {
  std::string destination;  // "org.freedesktop.systemd1"
  std::string path;
  std::string interface;
  std::string method;
  std::vector<std::string> arguments = {};  // all texts
};

// Whether this build can ask.
bool is_available();

// One connection, one thread. Errors: not_found (no such service, object, or method: the bus's words),
// permission, timeout, unavailable (no bus, no libsystemd).
class Bus {
 public:
  // `address`: "unix:path=…"; the system's if empty. Takes at most `limit`, until the bus has greeted.
  static Result<std::unique_ptr<Bus>> open(const std::string& address, std::chrono::nanoseconds limit);
  virtual ~Bus() = default;
  virtual Result<Value> ask(const Question& question, std::chrono::nanoseconds limit) = 0;
};

}  // namespace vigile::dbus
