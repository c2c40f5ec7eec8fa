// SPDX-License-Identifier: Apache-2.0
// A subscriber for tests: mosquitto_sub as a child, its output read as it comes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace vigile {

struct ReceivedMessage {
  std::string topic;
  std::string payload;
  int qos = 0;
  bool retained = false;
};

// Subscribes to `filter` with QoS 2 and a session that outlives its connections, and returns when the broker
// has taken the subscription. Throws std::runtime_error when it does not come about.
class MqttSubscriber {
 public:
  MqttSubscriber(std::uint16_t port, const std::string& filter, std::vector<std::string> more_arguments = {});

  // Reads what has come.
  const std::vector<ReceivedMessage>& messages();
  // How often each line came in messages of `topic`; every topic when empty.
  std::map<std::string, int> lines(const std::string& topic = "");
  // The payload of the newest message of `topic`; empty when there is none.
  std::string latest(const std::string& topic);

 private:
  TempDir directory_;
  std::unique_ptr<ChildProcess> process_;
  std::uint64_t read_bytes_ = 0;
  std::string partial_;
  std::string marker_;
  bool ready_ = false;
  std::vector<ReceivedMessage> messages_;
};

}  // namespace vigile
