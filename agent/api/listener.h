// SPDX-License-Identifier: Apache-2.0
// The sockets on which the API listens.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace vigile {

// A Unix socket (unix(7)) of mode 0660, never wider at any moment. A directory that is missing is made, 0750.
// A socket nobody answers on (its daemon has died) is replaced; the file goes with this object, if it is
// still the one it made.
class UnixListener {
 public:
  // Errors: unavailable when a daemon answers there (its pid is named); config when the path is too long, not
  // absolute, or something else than a socket; permission; io.
  static Result<UnixListener> open(const std::filesystem::path& path);
  UnixListener() = default;
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&& other) noexcept;
  ~UnixListener();
  int fd() const { return fd_.get(); }

 private:
  void close();
  UniqueFd fd_;
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// Listens on "127.0.0.1:8786" or "[::1]:8786" (port 0: any). Errors: config when it is not a loopback
// address, unavailable when the port is taken, io.
Result<UniqueFd> open_loopback_listener(const std::string& address);
// The port that a listener has; 0 when it has none.
std::uint16_t listening_port(int fd);

// A descriptor of our own for the socket that systemd listens on; `fd` stays the caller's, so that the API
// can be started anew with it. Makes the socket non-blocking. Errors: config when it is no listening Unix
// socket.
Result<UniqueFd> adopt_listener(int fd);

// Where the API listens: on a Unix socket, its own or an inherited one, and on a TCP port if asked to.
class Listeners {
 public:
  // `inherited_fd` -1: none; an empty `socket` or `tcp`: none. Errors: those of the functions above.
  static Result<Listeners> open(const std::filesystem::path& socket, int inherited_fd,
                                const std::string& tcp);
  int local_fd() const { return inherited_ ? inherited_.get() : unix_.fd(); }  // -1: none
  int tcp_fd() const { return tcp_.get(); }
  // Whether a connection waits to be accepted.
  bool somebody_waits() const;

 private:
  UnixListener unix_;
  UniqueFd inherited_;
  UniqueFd tcp_;
};

}  // namespace vigile
