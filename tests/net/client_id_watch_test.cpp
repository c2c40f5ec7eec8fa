// SPDX-License-Identifier: Apache-2.0
#include "net/mqtt/client_id_watch.h"

#include <gmock/gmock.h>

namespace vigile {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ClientIdWatchTest : public ::testing::Test {
 protected:
  // `idle`: so long nothing had come from the broker when it ended.
  void session_of(std::chrono::seconds length, int reason = 0, std::chrono::seconds idle = 1s) {
    watch.connected(now);
    now += length;
    watch.ended(reason, now, now - idle);
  }
  BootTime now{1h};
  ClientIdWatch watch{"mqtt://broker:1883", "press"};
};

TEST_F(ClientIdWatchTest, TheBrokerSaysIt) {
  session_of(5s, ClientIdWatch::kTakenOver);
  EXPECT_EQ(
      watch.conflict(now),
      "mqtt://broker:1883: another client connects as 'press': give each client a client_id of its own");
  watch.connected(now);
  EXPECT_NE(watch.conflict(now + 119s), "");
  EXPECT_EQ(watch.conflict(now + 120s), "");  // the other one is gone
  EXPECT_EQ(watch.count(), 1u);
}

TEST_F(ClientIdWatchTest, OnlyRepetitionSaysItWhenTheBrokerDoesNot) {
  session_of(1s);
  session_of(89s);
  EXPECT_EQ(watch.conflict(now), "");
  session_of(30s);
  EXPECT_THAT(watch.conflict(now),
              AllOf(HasSubstr("closes each session soon after it began"), HasSubstr("'press'")));
  EXPECT_EQ(watch.count(), 3u);
  session_of(1s);
  EXPECT_EQ(watch.count(), 4u);
}

TEST_F(ClientIdWatchTest, OtherEndsAreNoConflict) {
  for (int i = 0; i < 9; ++i) session_of(90s);  // an idle limit on the way
  for (int i = 0; i < 9; ++i) {                 // a broker that does not stay up
    session_of(1s);
    watch.unreachable();
  }
  for (int i = 0; i < 9; ++i) session_of(1s, 0x8b);  // server shutting down
  for (int i = 0; i < 9; ++i) {
    watch.connected(now);
    watch.forget();
    watch.ended(0, now, now);
  }
  EXPECT_EQ(watch.conflict(now), "");
  EXPECT_EQ(watch.count(), 0u);
}

TEST_F(ClientIdWatchTest, AnIdleLimitIsNoConflict) {
  for (int i = 0; i < 9; ++i) session_of(300s, 0, 300s);
  EXPECT_FALSE(watch.wants_traffic());
  for (int i = 0; i < 9; ++i) session_of(60s, 0, 60s);
  for (int i = 0; i < 9; ++i) session_of(30s, 0, 16s);
  EXPECT_EQ(watch.conflict(now), "");
  // A short limit looks like another client's doing, and ends nothing as long as the session is in use.
  session_of(10s, 0, 10s);
  EXPECT_TRUE(watch.wants_traffic());
  watch.connected(now);
  EXPECT_EQ(watch.conflict(now + 120s), "");
  EXPECT_FALSE(watch.wants_traffic());
  EXPECT_EQ(watch.count(), 0u);
}

TEST_F(ClientIdWatchTest, IdleEndsInBetweenBeginTheCountAnew) {
  session_of(1s);
  session_of(1s);
  session_of(40s, 0, 40s);
  session_of(1s);
  session_of(1s);
  EXPECT_EQ(watch.conflict(now), "");
  session_of(1s);
  EXPECT_NE(watch.conflict(now), "");
}

}  // namespace
}  // namespace vigile
