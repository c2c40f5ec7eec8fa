// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <exception>

#include "api/bearer.h"
#include "api/mhd_server.h"
#include "core/logging.h"
#include "core/units.h"

namespace vigile {

namespace {

constexpr std::size_t kSmallAnswerBytes = 4 << 10;  // always fits, whatever is held
constexpr std::size_t kStreamBlockBytes = 8 << 10;

}  // namespace

// ---- What the library calls

void MhdServer::on_connection(void* self, MHD_Connection* connection, void** context,
                              MHD_ConnectionNotificationCode code) {
  auto& server = *static_cast<MhdServer*>(self);
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

void* MhdServer::on_uri(void* /*self*/, const char* uri, MHD_Connection* /*connection*/) {
  return std::make_unique<Exchange>(uri == nullptr ? "" : uri).release();
}

MHD_Result MhdServer::on_request(void* self, MHD_Connection* connection, const char* /*url*/,
                                 const char* method, const char* /*version*/, const char* data,
                                 std::size_t* size, void** context) {
  auto& server = *static_cast<MhdServer*>(self);
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

void MhdServer::on_completed(void* self, MHD_Connection* /*connection*/, void** context,
                             MHD_RequestTerminationCode /*code*/) {
  auto& server = *static_cast<MhdServer*>(self);
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

ssize_t MhdServer::on_read(void* context, std::uint64_t /*position*/, char* to, std::size_t room) {
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
std::optional<Response> MhdServer::begin(Exchange& exchange, MHD_Connection* connection, const char* method) {
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
  exchange.too_large = announced > body_limit(exchange);
  // A client that asks first, or would send very much, is told at once. Another is read to its end: it would
  // be cut off while it sends, and not see the answer.
  const bool at_once = !header("Expect").empty() || announced > options_.max_body_bytes;
  if (exchange.too_large && at_once) return refuse_body(exchange);
  return std::nullopt;
}

std::size_t MhdServer::body_limit(const Exchange& exchange) const {
  return std::min(exchange.match.route->options.max_body_bytes, options_.max_body_bytes);
}

void MhdServer::take_body(Exchange& exchange, std::string_view data) {
  exchange.received_bytes += data.size();
  if (exchange.received_bytes > body_limit(exchange)) exchange.too_large = true;
  if (exchange.too_large || held_bytes_ + data.size() > options_.held_bytes) return;
  exchange.match.request.body += data;
  exchange.held_bytes += data.size();
  held_bytes_ += data.size();
}

std::optional<Response> MhdServer::refuse_body(const Exchange& exchange) const {
  if (exchange.too_large) {
    return error_response(413, "the body may have " + std::to_string(body_limit(exchange)) + " bytes here");
  }
  if (exchange.match.request.body.size() != exchange.received_bytes) {
    return error_response(503, "too much is being asked at once; try again");
  }
  return std::nullopt;
}

// The request goes to the worker; its connection rests until the answer is there.
MHD_Result MhdServer::begin_slow(Exchange& exchange, MHD_Connection* connection) {
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

MHD_Result MhdServer::go_on_slow(Exchange& exchange, MHD_Connection* connection) {
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

MHD_Result MhdServer::queue(Exchange& exchange, MHD_Connection* connection, Response response) {
  if (response.open_stream && streams_.size() >= options_.max_streams) {
    response = error_response(503, "all " + std::to_string(options_.max_streams) + " streams are taken");
  }
  if (response.body.size() > options_.held_bytes) {
    response = error_response(400, "the answer has " + format_size(response.body.size()) +
                                       ", more than the " + format_size(options_.held_bytes) +
                                       " that are held for all clients: ask for a shorter period, fewer "
                                       "metrics or a smaller limit");
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

MHD_Response* MhdServer::open_stream(Exchange& exchange, const Response& response) {
  exchange.stream = response.open_stream([this] { wake(); });
  streams_.push_back(&exchange);
  MHD_set_connection_option(exchange.peer->connection, MHD_CONNECTION_OPTION_TIMEOUT,
                            static_cast<unsigned>(options_.stream_timeout.count()));
  watch_client(exchange);
  return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kStreamBlockBytes, &MhdServer::on_read,
                                           &exchange, nullptr);
}

}  // namespace vigile
