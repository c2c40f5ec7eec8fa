// SPDX-License-Identifier: Apache-2.0
// libmicrohttpd is driven from our own epoll loop ("external polling"): so one thread serves both listeners,
// accepting and giving way are ours to decide, and a committing thread never touches a connection: it writes
// to an eventfd. All of the library's calls back come from inside MHD_run() and MHD_stop_daemon().
#include "api/server.h"

#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <list>
#include <optional>
#include <utility>

#include "api/bearer.h"
#include "api/listener.h"
#include "api/router.h"
#include "api/routes.h"
#include "api/slow_work.h"
#include "core/logging.h"

namespace vigile {

namespace {

constexpr int kAcceptsARound = 16;
constexpr std::size_t kSmallAnswerBytes = 4 << 10;  // always fits, whatever is held
constexpr std::size_t kStreamBlockBytes = 8 << 10;

// One connection, from accept to close. Owned by the server's list.
struct Peer {
  MHD_Connection* connection = nullptr;
  int fd = -1;
  bool tcp = false;
  bool keeps_place = false;  // a stream, or an answer that is being worked on
  bool closing = false;
  BootTime since{};  // when it began to owe us a request, or to take an answer
};

// One request and its answer: made when the request line is read, deleted when the library is done with it.
struct Exchange {
  explicit Exchange(std::string request_uri) : uri(std::move(request_uri)) {}
  std::string uri;
  Peer* peer = nullptr;
  bool begun = false;
  bool too_large = false;
  Router::Match match;
  std::size_t received_bytes = 0;
  std::size_t held_bytes = 0;  // of the server's budget
  std::unique_ptr<BodyStream> stream;
  std::shared_ptr<SlowRequest> slow;  // shared with the worker
  bool suspended = false;
  bool gone = false;  // end the stream; nobody waits for the answer
};

void log_library_message(void* /*unused*/, const char* format, va_list arguments) {
  char text[256];
  std::vsnprintf(text, sizeof text, format, arguments);
  std::string_view line = text;
  while (line.ends_with('\n')) line.remove_suffix(1);
  log::debug("api: " + std::string(line));
}

class Server final : public ApiServer {
 public:
  Server(const ApiOptions& options, AgentView& agent, const Clock& clock)
      : options_(options), clock_(clock), slow_queue_(options.max_slow_requests) {
    add_routes(router_, agent, options.stream_queue_bytes);
  }
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Result<void> open();
  void run(std::stop_token stop) override;
  void run_worker(std::stop_token stop) override {
    slow_queue_.run(std::move(stop), [this] { wake(); });
  }
  std::uint16_t tcp_port() const override { return listening_port(listeners_.tcp_fd()); }

 private:
  // What an epoll event is about; larger values are an Exchange whose client may have gone.
  enum Source : std::uint64_t { kWake = 1, kLibrary, kUnix, kTcp, kSources };

  Result<void> watch(int fd, Source source);
  std::array<std::pair<int, Source>, 2> listening() const {
    return {{{listeners_.local_fd(), kUnix}, {listeners_.tcp_fd(), kTcp}}};
  }
  void arm_listeners(bool armed);
  void handle(const epoll_event& event);
  void accept_from(int listener);
  void make_room();
  int timeout_ms() const;
  void wake();
  void resume(Exchange& exchange);
  void end_waiting();
  void watch_client(Exchange& exchange);
  void unwatch_client(Exchange& exchange);

  static void* on_uri(void* self, const char* uri, MHD_Connection* connection);
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* version, const char* data, std::size_t* size, void** context);
  static void on_completed(void* self, MHD_Connection* connection, void** context,
                           MHD_RequestTerminationCode code);
  static ssize_t on_read(void* exchange, std::uint64_t position, char* to, std::size_t room);

  std::optional<Response> begin(Exchange& exchange, MHD_Connection* connection, const char* method);
  void take_body(Exchange& exchange, std::string_view data);
  std::optional<Response> refuse_body(const Exchange& exchange) const;
  MHD_Result begin_slow(Exchange& exchange, MHD_Connection* connection);
  MHD_Result go_on_slow(Exchange& exchange, MHD_Connection* connection);
  void suspend(Exchange& exchange);
  MHD_Result queue(Exchange& exchange, MHD_Connection* connection, Response response);
  MHD_Response* open_stream(Exchange& exchange, const Response& response);

  const ApiOptions options_;
  const Clock& clock_;
  Router router_;
  Listeners listeners_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::atomic<bool> woken_{false};
  SlowQueue slow_queue_;
  MHD_Daemon* daemon_ = nullptr;

  // The serving thread's alone.
  std::list<Peer> peers_;
  std::list<Exchange*> streams_;
  std::list<Exchange*> slow_;  // whose answers are being worked on
  bool stopping_ = false;
  std::size_t held_bytes_ = 0;
  bool armed_ = true;
  std::optional<BootTime> accept_again_;  // after the system had no descriptor left
};

Result<void> Server::open() {
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
      nullptr, &Server::on_request, this, MHD_OPTION_EXTERNAL_LOGGER, &log_library_message, nullptr,
      MHD_OPTION_CONNECTION_LIMIT, 2 * options_.max_connections + 2 * kAcceptsARound,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, options_.connection_memory_bytes, MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned>(options_.idle_timeout.count()), MHD_OPTION_URI_LOG_CALLBACK, &Server::on_uri,
      this, MHD_OPTION_NOTIFY_CONNECTION, &Server::on_connection, this, MHD_OPTION_NOTIFY_COMPLETED,
      &Server::on_completed, this, MHD_OPTION_END);
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

Server::~Server() {
  if (daemon_ == nullptr) return;
  end_waiting();
  MHD_stop_daemon(daemon_);
}

Result<void> Server::watch(int fd, Source source) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = source;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return errno_error("api", errno);
  return {};
}

void Server::run(std::stop_token stop) {
  const std::stop_callback on_stop(stop, [this] { wake(); });
  while (!stop.stop_requested()) {
    epoll_event events[16];
    const int count = ::epoll_wait(epoll_.get(), events, 16, timeout_ms());
    for (int i = 0; i < count; ++i) handle(events[i]);
    MHD_run(daemon_);
    make_room();
  }
  end_waiting();
  MHD_run(daemon_);  // what is left of the answers
}

// ---- The loop

int Server::timeout_ms() const {
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

void Server::handle(const epoll_event& event) {
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

void Server::arm_listeners(bool armed) {
  armed_ = armed;
  for (const auto& [fd, source] : listening()) {
    if (fd < 0) continue;
    epoll_event event{};
    event.events = armed ? EPOLLIN : 0U;
    event.data.u64 = source;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
  }
}

void Server::accept_from(int listener) {
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
void Server::make_room() {
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
void Server::wake() {
  if (woken_.exchange(true)) return;
  const std::uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) < 0) log::debug("api: eventfd is full");
}

void Server::resume(Exchange& exchange) {
  if (!exchange.suspended) return;
  exchange.suspended = false;
  MHD_resume_connection(exchange.peer->connection);
}

void Server::end_waiting() {
  stopping_ = true;
  for (Exchange* exchange : streams_) {
    exchange->gone = true;
    resume(*exchange);
  }
  for (Exchange* exchange : slow_) resume(*exchange);
}

// A suspended connection is not looked at by the library, so its end is watched for here: a client that
// waits for what does not come must not keep its place after it has gone.
void Server::watch_client(Exchange& exchange) {
  exchange.peer->keeps_place = true;
  epoll_event event{};
  event.events = EPOLLONESHOT | (exchange.peer->tcp ? EPOLLRDHUP : 0U);  // EPOLLHUP always counts
  event.data.u64 = reinterpret_cast<std::uint64_t>(&exchange);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, exchange.peer->fd, &event);
}

void Server::unwatch_client(Exchange& exchange) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, exchange.peer->fd, nullptr);
  exchange.peer->keeps_place = false;
}

void Server::suspend(Exchange& exchange) {
  exchange.suspended = true;
  MHD_suspend_connection(exchange.peer->connection);
}

// ---- What the library calls

void Server::on_connection(void* self, MHD_Connection* connection, void** context,
                           MHD_ConnectionNotificationCode code) {
  auto& server = *static_cast<Server*>(self);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    Peer& peer = server.peers_.emplace_back();
    peer.connection = connection;
    peer.fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    // Whatever cannot be told to be local needs the token.
    peer.tcp = ::getsockname(peer.fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
               address.ss_family != AF_UNIX;
    peer.since = server.clock_.boot();
    *context = &peer;
    return;
  }
  server.peers_.remove_if([context](const Peer& peer) { return &peer == *context; });
}

void* Server::on_uri(void* /*self*/, const char* uri, MHD_Connection* /*connection*/) {
  return std::make_unique<Exchange>(uri == nullptr ? "" : uri).release();
}

MHD_Result Server::on_request(void* self, MHD_Connection* connection, const char* /*url*/, const char* method,
                              const char* /*version*/, const char* data, std::size_t* size, void** context) {
  auto& server = *static_cast<Server*>(self);
  auto& exchange = *static_cast<Exchange*>(*context);
  try {
    if (!exchange.begun) {
      exchange.begun = true;
      exchange.peer = static_cast<Peer*>(
          MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
      auto refusal = server.begin(exchange, connection, method);
      return refusal ? server.queue(exchange, connection, std::move(*refusal)) : MHD_YES;
    }
    if (*size > 0) {
      server.take_body(exchange, {data, *size});
      *size = 0;
      // Somebody who goes on sending what was too large long ago is not listening.
      return exchange.received_bytes <= 4 * server.options_.max_body_bytes ? MHD_YES : MHD_NO;
    }
    if (exchange.slow) return server.go_on_slow(exchange, connection);
    if (auto refusal = server.refuse_body(exchange)) {
      return server.queue(exchange, connection, std::move(*refusal));
    }
    const Route& route = *exchange.match.route;
    if (route.options.slow) return server.begin_slow(exchange, connection);
    return server.queue(exchange, connection, call_handler(route, exchange.match.request));
  } catch (const std::exception& error) {
    log::error(std::string("api: ") + error.what());
    return MHD_NO;
  }
}

void Server::on_completed(void* self, MHD_Connection* /*connection*/, void** context,
                          MHD_RequestTerminationCode /*code*/) {
  auto& server = *static_cast<Server*>(self);
  const std::unique_ptr<Exchange> exchange(static_cast<Exchange*>(*context));
  *context = nullptr;
  if (!exchange) return;
  server.held_bytes_ -= exchange->held_bytes;
  if (exchange->peer == nullptr) return;
  if (exchange->stream) {
    server.unwatch_client(*exchange);
    server.streams_.remove(exchange.get());
  }
  if (exchange->slow) {
    exchange->slow->abandon();
    server.unwatch_client(*exchange);
    server.slow_.remove(exchange.get());
  }
  exchange->peer->since = server.clock_.boot();
}

ssize_t Server::on_read(void* context, std::uint64_t /*position*/, char* to, std::size_t room) {
  auto& exchange = *static_cast<Exchange*>(context);
  if (exchange.gone) return MHD_CONTENT_READER_END_OF_STREAM;
  const std::size_t size = exchange.stream->read(to, room);
  if (size == 0) {
    exchange.suspended = true;
    MHD_suspend_connection(exchange.peer->connection);
  }
  return static_cast<ssize_t>(size);
}

// ---- A request

// The headers are there. An answer now refuses the request before its body is read.
std::optional<Response> Server::begin(Exchange& exchange, MHD_Connection* connection, const char* method) {
  const auto header = [connection](const char* name) {
    const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return std::string_view(value == nullptr ? "" : value);
  };
  if (exchange.peer->tcp && !bearer_fits(header("Authorization"), options_.token)) {
    Response refusal = error_response(401, "a bearer token is needed here");
    refusal.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"vigile\"");
    return refusal;
  }
  exchange.match = router_.find(method, exchange.uri);
  if (exchange.match.route == nullptr) return std::move(exchange.match.refusal);
  exchange.match.request.content_type = header("Content-Type");
  const std::string_view length = header("Content-Length");
  std::size_t announced = 0;
  const auto [end, failed] = std::from_chars(length.data(), length.data() + length.size(), announced);
  if (failed == std::errc::result_out_of_range) announced = SIZE_MAX;
  const std::size_t limit = std::min(exchange.match.route->options.max_body_bytes, options_.max_body_bytes);
  if (announced > limit) {
    return error_response(413, "the body may have " + std::to_string(limit) + " bytes here");
  }
  return std::nullopt;
}

void Server::take_body(Exchange& exchange, std::string_view data) {
  exchange.received_bytes += data.size();
  const std::size_t limit = std::min(exchange.match.route->options.max_body_bytes, options_.max_body_bytes);
  if (exchange.received_bytes > limit) exchange.too_large = true;
  if (exchange.too_large || held_bytes_ + data.size() > options_.held_bytes) return;
  exchange.match.request.body += data;
  exchange.held_bytes += data.size();
  held_bytes_ += data.size();
}

std::optional<Response> Server::refuse_body(const Exchange& exchange) const {
  if (exchange.too_large) return error_response(413, "the body is too large");
  if (exchange.match.request.body.size() != exchange.received_bytes) {
    return error_response(503, "too much is being asked at once; try again");
  }
  return std::nullopt;
}

// The request goes to the worker; its connection rests until the answer is there.
MHD_Result Server::begin_slow(Exchange& exchange, MHD_Connection* connection) {
  auto slow = std::make_shared<SlowRequest>(*exchange.match.route, std::move(exchange.match.request));
  exchange.match.request = Request();
  if (stopping_ || !slow_queue_.push(slow)) {
    Response refusal = error_response(503, "too much is being asked at once; try again");
    refusal.headers.emplace_back("Retry-After", "1");
    return queue(exchange, connection, std::move(refusal));
  }
  exchange.slow = std::move(slow);
  slow_.push_back(&exchange);
  watch_client(exchange);
  suspend(exchange);
  return MHD_YES;
}

MHD_Result Server::go_on_slow(Exchange& exchange, MHD_Connection* connection) {
  const bool answered = exchange.slow->answered();
  if (!exchange.gone && !answered && !stopping_) {
    suspend(exchange);
    return MHD_YES;
  }
  Response response = answered ? exchange.slow->take() : error_response(503, "the agent is stopping");
  exchange.slow->abandon();
  exchange.slow.reset();
  unwatch_client(exchange);
  slow_.remove(&exchange);
  if (exchange.gone) return MHD_NO;
  return queue(exchange, connection, std::move(response));
}

MHD_Result Server::queue(Exchange& exchange, MHD_Connection* connection, Response response) {
  if (response.open_stream && streams_.size() >= options_.max_streams) {
    response = error_response(503, "all " + std::to_string(options_.max_streams) + " streams are taken");
  }
  if (response.body.size() > kSmallAnswerBytes && held_bytes_ + response.body.size() > options_.held_bytes) {
    response = error_response(503, "too much is being asked at once; try again");
  }
  MHD_Response* made = nullptr;
  if (response.open_stream && exchange.match.request.method != "HEAD") {
    made = open_stream(exchange, response);
  } else {
    exchange.held_bytes += response.body.size();
    held_bytes_ += response.body.size();
    auto body = std::make_unique<std::string>(std::move(response.body));
    made = MHD_create_response_from_buffer_with_free_callback_cls(
        body->size(), body->data(), [](void* text) { delete static_cast<std::string*>(text); }, body.get());
    if (made != nullptr) static_cast<void>(body.release());  // the response frees it
  }
  if (made == nullptr) return MHD_NO;
  MHD_add_response_header(made, "Content-Type", response.content_type.c_str());
  MHD_add_response_header(made, "Cache-Control", "no-store");
  MHD_add_response_header(made, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(made, name.c_str(), value.c_str());
  }
  exchange.peer->since = clock_.boot();
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(response.status), made);
  MHD_destroy_response(made);
  return queued;
}

MHD_Response* Server::open_stream(Exchange& exchange, const Response& response) {
  exchange.stream = response.open_stream([this] { wake(); });
  streams_.push_back(&exchange);
  MHD_set_connection_option(exchange.peer->connection, MHD_CONNECTION_OPTION_TIMEOUT,
                            static_cast<unsigned>(options_.stream_timeout.count()));
  watch_client(exchange);
  return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kStreamBlockBytes, &Server::on_read, &exchange,
                                           nullptr);
}

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::open(const ApiOptions& options, AgentView& agent,
                                                   const Clock& clock) {
  auto server = std::make_unique<Server>(options, agent, clock);
  if (auto opened = server->open(); !opened) return opened.error();
  return std::unique_ptr<ApiServer>(std::move(server));
}

}  // namespace vigile
