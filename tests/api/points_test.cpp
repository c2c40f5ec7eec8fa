// SPDX-License-Identifier: Apache-2.0
// The live stream, and what happens when its reader does not read.
#include <gmock/gmock.h>

#include "api/point_stream.h"
#include "served_agent.h"
#include "support/process.h"

namespace vigile {
namespace {

using testing::HasSubstr;

const std::string kStreamRequest = "GET /api/agent/points HTTP/1.1\r\nHost: x\r\n\r\n";

std::string read_all(PointQueue& queue) {
  std::string text;
  char buffer[64];
  while (const std::size_t size = queue.read(buffer, sizeof buffer)) text.append(buffer, size);
  return text;
}

TEST(PointQueue, PassesLinesOn) {
  PointQueue queue({}, 1000);
  EXPECT_TRUE(queue.push("cpu x=1 1\ncpu x=2 2\n"));
  EXPECT_FALSE(queue.push("cpu x=3 3\n")) << "the reader is awake already";
  EXPECT_EQ(read_all(queue), "cpu x=1 1\ncpu x=2 2\ncpu x=3 3\n");
  EXPECT_TRUE(queue.push("cpu x=4 4\n"));
}

TEST(PointQueue, DropsWholeLinesAndSaysHowMany) {
  PointQueue queue({}, 40);
  queue.push("a x=1 1\n");
  for (int i = 0; i < 20; ++i) queue.push("b x=1 1\n");  // four fit
  queue.push("c x=1 1\n");
  char buffer[32];
  EXPECT_EQ(queue.read(buffer, sizeof buffer), 32U);  // now more than half of it is free
  queue.push("d x=1 1\n");
  queue.push("d x=2 2\n");
  EXPECT_EQ(read_all(queue), "b x=1 1\n# dropped 17 lines\nd x=1 1\n# dropped 1 lines\n");
}

TEST(PointQueue, TellsOfALossEvenWhenNothingFollows) {
  PointQueue queue({}, 16);
  queue.push("cpu x=1 1\n");
  queue.push("cpu x=2 2\n");
  EXPECT_EQ(read_all(queue), "cpu x=1 1\n# dropped 1 lines\n");
  EXPECT_EQ(read_all(queue), "");
  EXPECT_TRUE(queue.push("a very long line that never fits\n")) << "there is a loss to tell of";
  EXPECT_EQ(read_all(queue), "# dropped 1 lines\n");
}

TEST(PointQueue, Filters) {
  const std::string lines =
      "equipment_metrics,equipment_id=1,metric_name=cpu_usage value=1 1\n"
      "equipment_metrics,equipment_id=1,metric_name=load value=2 2\n"
      "cpu,core=0 cpu_usage=3,idle=4 3\n"
      "my\\ cpu idle=5 4\n";
  PointQueue by_metric({"", "cpu_usage"}, 1000);
  by_metric.push(lines);
  EXPECT_EQ(read_all(by_metric),
            "equipment_metrics,equipment_id=1,metric_name=cpu_usage value=1 1\n"
            "cpu,core=0 cpu_usage=3,idle=4 3\n");
  PointQueue by_measurement({"my cpu", ""}, 1000);
  EXPECT_TRUE(by_measurement.push(lines));
  EXPECT_EQ(read_all(by_measurement), "my\\ cpu idle=5 4\n");
  PointQueue by_both({"cpu", "idle"}, 1000);
  by_both.push(lines);
  EXPECT_EQ(read_all(by_both), "cpu,core=0 cpu_usage=3,idle=4 3\n");
  PointQueue by_none({"disk", ""}, 1000);
  EXPECT_FALSE(by_none.push(lines)) << "nobody is woken for nothing";
}

TEST(PointStream, StreamsWhatIsCommitted) {
  ServedAgent served;
  RawClient client(served.socket());
  client.send(kStreamRequest);
  ASSERT_TRUE(client.receive_until("\r\n\r\n"));
  EXPECT_THAT(client.received, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
  ASSERT_TRUE(eventually([&] { return served.agent.subscribers() == 1; }));
  served.agent.commit("cpu x=1 1\n");
  ASSERT_TRUE(client.receive_until("cpu x=1 1\n"));
  served.agent.commit("cpu x=2 2\n");
  ASSERT_TRUE(client.receive_until("cpu x=2 2\n"));
  served.stop();
  EXPECT_THAT(client.receive_all(), testing::EndsWith("0\r\n\r\n")) << "ended, not broken off";
}

TEST(PointStream, AClientThatLeavesGivesItsPlaceBackThoughNothingFlows) {
  ApiOptions options;
  options.max_streams = 1;
  ServedAgent served(options);
  for (int i = 0; i < 3; ++i) {
    RawClient client(served.socket());
    client.send(kStreamRequest);
    ASSERT_TRUE(client.receive_until("200 OK"));
    EXPECT_EQ(status_of(ask(served.socket(), "GET /api/agent/points")), 503) << "there is one place";
    client.close();
    ASSERT_TRUE(eventually([&] { return served.agent.subscribers() == 0; }));
  }
}

TEST(PointStream, AClientThatLeavesOverTcpGivesItsPlaceBackToo) {
  ApiOptions options;
  options.listen = "127.0.0.1:0";
  options.token = "t";
  ServedAgent served(options);
  RawClient client(served.server->tcp_port());
  client.send("GET /api/agent/points HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n");
  ASSERT_TRUE(client.receive_until("200 OK"));
  ASSERT_TRUE(eventually([&] { return served.agent.subscribers() == 1; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return served.agent.subscribers() == 0; }));
}

TEST(PointStream, AReaderThatNeverReadsIsBoundedAndDisturbsNobody) {
  ServedAgent served;
  RawClient lazy(served.socket());
  RawClient keen(served.socket());
  lazy.send(kStreamRequest);
  keen.send(kStreamRequest);
  ASSERT_TRUE(keen.receive_until("\r\n\r\n"));
  ASSERT_TRUE(eventually([&] { return served.agent.subscribers() == 2; }));
  // Much more than the kernel's buffers and the queue hold; `keen` reads all of it.
  const std::string block = [] {
    std::string lines;
    for (int i = 0; i < 500; ++i)
      lines += "cpu,core=0 user=12.5,system=3.25,idle=84.25 1793491200000000000\n";
    return lines;
  }();
  for (int i = 0; i < 100; ++i) {
    const std::string mark = "mark x=" + std::to_string(i) + "i 1\n";
    served.agent.commit(block + mark);
    keen.received.clear();
    ASSERT_TRUE(keen.receive_until("mark x=" + std::to_string(i) + "i"));
  }
  EXPECT_EQ(status_of(ask(served.socket(), "GET /healthz")), 200);
  // Once it reads, it is told what it has missed.
  ASSERT_TRUE(lazy.receive_until("# dropped "));
  EXPECT_LT(lazy.received.size(), 100 * block.size() / 2);
  served.agent.commit("after x=1 1\n");
  EXPECT_TRUE(lazy.receive_until("after x=1 1\n"));
}

TEST(PointStream, AReaderThatTakesNothingIsLetGo) {
  ApiOptions options;
  options.idle_timeout = std::chrono::seconds(300);
  options.stream_timeout = std::chrono::seconds(1);
  ServedAgent served(options);
  RawClient lazy(served.socket());
  lazy.send(kStreamRequest);
  ASSERT_TRUE(eventually([&] { return served.agent.subscribers() == 1; }));
  const std::string lines(100'000, '#');
  EXPECT_TRUE(eventually([&] {
    served.agent.commit(lines + "\n");
    return served.agent.subscribers() == 0;
  }));
}

}  // namespace
}  // namespace vigile
