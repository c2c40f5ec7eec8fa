// SPDX-License-Identifier: Apache-2.0
#include "api/point_stream.h"
#include "api/routes.h"

namespace vigile {

namespace {

class PointStream final : public BodyStream {
 public:
  PointStream(AgentView& agent, PointFilter filter, std::size_t queue_bytes, std::function<void()> wake)
      : queue_(std::move(filter), queue_bytes),
        subscription_(agent.subscribe([this, wake = std::move(wake)](std::string_view lines) {
          if (queue_.push(lines)) wake();
        })) {}
  std::size_t read(char* to, std::size_t room) override { return queue_.read(to, room); }

 private:
  PointQueue queue_;
  std::unique_ptr<AgentView::Subscription> subscription_;  // last: ends before the queue it fills
};

}  // namespace

void add_point_routes(Router& router, AgentView& agent, std::size_t queue_bytes) {
  router.add("GET", "/api/agent/points",
             [&agent, queue_bytes](const Request& request) {
               const PointFilter filter{request.query_value("measurement").value_or(""),
                                        request.query_value("metric").value_or("")};
               Response response;
               response.content_type = "text/plain; charset=utf-8";
               response.open_stream = [&agent, queue_bytes, filter](std::function<void()> wake) {
                 return std::make_unique<PointStream>(agent, filter, queue_bytes, std::move(wake));
               };
               return response;
             },
             {.query = {"measurement", "metric"}});
}

}  // namespace vigile
