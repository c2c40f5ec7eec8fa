// SPDX-License-Identifier: Apache-2.0
#include "app/service_manager.h"

#if VIGILE_WITH_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

namespace vigile {

namespace {

void notify([[maybe_unused]] const std::string& state) {
#if VIGILE_WITH_SYSTEMD
  sd_notify(0, state.c_str());
#endif
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  return line;
}

}  // namespace

void ServiceManager::ready(std::string_view status) {
  notify("READY=1\nSTATUS=" + one_line(status));
}

void ServiceManager::reloading() {
  // Type=notify-reload wants CLOCK_MONOTONIC here, which is what steady_clock reads.
  const auto monotonic = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic.count()));
}

void ServiceManager::status(std::string_view text) {
  notify("STATUS=" + one_line(text));
}

void ServiceManager::stopping() {
  notify("STOPPING=1");
}

void ServiceManager::watchdog() {
  notify("WATCHDOG=1");
}

std::optional<std::chrono::nanoseconds> ServiceManager::watchdog_every() const {
#if VIGILE_WITH_SYSTEMD
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0) return std::chrono::microseconds(microseconds / 2);
#endif
  return std::nullopt;
}

std::optional<int> ServiceManager::inherited_socket() const {
#if VIGILE_WITH_SYSTEMD
  if (sd_listen_fds(0) >= 1) return SD_LISTEN_FDS_START;
#endif
  return std::nullopt;
}

}  // namespace vigile
