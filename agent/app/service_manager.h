// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/unique_fd.h"

namespace vigile {

// systemd's side of a service, as sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3) document it for
// programs that speak it themselves: datagrams to NOTIFY_SOCKET, and variables. Does nothing when the daemon
// was not started by systemd. Made before any thread is started (it reads and clears the environment); then
// any thread.
class ServiceManager {
 public:
  ServiceManager();
  void ready(std::string_view status);
  void reloading();
  void status(std::string_view text);
  void stopping();
  void watchdog();
  // How often watchdog() is to be called (half of WatchdogSec); absent: there is no watchdog.
  std::optional<std::chrono::nanoseconds> watchdog_every() const { return watchdog_every_; }
  // The status socket, when systemd listens for us; else absent.
  std::optional<int> inherited_socket() const { return inherited_socket_; }

 private:
  void notify(const std::string& state) const;

  UniqueFd socket_;
  std::string path_;
  std::optional<std::chrono::nanoseconds> watchdog_every_;
  std::optional<int> inherited_socket_;
};

}  // namespace vigile
