// SPDX-License-Identifier: Apache-2.0
// The real MQTT sink and the real delivery loop over a real log, against brokers that answer anything, drop
// packets, shrink their limits, hang up, and against a real Mosquitto on which somebody else takes the
// client's name again and again. Each answer alone is in tests/sinks.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <random>
#include <set>

#include "delivery/delivery.h"
#include "faults/rounds.h"
#include "sinks/mqtt_batch.h"
#include "sinks/mqtt_fake_broker.h"
#include "store/log.h"
#include "support/fake_clock.h"
#include "support/mosquitto_server.h"
#include "support/mqtt_subscriber.h"
#include "support/temp_dir.h"

namespace vigile {
namespace {

using namespace std::chrono_literals;

constexpr int kSeeds = 15;
constexpr std::size_t kLargeLine = 3000;  // larger than some of the packets that the broker takes
constexpr std::string_view kPoints = "vigile/12/press-07/points";

// A log, an MQTT sink with deadlines of real time, and the delivery between them, whose waits are the test's.
class MqttSite {
 public:
  MqttSite(std::map<std::string, OptionValue> written, std::uint64_t seed) {
    log_ = std::move(*Log::open({.path = directory_ / "log.db"}, clock_));
    EXPECT_TRUE(log_->set_sinks({"plant"}));
    sink_ = std::move(*kMqttSink.make(mqtt_options(written), {system_clock_, "plant", "12", "press-07"}));
    delivery_ = Delivery::make({.sink = "plant", .every = 1s, .batch_bytes = 20'000, .seed = seed}, *log_,
                               *sink_, clock_);
  }
  ~MqttSite() { sink_->close(1s); }
  void append(const std::string& lines) {
    const std::int64_t now = to_ns(clock_.wall());
    NewSegment made{.first_ns = now, .last_ns = now, .lines = lines};
    made.points = static_cast<std::uint32_t>(std::count(lines.begin(), lines.end(), '\n'));
    ASSERT_TRUE(log_->append(made));
  }
  void step() { clock_.advance_to(delivery_->step({})); }
  bool drain(int steps) {
    for (; steps > 0 && backlog() > 0; --steps) step();
    return backlog() == 0;
  }
  std::uint64_t backlog() const { return log_->status().sinks.at(0).points; }
  std::set<std::string> letters() {
    std::set<std::string> lines;
    const auto letters = log_->dead_letters("plant", 0, 1'000'000);
    if (!letters) return lines;
    for (const DeadLetter& letter : *letters) lines.insert(letter.line);
    return lines;
  }
  std::uint64_t requests() const { return delivery_->status().requests; }

 private:
  TempDir directory_;
  SystemClock system_clock_;
  FakeClock clock_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Delivery> delivery_;
};

// What a broker has taken over: from then on it is its to deliver.
class Taken {
 public:
  void add(const std::string& payload) {
    const std::lock_guard lock(mutex_);
    for (std::size_t at = 0; at < payload.size();) {
      const std::size_t end = payload.find('\n', at);
      ++lines_[payload.substr(at, end - at)];
      if (end == std::string::npos) break;
      at = end + 1;
    }
  }
  std::map<std::string, int> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> lines_;
};

// One broker's mood, all of it by the server's thread.
class Mood {
 public:
  Mood(std::uint64_t seed, Taken& taken, std::atomic<bool>& hostile)
      : random_(seed), taken_(taken), hostile_(hostile) {}

  std::string on_connect() {
    if (!hostile_) return connack(0);
    switch (random_() % 10) {
      case 0:
        return "";
      case 1:
        return std::string("\xff\xff\xff\xff\xff\xff", 6);
      case 2: {
        constexpr int kRefusals[] = {0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x97, 0x9f};
        return connack(kRefusals[random_() % std::size(kRefusals)]);
      }
      case 3:  // Receive Maximum, from 1 up
        return connack(0, std::string{'\x21', '\0', static_cast<char>(1 + random_() % 4)});
      case 4: {  // Maximum Packet Size
        const auto size = static_cast<std::uint16_t>(700 + random_() % 5000);
        return connack(
            0, std::string{'\x27', '\0', '\0', static_cast<char>(size >> 8), static_cast<char>(size)});
      }
      default:
        return connack(0);
    }
  }
  std::string on_publish(const FakePublish& publish) {
    ++packets_;
    const bool is_points = publish.topic == kPoints;
    if (!hostile_ || !is_points) return accept(publish);
    if (packets_ % 100 == 0) return "";  // dropped; nothing is said of it
    switch (random_() % 24) {
      case 0:  // taken, and the answer is lost
        (void)accept(publish);
        return random_() % 4 == 0 ? "" : disconnect(0x8b);
      case 1:  // twice
        return accept(publish) + puback(publish.id, 0);
      case 2:  // of a packet that was never sent, too
        return puback(static_cast<std::uint16_t>(publish.id + 1000), 0) + accept(publish);
      case 3: {
        constexpr int kReasons[] = {0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99};
        return puback(publish.id, kReasons[random_() % std::size(kReasons)]);
      }
      case 4: {
        constexpr int kReasons[] = {0x81, 0x82, 0x89, 0x8b, 0x8d, 0x8e, 0x93, 0x96, 0x97, 0x98, 0x9c, 0x9d};
        return disconnect(kReasons[random_() % std::size(kReasons)]);
      }
      case 5:
        return publish.payload.size() > 2000 ? puback(publish.id, 0x95) : accept(publish);
      case 6:
        return publish.payload.size() > 2000 ? disconnect(0x95) : accept(publish);
      default:
        return accept(publish);
    }
  }

 private:
  std::string accept(const FakePublish& publish) {
    if (publish.topic == kPoints) taken_.add(publish.payload);
    return puback(publish.id, random_() % 2 == 0 ? 0 : 0x10);
  }
  std::mt19937_64 random_;
  Taken& taken_;
  std::atomic<bool>& hostile_;
  std::uint64_t packets_ = 0;
};

TEST(HostileBroker, WalksEndWithEverythingInItsPlace) {
  const auto seeds = static_cast<std::uint64_t>(kSeeds * fault_rounds());
  unsigned long long points = 0;
  unsigned long long repeats = 0;
  unsigned long long requests = 0;
  unsigned long long letters = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Taken taken;
    std::atomic<bool> hostile = true;
    Mood mood(seed, taken, hostile);
    FakeBrokerScript script;
    script.on_connect = [&](int, const std::string&) { return mood.on_connect(); };
    script.on_publish = [&](const FakePublish& publish) { return mood.on_publish(publish); };
    const FakeBroker broker(std::move(script));
    std::mt19937_64 random(seed);
    std::set<std::string> good;
    std::set<std::string> large;
    {
      MqttSite site({{"url", broker.url()},
                     {"version", std::string("5")},
                     {"max_message", std::uint64_t{1000 + random() % 8000}},
                     {"ack_timeout", std::chrono::nanoseconds(300ms)},
                     {"connect_timeout", std::chrono::nanoseconds(1s)}},
                    seed);
      for (int segment = 0, number = 0; segment < 30; ++segment) {
        std::string lines;
        for (std::uint64_t n = 1 + random() % 25; n > 0; --n, ++number) {
          const bool is_large = random() % 60 == 0;
          const std::string line = "m,n=" + std::to_string(number) +
                                   (is_large ? " s=\"" + std::string(kLargeLine, 'x') + "\" 1" : " v=1 1");
          (is_large ? large : good).insert(line);
          lines += line + "\n";
        }
        site.append(lines);
        for (int step = 0; step < 3; ++step) site.step();
      }
      hostile = false;
      ASSERT_TRUE(site.drain(400));
      requests += site.requests();
      const std::map<std::string, int> stored = taken.lines();
      const std::set<std::string> refused = site.letters();
      for (const std::string& line : good) EXPECT_TRUE(stored.contains(line)) << "lost: " << line;
      for (const std::string& line : large) {
        EXPECT_TRUE(stored.contains(line) || refused.contains(line)) << "lost: " << line.substr(0, 40);
      }
      for (const auto& [line, times] : stored) {
        EXPECT_TRUE(good.contains(line) || large.contains(line)) << "never sent: " << line.substr(0, 80);
        repeats += static_cast<unsigned>(times) - 1;
      }
      for (const std::string& line : refused)
        EXPECT_TRUE(large.contains(line)) << "no dead letter: " << line.substr(0, 80);
      letters += refused.size();
      points += good.size() + large.size();
    }
  }
  std::printf(
      "hostile brokers: %llu walks, %llu points in %llu tries; lost 0, %llu too large for the broker of the "
      "moment, "
      "%llu repeats of the same line\n",
      static_cast<unsigned long long>(seeds), points, requests, letters, repeats);
}

// MQTT gives a client's name to the newest; whoever has it twice throws itself out.
TEST(HostileBroker, ANameThatIsTakenAgainAndAgainLosesNothing) {
  const MosquittoServer broker;
  MqttSubscriber subscriber(broker.port(), "vigile/+/+/points");
  MqttSite site({{"url", broker.url()},
                 {"client_id", std::string("press-07")},
                 {"ack_timeout", std::chrono::nanoseconds(2s)},
                 {"max_message", std::uint64_t{2000}}},
                1);
  const TempDir directory;
  constexpr int kThefts = 25;
  int number = 0;
  for (int theft = 0; theft < kThefts; ++theft) {
    for (int segment = 0; segment < 4; ++segment) {
      std::string lines;
      for (int i = 0; i < 200; ++i) lines += "m,n=" + std::to_string(number++) + " v=1 1\n";
      site.append(lines);
    }
    ChildProcess thief(
        {"mosquitto_pub", "-p", std::to_string(broker.port()), "-i", "press-07", "-t", "thief", "-m", "x"},
        directory / "thief");
    for (int step = 0; step < 4; ++step) site.step();
    thief.wait(10s);
  }
  ASSERT_TRUE(site.drain(400));
  std::map<std::string, int> lines;
  ASSERT_TRUE(eventually([&] {
    lines = subscriber.lines();
    return lines.size() >= static_cast<std::size_t>(number);
  })) << lines.size()
      << " of " << number;
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(number));
  std::printf("hostile brokers: the client's name taken %d times, %d points; lost 0\n", kThefts, number);
}

}  // namespace
}  // namespace vigile
