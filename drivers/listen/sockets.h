// SPDX-License-Identifier: Apache-2.0
// The sockets that others push to: UDP, TCP, and Unix sockets of both kinds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace vigile::listen {

struct Address {
  enum class Kind { udp, tcp, unix_stream, unix_datagram };
  Kind kind = Kind::udp;
  std::string host;  // udp, tcp: a numeric address
  std::uint16_t port = 0;
  std::string path;  // the others
  std::string shown;
};
// "udp://127.0.0.1:8094", "tcp://[::1]:8094", "unix:///run/x.sock", "unixgram:///run/x.sock". Errors: config.
Result<Address> parse_address(std::string_view text);
// Of connections; else of datagrams.
bool is_stream(const Address& address);

struct SocketLimits {
  std::size_t longest_line = 0;  // and datagram, bytes
  std::size_t connections = 0;
  std::chrono::nanoseconds idle{};         // a connection that sends nothing for so long is closed
  std::uint64_t receive_buffer_bytes = 0;  // of a UDP socket
  unsigned mode = 0660;                    // of a Unix socket
};

// One thread. A Unix socket's file is removed with it.
//
// Where there are as many connections as may be, the one that has sent nothing for longest, and for kGiveWay
// at least, gives way to a new one; where all of them have sent since, the new one is turned away.
class Sockets {
 public:
  static constexpr std::chrono::nanoseconds kGiveWay = std::chrono::seconds(1);

  // Called with whole lines, each with its end, or with one datagram. True while more are wanted.
  using Take = std::function<void(std::string_view text)>;

  // Errors: unavailable, permission; they name the address.
  static Result<std::unique_ptr<Sockets>> open(const Address& address, const SocketLimits& limits);
  ~Sockets();
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;

  // Gives out what has come, at most about `most_bytes` of it; the rest waits in the kernel, and stream
  // writers wait with it. Returns how many bytes it was.
  std::size_t read(std::size_t most_bytes, BootTime now, const Take& take);

  struct Counts {
    std::uint64_t too_long = 0;     // lines and datagrams
    std::uint64_t turned_away = 0;  // connections
    std::uint64_t closed = 0;       // connections, for their silence
    std::uint64_t unfinished = 0;   // of those, with a line that had no end
    std::uint64_t lost = 0;         // datagrams that the kernel had no room for
  };
  const Counts& counts() const { return counts_; }
  std::size_t connections() const { return connections_.size(); }
  std::uint16_t port() const { return port_; }  // of UDP and TCP

 private:
  struct Connection {
    UniqueFd fd;
    BootTime heard;  // when something came last, or it did
    std::string partial;
    bool skipping = false;  // the rest of a line that is too long
    bool has_sent_ever = false;
  };

  Sockets(Address address, const SocketLimits& limits, UniqueFd fd);
  void accept(BootTime now);
  // `for_a_sender`: who wants in has sent something already.
  bool make_room(BootTime now, bool for_a_sender);
  void close_idle(BootTime now);
  void close_silent(std::size_t at);
  std::size_t read_connections(std::size_t most_bytes, BootTime now, const Take& take);
  std::size_t read_datagrams(std::size_t most_bytes, const Take& take);
  void ask_lost();
  void count_lost(std::uint32_t drops);
  std::size_t read_connection(Connection& connection, std::size_t most_bytes, const Take& take,
                              bool& is_open);

  const Address address_;
  const SocketLimits limits_;
  const UniqueFd fd_;
  std::uint16_t port_ = 0;
  std::vector<Connection> connections_;
  std::size_t next_ = 0;  // whose turn it is
  std::string buffer_;
  std::uint32_t drops_ = 0;  // as the kernel counted when it was last asked
  Counts counts_;
};

}  // namespace vigile::listen
