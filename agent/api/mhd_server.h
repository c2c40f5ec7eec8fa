// SPDX-License-Identifier: Apache-2.0
// libmicrohttpd is driven from our own epoll loop ("external polling"): so one thread serves both listeners,
// accepting and giving way are ours to decide, and a committing thread never touches a connection: it writes
// to an eventfd. All of the library's calls back come from inside MHD_run() and MHD_stop_daemon().
// server.cpp has the loop, server_requests.cpp what the library calls. Nobody else includes this.
#pragma once

#include <microhttpd.h>
#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/listener.h"
#include "api/router.h"
#include "api/routes.h"
#include "api/server.h"
#include "api/slow_work.h"

namespace vigile {

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

class MhdServer final : public ApiServer {
 public:
  MhdServer(const ApiOptions& options, AgentView& agent, const Clock& clock)
      : options_(options), clock_(clock), slow_queue_(options.max_slow_requests, options.question_bytes) {
    add_routes(router_, agent, options.stream_queue_bytes);
  }
  ~MhdServer() override;
  MhdServer(const MhdServer&) = delete;
  MhdServer& operator=(const MhdServer&) = delete;

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
  std::size_t body_limit(const Exchange& exchange) const;
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

}  // namespace vigile
