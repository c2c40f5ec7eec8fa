// SPDX-License-Identifier: Apache-2.0
#include "app/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace vigile {

namespace {

constexpr int kFirstInherited = 3;  // SD_LISTEN_FDS_START

std::optional<std::uint64_t> number(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

bool is_me(std::optional<std::uint64_t> pid) {
  return pid && *pid == static_cast<std::uint64_t>(::getpid());
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  return line;
}

}  // namespace

ServiceManager::ServiceManager() {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path != nullptr && (*path == '/' || *path == '@')) {
    path_ = path;
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }
  if (const auto microseconds = number("WATCHDOG_USEC");
      microseconds && *microseconds > 0 && (number("WATCHDOG_PID") ? is_me(number("WATCHDOG_PID")) : true)) {
    watchdog_every_ = std::chrono::microseconds(*microseconds / 2);
  }
  if (is_me(number("LISTEN_PID")) && number("LISTEN_FDS").value_or(0) >= 1) {
    inherited_socket_ = kFirstInherited;
    ::fcntl(kFirstInherited, F_SETFD, FD_CLOEXEC);
  }
  // Programs that drivers start are not the service.
  for (const char* name :
       {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    ::unsetenv(name);
  }
}

void ServiceManager::notify(const std::string& state) const {
  if (!socket_) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return;
  path_.copy(address.sun_path, path_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  (void)::sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
}

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

}  // namespace vigile
