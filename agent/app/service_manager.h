// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace vigile {

// systemd's side of a service: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3). Does nothing when the
// daemon was not started by systemd or was built without libsystemd. Any thread.
class ServiceManager {
 public:
  void ready(std::string_view status);
  void reloading();
  void status(std::string_view text);
  void stopping();
  void watchdog();
  // How often watchdog() is to be called (half of WatchdogSec); absent: there is no watchdog.
  std::optional<std::chrono::nanoseconds> watchdog_every() const;
  // The status socket, when systemd listens for us; else absent.
  std::optional<int> inherited_socket() const;
};

}  // namespace vigile
