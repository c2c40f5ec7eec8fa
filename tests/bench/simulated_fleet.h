// SPDX-License-Identifier: Apache-2.0
// A fleet of agents as cheap as they can be had: what a broker sees of each, in one thread of one process.
//
// An agent: a session of its own (MQTT 3.1.1, QoS 1, at most 16 messages unacknowledged), a message of 10
// points every 10 s, kept until it is acknowledged; the agents' own backoff. With `remote_settings`, a second
// session that waits for settings.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/backoff.h"
#include "core/unique_fd.h"
#include "drivers/mqtt_session/packet.h"

namespace vigile {

using FleetTime = std::chrono::steady_clock::time_point;

inline constexpr int kFleetMetrics = 10;
inline constexpr auto kFleetEvery = std::chrono::seconds(10);
inline constexpr std::string_view kFleetSettingsTopic = "vigile/fleet/settings";

enum class Retry { jittered, every_second };

class Fleet;

// A session with the broker at 127.0.0.1, made again when it is lost.
class SimulatedSession {
 public:
  SimulatedSession(Fleet& fleet, std::uint32_t index, std::string client_id);
  virtual ~SimulatedSession() = default;

  virtual void tick(FleetTime time);
  void ready(std::uint32_t events);

 protected:
  virtual void greeted() = 0;
  virtual void handle(const mqtt_session::Packet& packet) = 0;
  virtual void lost() {}
  void is_up_now();
  bool is_up() const { return up_; }
  void send(std::string_view bytes) { out_ += bytes; }
  void flush();

  Fleet& fleet_;

 private:
  void connect();
  void drop();

  const std::uint32_t index_;
  const std::string client_id_;
  Backoff backoff_;
  UniqueFd fd_;
  bool up_ = false;
  FleetTime retry_at_{};
  std::string out_;
  std::optional<mqtt_session::PacketReader> in_;
};

class SimulatedAgent final : public SimulatedSession {
 public:
  SimulatedAgent(Fleet& fleet, std::uint32_t index, int number);

  bool is_idle() const { return waiting_.empty(); }
  void tick(FleetTime time) override;
  // A message whose points are `age` old.
  void sample(std::chrono::nanoseconds age);
  FleetTime next_sample;

 private:
  struct Message {
    std::string payload;
    std::uint16_t id = 0;  // 0: not sent on this connection
    FleetTime sent;
  };
  void greeted() override;
  void handle(const mqtt_session::Packet& packet) override;
  void lost() override;
  void send_messages();

  const int number_;
  std::uint16_t last_id_ = 0;
  std::deque<Message> waiting_;
};

class SimulatedReceiver final : public SimulatedSession {
 public:
  using SimulatedSession::SimulatedSession;

 private:
  void greeted() override;
  void handle(const mqtt_session::Packet& packet) override;
};

class Fleet {
 public:
  Fleet(int agents, bool with_settings, std::uint16_t port);

  void run_until(const std::function<bool()>& done, FleetTime limit);
  void run_for(std::chrono::nanoseconds time);
  // Returns when all are connected, or after two minutes. Seconds.
  double until_all_up();
  void sample_all(std::chrono::nanoseconds age);
  void start_sampling();
  bool all_acknowledged() const;
  std::size_t agents() const { return agents_.size(); }
  std::size_t sessions() const { return all_.size(); }

  const std::uint16_t port;
  const UniqueFd epoll;
  std::size_t up = 0;  // sessions
  bool sampling = false;
  Retry retry = Retry::jittered;
  std::uint64_t points = 0;
  std::uint64_t messages = 0;           // acknowledged
  std::uint64_t bytes = 0;              // of PUBLISH packets sent
  std::uint64_t settings_received = 0;  // messages on kFleetSettingsTopic
  std::vector<double> latencies_ms;
  std::vector<FleetTime> connects;

 private:
  std::vector<std::unique_ptr<SimulatedSession>> all_;
  std::vector<SimulatedAgent*> agents_;  // of all_
};

}  // namespace vigile
