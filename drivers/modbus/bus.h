// SPDX-License-Identifier: Apache-2.0
// One connection to one line (a TCP peer, or a serial port here or behind TCP) through libmodbus, shared by
// all instances that name it, in this process: a serial line takes one request at a time, and gateways take
// few connections.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/result.h"
#include "drivers/modbus/modbus_settings.h"
#include "drivers/modbus/request_plan.h"

struct _modbus;

namespace vigile::modbus {

// How one instance wants to be served.
struct Manner {
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds delay{};
  int retries = 0;
};

struct Patience {
  BootTime deadline;
  std::stop_token stop;
};

// What came of one request.
struct Outcome {
  enum class What {
    read,
    refused,      // the unit answered with an exception
    absent,       // the gateway says that the unit is not there; other units may be
    silent,       // no answer, or not all of it, in time
    wrong,        // the answer was damaged, of another question, or the connection was closed instead
    unreachable,  // the line cannot be used
    given_up,     // deadline or stop
  };
  What what = What::read;
  int exception = 0;             // of `refused`
  std::optional<Error> error{};  // absent when read; "<line> unit 3, holding 100-109: <cause>"
  double response_ms = 0;        // of the answer, when there was one
  int requests = 0;              // sent
  int errors = 0;                // of them, those that were not answered with values
};

// What was read: words, or bits as 0 and 1.
struct Values {
  std::vector<std::uint16_t> words;
  std::vector<std::uint8_t> bits;
};

class Bus {
 public:
  // The one bus of that line while anybody holds it.
  static std::shared_ptr<Bus> shared(const LineAddress& line, const Clock& clock);

  Bus(LineAddress line, const Clock& clock) : line_(std::move(line)), clock_(clock) {}
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // The right to use the line, given back when it goes out of scope. Its bus must outlive it.
  class Turn {
   public:
    explicit Turn(Bus* bus) : bus_(bus) {}
    Turn(Turn&& other) noexcept : bus_(std::exchange(other.bus_, nullptr)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (bus_ != nullptr) bus_->give_back();
    }
    // Connects when need be. Blocks; a stop ends it at once over TCP, and within the time-out on a serial
    // line. A connection that the peer had closed meanwhile is made anew.
    Outcome read(const Request& request, const Manner& manner, const Patience& patience, Values& out) {
      return bus_->read(request, manner, patience, out);
    }

   private:
    Bus* bus_;
  };

  // Waits until the line is free. Errors: timeout, unavailable when stopped.
  Result<Turn> take_turn(const Patience& patience) EXCLUDES(mutex_);

 private:
  void give_back() EXCLUDES(mutex_);
  Outcome read(const Request& request, const Manner& manner, const Patience& patience, Values& out);
  Result<void> connect(std::chrono::nanoseconds timeout, const Patience& patience);
  Result<void> open_serial();
  Result<void> open_tcp(std::chrono::nanoseconds timeout, const Patience& patience);
  void close();
  // 0, or what libmodbus left in errno.
  int exchange(const Request& request, std::chrono::nanoseconds timeout, const Patience& patience,
               Values& out);

  const LineAddress line_;
  const Clock& clock_;
  Mutex mutex_;
  CondVar freed_;
  bool taken_ GUARDED_BY(mutex_) = false;
  // Of who has the turn:
  _modbus* context_ = nullptr;  // absent: not connected
  bool used_ = false;           // something was answered over this connection
  BootTime silent_since_;
};

// "illegal data address", of the protocol's §7.
std::string_view exception_name(int code);

}  // namespace vigile::modbus
