// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/option.h"
#include "core/result.h"
#include "drivers/modbus/register_value.h"
#include "drivers/modbus/request_plan.h"

namespace vigile::modbus {

// What is connected to. Two instances with the same one share the connection.
struct LineAddress {
  std::string shown;  // "tcp://10.0.0.5:502", "rtu+tcp://10.0.0.6:4001", "rtu:///dev/ttyUSB0"
  std::string host;
  std::uint16_t port = 0;
  bool is_rtu_over_tcp = false;  // RTU frames, through a serial device server
  std::string device;            // of a serial line; empty: TCP
  int baud = 0;
  char parity = 'E';
  int data_bits = 8;
  int stop_bits = 1;
  bool rs485 = false;
  bool is_serial() const { return !device.empty(); }
  bool operator==(const LineAddress&) const = default;
};

// "tcp://host", "tcp://host:502", "tcp://[2001:db8::1]:502", "rtu+tcp://host:4001", "rtu:///dev/ttyUSB0".
// Errors: config.
Result<LineAddress> parse_line_address(std::string_view text);

struct ModbusSettings {
  LineAddress line;
  std::vector<Register> registers;
  PlanLimits limits;
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds delay{};
  int retries = 0;
};

std::span<const OptionSpec> option_table();

// Names that the driver needs for its own figures.
bool is_own_metric(std::string_view name);

// No I/O. Errors: config.
Result<ModbusSettings> read_settings(const Options& options);

}  // namespace vigile::modbus
