// SPDX-License-Identifier: Apache-2.0
#include "api/server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "api/mhd_server.h"
#include "core/logging.h"

namespace vigile {

namespace {

constexpr int kAcceptsARound = 16;
constexpr int kLastRounds = 8;

void log_library_message(void* /*unused*/, const char* format, va_list arguments) {
  char text[256];
  std::vsnprintf(text, sizeof text, format, arguments);
  std::string_view line = text;
  while (line.ends_with('\n')) line.remove_suffix(1);
  log::debug("api: " + std::string(line));
}

}  // namespace

Result<void> MhdServer::open() {
  if (!options_.listen.empty() && options_.token.empty()) {
    return Error{ErrorKind::config, "listen " + options_.listen + ": a token is needed with it"};
  }
  auto listeners = Listeners::open(options_.socket, options_.inherited_fd, options_.listen);
  if (!listeners) return listeners.error();
  listeners_ = std::move(*listeners);
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_ || !wake_) return errno_error("api", errno);

  // The connection limit is ours; the library's only has to be out of its way.
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, nullptr,
      nullptr, &MhdServer::on_request, this, MHD_OPTION_EXTERNAL_LOGGER, &log_library_message, nullptr,
      MHD_OPTION_CONNECTION_LIMIT, 2 * options_.max_connections + 2 * kAcceptsARound,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, options_.connection_memory_bytes, MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned>(options_.idle_timeout.count()), MHD_OPTION_URI_LOG_CALLBACK, &MhdServer::on_uri,
      this, MHD_OPTION_NOTIFY_CONNECTION, &MhdServer::on_connection, this, MHD_OPTION_NOTIFY_COMPLETED,
      &MhdServer::on_completed, this, MHD_OPTION_END);
  if (daemon_ == nullptr) return Error{ErrorKind::io, "api: the HTTP library does not start"};
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) return Error{ErrorKind::io, "api: the HTTP library has no epoll"};

  if (auto watched = watch(wake_.get(), kWake); !watched) return watched;
  if (auto watched = watch(info->epoll_fd, kLibrary); !watched) return watched;
  for (const auto& [fd, source] : listening()) {
    if (fd < 0) continue;
    if (auto watched = watch(fd, source); !watched) return watched;
  }
  return {};
}

MhdServer::~MhdServer() {
  if (daemon_ == nullptr) return;
  end_waiting();
  MHD_stop_daemon(daemon_);
}

Result<void> MhdServer::watch(int fd, Source source) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = source;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return errno_error("api", errno);
  return {};
}

void MhdServer::run(std::stop_token stop) {
  const std::stop_callback on_stop(stop, [this] { wake(); });
  while (!stop.stop_requested()) {
    epoll_event events[16];
    const int count = ::epoll_wait(epoll_.get(), events, 16, timeout_ms());
    for (int i = 0; i < count; ++i) handle(events[i]);
    MHD_run(daemon_);
    make_room();
  }
  end_waiting();
  // What is left of the answers, as far as their readers take them at once.
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  for (int i = 0; i < kLastRounds && wait_ms == 0; ++i) {
    MHD_run(daemon_);
    if (MHD_get_timeout(daemon_, &wait_ms) != MHD_YES) break;
  }
}

// ---- The loop

int MhdServer::timeout_ms() const {
  std::optional<std::chrono::nanoseconds> wait;
  const auto no_later_than = [&wait](std::chrono::nanoseconds limit) {
    wait = std::max(std::chrono::nanoseconds(0), wait ? std::min(*wait, limit) : limit);
  };
  MHD_UNSIGNED_LONG_LONG library_ms = 0;
  if (MHD_get_timeout(daemon_, &library_ms) == MHD_YES) {
    no_later_than(std::chrono::milliseconds(std::min<MHD_UNSIGNED_LONG_LONG>(library_ms, 60'000)));
  }
  const BootTime now = clock_.boot();
  if (accept_again_) {
    no_later_than(*accept_again_ - now);
  } else if (!armed_) {
    for (const Peer& peer : peers_) {
      if (!peer.keeps_place && !peer.closing) no_later_than(peer.since + options_.give_way - now);
    }
  }
  if (!wait) return -1;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*wait).count());
}

void MhdServer::handle(const epoll_event& event) {
  switch (event.data.u64) {
    case kWake: {
      std::uint64_t ignored = 0;
      if (::read(wake_.get(), &ignored, sizeof ignored) < 0) return;
      woken_.exchange(false);  // after the read, or a wake-up between the two would be the last
      for (Exchange* exchange : streams_) resume(*exchange);
      for (Exchange* exchange : slow_) {
        if (exchange->slow->answered()) resume(*exchange);
      }
      return;
    }
    case kLibrary:
      return;
    case kUnix:
      return accept_from(listeners_.local_fd());
    case kTcp:
      return accept_from(listeners_.tcp_fd());
    default: {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): what epoll was given
      auto* exchange = reinterpret_cast<Exchange*>(event.data.u64);
      exchange->gone = true;
      resume(*exchange);
      return;
    }
  }
}

void MhdServer::arm_listeners(bool armed) {
  armed_ = armed;
  for (const auto& [fd, source] : listening()) {
    if (fd < 0) continue;
    epoll_event event{};
    event.events = armed ? EPOLLIN : 0U;
    event.data.u64 = source;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
  }
}

void MhdServer::accept_from(int listener) {
  for (int i = 0; i < kAcceptsARound && peers_.size() < options_.max_connections; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd =
        ::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        log::warning(errno_error("api: cannot accept a connection", errno).message);
        accept_again_ = clock_.boot() + std::chrono::seconds(1);
        arm_listeners(false);
      }
      return;
    }
    // The library closes the descriptor when it refuses it.
    MHD_add_connection(daemon_, fd, reinterpret_cast<sockaddr*>(&address), size);
  }
}

// Stops accepting while every place is taken, and takes it up again when one is free. When somebody waits,
// those that have kept a place for `give_way` without an answer under way lose it.
void MhdServer::make_room() {
  if (accept_again_) {
    if (clock_.boot() < *accept_again_) return;
    accept_again_.reset();
  }
  if (peers_.size() < options_.max_connections) {
    if (!armed_) arm_listeners(true);
    return;
  }
  if (armed_) arm_listeners(false);
  if (!listeners_.somebody_waits()) return;
  const BootTime now = clock_.boot();
  int places = kAcceptsARound;
  for (Peer& peer : peers_) {
    if (peer.keeps_place || peer.closing || now - peer.since < options_.give_way) continue;
    peer.closing = true;
    ::shutdown(peer.fd, SHUT_RDWR);  // the library sees the end, and closes
    if (--places == 0) return;
  }
}

// Any thread.
void MhdServer::wake() {
  if (woken_.exchange(true)) return;
  const std::uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) < 0) log::debug("api: eventfd is full");
}

void MhdServer::resume(Exchange& exchange) {
  if (!exchange.suspended) return;
  exchange.suspended = false;
  MHD_resume_connection(exchange.peer->connection);
}

void MhdServer::end_waiting() {
  stopping_ = true;
  for (Exchange* exchange : streams_) {
    exchange->gone = true;
    resume(*exchange);
  }
  for (Exchange* exchange : slow_) resume(*exchange);
}

// A suspended connection is not looked at by the library, so its end is watched for here: a client that
// waits for what does not come must not keep its place after it has gone.
void MhdServer::watch_client(Exchange& exchange) {
  exchange.peer->keeps_place = true;
  epoll_event event{};
  event.events = EPOLLONESHOT | (exchange.peer->tcp ? EPOLLRDHUP : 0U);  // EPOLLHUP always counts
  event.data.u64 = reinterpret_cast<std::uint64_t>(&exchange);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, exchange.peer->fd, &event);
}

void MhdServer::unwatch_client(Exchange& exchange) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, exchange.peer->fd, nullptr);
  exchange.peer->keeps_place = false;
}

void MhdServer::suspend(Exchange& exchange) {
  exchange.suspended = true;
  MHD_suspend_connection(exchange.peer->connection);
}

Result<std::unique_ptr<ApiServer>> ApiServer::open(const ApiOptions& options, AgentView& agent,
                                                   const Clock& clock) {
  auto server = std::make_unique<MhdServer>(options, agent, clock);
  if (auto opened = server->open(); !opened) return opened.error();
  return std::unique_ptr<ApiServer>(std::move(server));
}

}  // namespace vigile
