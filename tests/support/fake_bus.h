// SPDX-License-Identifier: Apache-2.0
// A D-Bus of a test's own (Debian's dbus-daemon), and a service on it that answers from a table.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

struct sd_bus_message;

namespace vigile {

class FakeBus {
 public:
  FakeBus();
  std::string address() const { return "unix:path=" + (dir_ / "bus").string(); }

 private:
  TempDir dir_;
  std::unique_ptr<ChildProcess> daemon_;
};

// Appends a property's value, as sd_bus_message_append() wants it: [](auto* m) { sd_bus_message_append(m,
// "v", "u", 5); }
using FakeProperty = std::function<void(sd_bus_message*)>;
using FakeProperties = std::vector<std::pair<std::string, FakeProperty>>;
// Object path, then interface.
using FakeObjects = std::map<std::string, std::map<std::string, FakeProperties>>;

// Owns `name`, answers GetAll and GetManagedObjects from `objects`, and LoadUnit with the path of `units`.
class FakeService {
 public:
  FakeService(const FakeBus& bus, std::string name, FakeObjects objects,
              std::map<std::string, std::string> units = {});

  struct State;

 private:
  std::shared_ptr<State> state_;  // with the thread
  std::jthread thread_;
};

FakeProperty fake_text(std::string value);
FakeProperty fake_u(std::uint32_t value);
FakeProperty fake_t(std::uint64_t value);
FakeProperty fake_i(std::int32_t value);
FakeProperty fake_d(double value);

}  // namespace vigile
