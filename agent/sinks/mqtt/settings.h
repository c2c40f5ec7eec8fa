// SPDX-License-Identifier: Apache-2.0
// The options of the MQTT sink: their table, and their typed form after validation.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/option.h"
#include "core/result.h"
#include "sinks/sink.h"

namespace vigile::mqtt_sink {

enum class Version { v3_1_1, v5 };
enum class PayloadFormat { lines, json };

struct MqttSettings {
  std::string url = {};        // as Paho wants it: tcp:// ssl:// ws:// wss://, with a port
  std::string shown_url = {};  // as the settings have it, with its port
  std::string host = {};       // of it
  std::uint16_t port = 0;
  bool tls = false;
  Version version = Version::v5;
  std::string client_id = {};
  std::string user = {};
  std::string password = {};  // secret
  int qos = 1;
  std::string topic = {};
  std::string status_topic = {};  // empty: none
  PayloadFormat format = PayloadFormat::lines;
  std::uint64_t max_message_bytes = std::uint64_t{64} << 10;
  std::uint32_t window = 20;  // messages sent and not yet acknowledged, at most
  std::chrono::nanoseconds ack_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds keep_alive = std::chrono::seconds(60);
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
  std::string ca_file = {};
  std::string cert_file = {};
  std::string key_file = {};
  bool insecure = false;
};

std::span<const OptionSpec> option_table();

// Errors: config, naming the option, what is wrong, and what would be right.
Result<MqttSettings> read_settings(const Options& options, const SinkEnvironment& environment);

// That the named files can be read and are PEM of the right sort. Errors: config.
Result<void> check_files(const MqttSettings& settings);

// `id` as one level of a topic: '/', '+', '#', '$' and control characters become '_'.
std::string topic_level(std::string_view id);

}  // namespace vigile::mqtt_sink
