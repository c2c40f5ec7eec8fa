// SPDX-License-Identifier: Apache-2.0
// A broker that answers as a test says, for what no real broker can be made to do. Reads just enough of MQTT.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.h"

namespace vigile {

struct FakePublish {
  std::string topic = {};
  std::string payload = {};
  int qos = 0;
  bool retained = false;
  std::uint16_t id = 0;
};

// PUBACK of MQTT 5 with a reason.
std::string puback(std::uint16_t id, int reason);
// CONNACK of MQTT 5 with a reason and encoded properties.
std::string connack(int reason, const std::string& properties = "");
// DISCONNECT of MQTT 5, after which the connection is closed.
std::string disconnect(int reason);

struct FakeBrokerScript {
  // The answer to the n-th CONNECT (from 0); an empty answer closes.
  std::function<std::string(int n, const std::string& connect_packet)> on_connect =
      [](int, const std::string&) { return connack(0); };
  // The answer to a PUBLISH of QoS 1.
  std::function<std::string(const FakePublish&)> on_publish = [](const FakePublish& p) {
    return puback(p.id, 0);
  };
  // Answers are held back until so many are waiting, or nothing has come for 200 ms (the kernel may hold
  // small packets back for 40).
  std::size_t hold = 1;
};

class FakeBroker {
 public:
  explicit FakeBroker(FakeBrokerScript script);
  ~FakeBroker();
  std::string url() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }
  std::vector<FakePublish> published() const;
  std::size_t most_unanswered() const { return most_unanswered_; }
  int connections() const { return connections_; }

 private:
  void run(const std::stop_token& stop);
  void serve(int fd, const std::stop_token& stop);
  // One packet; empty at the end, or when nothing came for `wait_ms` (`quiet` is then set).
  std::string read_packet(int fd, int wait_ms, bool& quiet) const;

  const FakeBrokerScript script_;
  UniqueFd listener_;
  UniqueFd wake_;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> most_unanswered_ = 0;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  std::vector<FakePublish> published_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace vigile
