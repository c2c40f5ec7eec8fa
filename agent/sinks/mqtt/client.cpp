// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/client.h"

#include <mqtt/async_client.h>

#include <algorithm>
#include <exception>

namespace vigile::mqtt_sink {

void Mailbox::push(Event event) {
  event.at = clock_.boot();
  {
    const MutexLock lock(mutex_);
    events_.push_back(event);
  }
  wakeup_.notify();
}

std::optional<Event> Mailbox::pop() {
  const MutexLock lock(mutex_);
  if (events_.empty()) return std::nullopt;
  const Event event = events_.front();
  events_.erase(events_.begin());
  return event;
}

std::optional<Event> Mailbox::take(std::optional<BootTime> until, std::stop_token stop) {
  for (;;) {
    if (auto event = pop()) return event;
    if (stop.stop_requested() || (until && clock_.boot() >= *until)) return std::nullopt;
    wakeup_.wait_until(clock_, until, stop);
  }
}

void Mailbox::clear() {
  const MutexLock lock(mutex_);
  events_.clear();
}

namespace {

// Paho hands back with each acknowledgement what was given with the message.
void* token_of(std::uintptr_t message) {
  return reinterpret_cast<void*>(message);  // NOLINT(performance-no-int-to-ptr): never followed
}

// Runs on Paho's threads under its global lock: it may push, and nothing else.
class Listener final : public mqtt::iaction_listener {
 public:
  Listener(Mailbox& mailbox, std::uint64_t generation) : mailbox_(mailbox), generation_(generation) {}

  void on_success(const mqtt::token& token) override { push(token, true); }
  void on_failure(const mqtt::token& token) override { push(token, false); }
  void on_lost() { mailbox_.push({.kind = Event::Kind::lost, .generation = generation_}); }
  void on_ended(int reason) {
    mailbox_.push({.kind = Event::Kind::ended, .generation = generation_, .code = reason});
  }

 private:
  void push(const mqtt::token& token, bool success) {
    Event event{.kind = Event::Kind::lost, .generation = generation_};
    // The server's reason where there is one (255 stands for MQTT 3); a refused CONNECT has it as the return
    // code.
    const int reason = token.get_reason_code();
    event.code = reason >= 0x80 && reason < 0xff ? reason : std::max(token.get_return_code(), 0);
    switch (token.get_type()) {
      case mqtt::token::CONNECT:
        event.kind = success ? Event::Kind::connected : Event::Kind::connect_failed;
        break;
      case mqtt::token::PUBLISH:
        event.kind = success && event.code < 0x80 ? Event::Kind::published : Event::Kind::refused;
        event.message = reinterpret_cast<std::uintptr_t>(token.get_user_context());
        break;
      case mqtt::token::DISCONNECT:
        event.kind = Event::Kind::disconnected;
        break;
      default:
        break;
    }
    mailbox_.push(event);
  }

  Mailbox& mailbox_;
  const std::uint64_t generation_;
};

Error library_error(const std::exception& error) {
  return Error{ErrorKind::unavailable, std::string("MQTT library: ") + error.what()};
}

mqtt::create_options create_options(const MqttSettings& settings) {
  mqtt::create_options options(settings.version == Version::v5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
  // Just above the window, with the status message: a message too many throws instead of piling up.
  options.set_max_buffered_messages(static_cast<int>(settings.window) + 2);
  return options;
}

constexpr mqtt::iclient_persistence* kNoPersistence = nullptr;

template <class T>
std::optional<T> property(const mqtt::properties& properties, mqtt::property::code code) {
  if (!properties.contains(code)) return std::nullopt;
  return mqtt::get<T>(properties, code);
}

int seconds_of(std::chrono::nanoseconds duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

}  // namespace

struct Client::Paho {
  Paho(const MqttSettings& settings, const std::string& url, std::uint64_t generation, Mailbox& mailbox)
      : listener(mailbox, generation),
        topic(settings.topic),
        client(url, settings.client_id, create_options(settings), kNoPersistence) {
    client.set_connection_lost_handler([this](const std::string&) { listener.on_lost(); });
    client.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) {
      listener.on_ended(static_cast<int>(reason));
    });
  }

  Listener listener;  // outlives the client: destroying the client calls it for what is pending
  const mqtt::string_ref topic;
  mqtt::async_client client;
  mqtt::token_ptr connecting;
};

Client::Client(std::unique_ptr<Relay> relay, std::unique_ptr<Paho> paho)
    : relay_(std::move(relay)), paho_(std::move(paho)) {}

Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(const MqttSettings& settings, Route route,
                                                std::chrono::nanoseconds keep_alive,
                                                const StatusMessage& will, std::uint64_t generation,
                                                Mailbox& mailbox) {
  try {
    auto paho = std::make_unique<Paho>(settings, route.url, generation, mailbox);
    // Never copied: copies lose MQTT 5 properties in this version of Paho.
    mqtt::connect_options options;
    if (settings.version == Version::v5) {
      options.set_mqtt_version(MQTTVERSION_5);
      options.set_clean_start(true);
    } else {
      options.set_mqtt_version(MQTTVERSION_3_1_1);
      options.set_clean_session(true);
    }
    options.set_automatic_reconnect(false);
    options.set_keep_alive_interval(seconds_of(keep_alive));
    options.set_connect_timeout(seconds_of(settings.connect_timeout));
    // The window is counted by the sink. Paho's own count, with room for the status, must not hold back.
    options.set_max_inflight(static_cast<int>(settings.window) + 2);
    if (!settings.user.empty()) options.set_user_name(settings.user);
    if (!settings.password.empty()) options.set_password(settings.password);
    if (!will.topic.empty()) {
      mqtt::will_options last_words(will.topic, mqtt::binary_ref(will.text));
      last_words.set_qos(will.qos);
      last_words.set_retained(will.retained);
      options.set_will(std::move(last_words));
    }
    if (settings.tls) {
      mqtt::ssl_options tls;
      if (!settings.ca_file.empty()) tls.set_trust_store(settings.ca_file);
      if (!settings.cert_file.empty()) tls.set_key_store(settings.cert_file);
      if (!settings.key_file.empty()) tls.set_private_key(settings.key_file);
      tls.set_enable_server_cert_auth(!settings.insecure);
      tls.set_verify(!settings.insecure);  // the host's name
      options.set_ssl(std::move(tls));
    }
    if (route.relay) {
      // Paho 1.3.12 takes the scheme off only where it is the one of the option's name.
      const std::string proxy = "://127.0.0.1:" + std::to_string(route.relay->port());
      if (settings.tls) {
        options.set_https_proxy("https" + proxy);
      } else {
        options.set_http_proxy("http" + proxy);
      }
    }
    paho->connecting = paho->client.connect(std::move(options), nullptr, paho->listener);
    return std::unique_ptr<Client>(new Client(std::move(route.relay), std::move(paho)));
  } catch (const std::exception& error) {
    return library_error(error);
  }
}

BrokerLimits Client::limits() const {
  BrokerLimits limits;
  try {
    const mqtt::connect_response response = paho_->connecting->get_connect_response();
    const mqtt::properties& properties = response.get_properties();
    using Code = mqtt::property;
    if (auto value = property<std::uint16_t>(properties, Code::RECEIVE_MAXIMUM); value && *value > 0) {
      limits.receive_maximum = *value;
    }
    if (auto value = property<std::uint32_t>(properties, Code::MAXIMUM_PACKET_SIZE); value && *value > 0) {
      limits.packet_bytes = *value;
    }
    if (auto value = property<std::uint8_t>(properties, Code::MAXIMUM_QOS)) limits.qos = *value;
    if (auto value = property<std::uint8_t>(properties, Code::RETAIN_AVAILABLE)) limits.retain = *value != 0;
  } catch (const std::exception&) {
    // A 3.1.1 broker says nothing of itself.
    return limits;
  }
  return limits;
}

Result<void> Client::publish(std::uintptr_t message, std::string text, int qos) {
  try {
    paho_->client.publish(mqtt::message::create(paho_->topic, mqtt::binary_ref(std::move(text)), qos, false),
                          token_of(message), paho_->listener);
    return {};
  } catch (const std::exception& error) {
    return library_error(error);
  }
}

Result<void> Client::publish_status(std::uintptr_t message, const StatusMessage& status) {
  try {
    paho_->client.publish(
        mqtt::message::create(status.topic, mqtt::binary_ref(status.text), status.qos, status.retained),
        token_of(message), paho_->listener);
    return {};
  } catch (const std::exception& error) {
    return library_error(error);
  }
}

Result<void> Client::disconnect(std::chrono::milliseconds limit) {
  try {
    paho_->client.disconnect(static_cast<int>(limit.count()), nullptr, paho_->listener);
    return {};
  } catch (const std::exception& error) {
    return library_error(error);
  }
}

}  // namespace vigile::mqtt_sink
