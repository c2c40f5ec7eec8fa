// SPDX-License-Identifier: Apache-2.0
#include "support/mqtt_subscriber.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "support/mosquitto_server.h"

namespace vigile {

MqttSubscriber::MqttSubscriber(std::uint16_t port, const std::string& filter,
                               std::vector<std::string> more_arguments) {
  // A retained message of the last of its filters shows when the subscription stands.
  const std::string id = directory_.path().filename().string();
  marker_ = "subscriber/" + id;
  std::vector<std::string> publish = {
      "mosquitto_pub", "-h", "127.0.0.1", "-p", std::to_string(port), "-q", "0", "-r", "-t",
      marker_,         "-m", "ready"};
  publish.insert(publish.end(), more_arguments.begin(), more_arguments.end());
  run_program(publish, directory_ / "publish.log");
  // Mosquitto 2.0.11 now and then overruns a Receive Maximum of 20 by one, and mosquitto_sub then hangs up.
  std::vector<std::string> subscribe = {"mosquitto_sub",
                                        "-h",
                                        "127.0.0.1",
                                        "-p",
                                        std::to_string(port),
                                        "-V",
                                        "5",
                                        "-q",
                                        "2",
                                        "-c",
                                        "-i",
                                        id,
                                        "-x",
                                        "600",
                                        "-D",
                                        "CONNECT",
                                        "receive-maximum",
                                        "65535",
                                        "-F",
                                        "%j",
                                        "-t",
                                        filter,
                                        "-t",
                                        marker_};
  subscribe.insert(subscribe.end(), more_arguments.begin(), more_arguments.end());
  process_ = std::make_unique<ChildProcess>(subscribe, directory_ / "messages");
  if (!eventually([this] { return messages(), ready_; })) {
    throw std::runtime_error("mosquitto_sub: " + process_->output());
  }
}

const std::vector<ReceivedMessage>& MqttSubscriber::messages() {
  std::ifstream file(directory_ / "messages");
  file.seekg(static_cast<std::streamoff>(read_bytes_));
  std::string line;
  while (std::getline(file, line)) {
    if (file.eof()) {  // no '\n' yet
      partial_ += line;
      read_bytes_ += line.size();
      break;
    }
    read_bytes_ += line.size() + 1;
    const auto json = nlohmann::json::parse(partial_ + line, nullptr, false);
    partial_.clear();
    if (json.is_discarded() || !json.is_object()) continue;  // a message of mosquitto_sub itself
    ReceivedMessage message{.topic = json.value("topic", ""),
                            .payload = json.value("payload", ""),
                            .qos = json.value("qos", 0),
                            .retained = json.value("retain", 0) != 0};
    if (message.topic == marker_) {
      ready_ = true;
      continue;
    }
    messages_.push_back(std::move(message));
  }
  return messages_;
}

std::map<std::string, int> MqttSubscriber::lines(const std::string& topic) {
  std::map<std::string, int> counts;
  for (const ReceivedMessage& message : messages()) {
    if (!topic.empty() && message.topic != topic) continue;
    std::size_t start = 0;
    while (start < message.payload.size()) {
      const std::size_t end = std::min(message.payload.find('\n', start), message.payload.size());
      if (end > start) ++counts[message.payload.substr(start, end - start)];
      start = end + 1;
    }
  }
  return counts;
}

std::string MqttSubscriber::latest(const std::string& topic) {
  messages();
  for (auto message = messages_.rbegin(); message != messages_.rend(); ++message) {
    if (message->topic == topic) return message->payload;
  }
  return "";
}

}  // namespace vigile
