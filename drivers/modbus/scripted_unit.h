// SPDX-License-Identifier: Apache-2.0
// For tests: a Modbus device that answers as its script says, also wrongly. Over TCP on 127.0.0.1, with
// frames of either kind, or on a pseudo terminal; any unit.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.h"

namespace vigile {

class ScriptedUnit {
 public:
  struct Asked {
    int unit = 0;
    int function = 0;
    int first = 0;
    int count = 0;
  };
  struct Reply {
    enum class Then { whole, silence, half, close, wrong_unit, damaged, twice };
    std::vector<std::uint8_t> pdu;
    Then then = Then::whole;
  };
  using Script = std::function<Reply(const Asked&)>;
  enum class Line { tcp, serial, rtu_over_tcp };

  ScriptedUnit(Line line, Script script);
  ~ScriptedUnit();
  ScriptedUnit(const ScriptedUnit&) = delete;
  ScriptedUnit& operator=(const ScriptedUnit&) = delete;

  const std::string& address() const { return address_; }  // as the option
  int asked() const { return asked_; }
  int connections() const { return connections_; }

  // Words for function 3 or 4: each its address plus `more`.
  static Reply words(const Asked& asked, int more = 0);
  static Reply exception(const Asked& asked, int code);

 private:
  void run();
  bool serve(int fd);  // false: the connection is over

  const Line line_;
  const Script script_;
  std::string address_;
  UniqueFd listening_;  // or the terminal's other side
  UniqueFd stop_;
  std::atomic<int> asked_{0};
  std::atomic<int> connections_{0};
  std::jthread thread_;
};

}  // namespace vigile
