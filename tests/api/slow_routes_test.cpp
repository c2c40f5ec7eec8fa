// SPDX-License-Identifier: Apache-2.0
// Answers that take long: nobody else waits for them, and whoever asked may go.
#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "served_agent.h"
#include "support/process.h"

namespace vigile {
namespace {

using testing::HasSubstr;

// Holds the worker inside the service until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_for_arrivals(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int arrived_ = 0;
};

constexpr const char* kSlow = "GET /api/equipment/1/stats/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

class SlowRoutes : public testing::Test {
 protected:
  void serve(ApiOptions options = {}) {
    served_.emplace(options);
    served_->agent.fake_equipment.before_answering = [this] { gate_.pass(); };
  }
  ~SlowRoutes() override { gate_.open(); }
  std::unique_ptr<RawClient> ask_slowly() {
    auto client = std::make_unique<RawClient>(served_->socket());
    client->send(kSlow);
    return client;
  }
  Gate gate_;
  std::optional<ServedAgent> served_;
};

TEST_F(SlowRoutes, OthersAreAnsweredMeanwhile) {
  serve();
  const auto slow = ask_slowly();
  gate_.wait_for_arrivals(1);
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);
  RawClient stream(served_->socket());
  stream.send("GET /api/agent/points HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(stream.receive_until("\r\n\r\n"));
  served_->agent.commit("cpu x=1 1\n");
  EXPECT_TRUE(stream.receive_until("cpu x=1 1\n"));
  EXPECT_EQ(slow->received, "");
  gate_.open();
  EXPECT_EQ(status_of(slow->receive_all()), 200);
  EXPECT_THAT(slow->received, HasSubstr("\"equipment_id\":\"1\""));
}

TEST_F(SlowRoutes, AConnectionServesSlowAndQuickOnesInTurn) {
  serve();
  gate_.open();
  RawClient client(served_->socket());
  for (int i = 0; i < 3; ++i) {
    client.received.clear();
    client.send("GET /api/equipment/1/history/ HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(client.receive_until("\"count\":0}\n"));
    client.received.clear();
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(client.receive_until("{\"status\":\"ok\"}\n"));
  }
  // And several sent at once.
  client.received.clear();
  const std::string one = "GET /api/equipment/1/history/ HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(one + one + "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  client.receive_all();
  EXPECT_THAT(client.received, HasSubstr("{\"status\":\"ok\"}\n"));
}

TEST_F(SlowRoutes, TheQueueIsBounded) {
  ApiOptions options;
  options.max_slow_requests = 2;
  serve(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  clients.push_back(ask_slowly());
  gate_.wait_for_arrivals(1);  // one at work, so two more may wait
  std::string refused;
  for (int i = 0; i < 3; ++i) clients.push_back(ask_slowly());
  for (const auto& client : clients) {
    pollfd ready{client->fd(), POLLIN, 0};
    if (::poll(&ready, 1, 200) == 1) refused += client->receive_all();
  }
  EXPECT_EQ(status_of(refused), 503) << refused;
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(refused, HasSubstr("too much is being asked at once"));
  gate_.open();
  int answered = 0;
  for (const auto& client : clients) answered += status_of(client->receive_all()) == 200 ? 1 : 0;
  EXPECT_EQ(answered, 3);
}

TEST_F(SlowRoutes, AClientThatHasGoneLeavesItsPlace) {
  ApiOptions options;
  options.max_connections = 2;
  options.give_way = std::chrono::hours(1);
  serve(options);
  auto working = ask_slowly();
  gate_.wait_for_arrivals(1);
  auto waiting = ask_slowly();
  working->close();
  waiting->close();
  // Both places are free again though the worker is still busy with the first.
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);
  gate_.open();
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /api/equipment/1/stats/")), 200);
  EXPECT_EQ(served_->agent.fake_equipment.asked().calls, 2) << "nobody waited for the second one";
}

TEST_F(SlowRoutes, ATcpClientThatHasGoneLeavesItsPlace) {
  ApiOptions options;
  options.listen = "127.0.0.1:0";
  options.token = "t";
  options.max_connections = 1;
  options.give_way = std::chrono::hours(1);
  serve(options);
  const std::uint16_t port = served_->server->tcp_port();
  RawClient client(port);
  client.send("GET /api/equipment/1/stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n");
  gate_.wait_for_arrivals(1);
  client.close();
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);
}

TEST_F(SlowRoutes, KeepTheirPlacesWhenOthersWait) {
  ApiOptions options;
  options.max_connections = 2;
  options.give_way = std::chrono::nanoseconds(0);
  serve(options);
  const auto slow = ask_slowly();
  gate_.wait_for_arrivals(1);
  std::vector<std::unique_ptr<RawClient>> others;
  for (int i = 0; i < 10; ++i) others.push_back(std::make_unique<RawClient>(served_->socket()));
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200) << "after all of them have given way";
  gate_.open();
  EXPECT_EQ(status_of(slow->receive_all()), 200);
}

TEST_F(SlowRoutes, StoppingEndsThoseThatWait) {
  serve();
  const auto working = ask_slowly();
  gate_.wait_for_arrivals(1);
  const auto waiting = ask_slowly();
  ASSERT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);  // the second one is in the queue
  std::jthread stopping([this] { served_->stop(); });
  EXPECT_EQ(status_of(waiting->receive_all()), 503);
  EXPECT_THAT(waiting->received, HasSubstr("the agent is stopping"));
  EXPECT_EQ(status_of(working->receive_all()), 503) << "its answer would come too late";
  gate_.open();
  stopping.join();
  EXPECT_EQ(served_->agent.fake_equipment.asked().calls, 1);
}

TEST_F(SlowRoutes, AServerWhoseWorkerEndedFirstStopsToo) {
  serve();
  gate_.open();
  served_->stop_worker();
  const auto waiting = ask_slowly();
  ASSERT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);
  served_->stop();
  EXPECT_EQ(status_of(waiting->receive_all()), 503);
}

TEST_F(SlowRoutes, ManyComeAndGo) {
  serve();
  gate_.open();
  std::vector<std::jthread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int n = 0; n < 40; ++n) {
        const auto client = ask_slowly();
        if ((i + n) % 3 == 0) continue;  // does not wait for it
        const int status = status_of(client->receive_all());
        if (status == 200 || status == 503) ++answered;
      }
    });
  }
  clients.clear();
  EXPECT_EQ(answered, 8 * 40 - 107);
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);
}

TEST_F(SlowRoutes, AHandlerThatThrowsIsAnError) {
  serve();
  served_->agent.fake_equipment.before_answering = [] { throw std::runtime_error("oh"); };
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /api/equipment/1/stats/")), 500);
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);
}

TEST_F(SlowRoutes, RecordingWaitsThereToo) {
  serve();
  RawClient client(served_->socket());
  const std::string body = R"({"metric_type": "temperature", "value": 25.5})";
  client.send("POST /api/equipment/1/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  gate_.wait_for_arrivals(1);
  EXPECT_EQ(status_of(ask(served_->socket(), "GET /healthz")), 200);
  gate_.open();
  EXPECT_EQ(status_of(client.receive_all()), 200);
  EXPECT_EQ(served_->agent.fake_equipment.asked().metrics.size(), 1U);
}

}  // namespace
}  // namespace vigile
