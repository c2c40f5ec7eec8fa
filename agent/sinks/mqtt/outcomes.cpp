// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/outcomes.h"

#include "core/units.h"

namespace vigile::mqtt_sink {

namespace {

struct Reason {
  int code;
  std::string_view text;
};
constexpr Reason kReasons[] = {
    {0x80, "Unspecified error"},
    {0x81, "Malformed packet"},
    {0x82, "Protocol error"},
    {0x83, "Implementation specific error"},
    {0x84, "Unsupported protocol version"},
    {0x85, "Client identifier not valid"},
    {0x86, "Bad user name or password"},
    {0x87, "Not authorized"},
    {0x88, "Server unavailable"},
    {0x89, "Server busy"},
    {0x8a, "Banned"},
    {0x8b, "Server shutting down"},
    {0x8c, "Bad authentication method"},
    {0x8d, "Keep alive timeout"},
    {0x8e, "Session taken over"},
    {0x90, "Topic name invalid"},
    {0x91, "Packet identifier in use"},
    {0x93, "Receive maximum exceeded"},
    {0x95, "Packet too large"},
    {0x96, "Message rate too high"},
    {0x97, "Quota exceeded"},
    {0x98, "Administrative action"},
    {0x99, "Payload format invalid"},
    {0x9a, "Retain not supported"},
    {0x9b, "QoS not supported"},
    {0x9c, "Use another server"},
    {0x9d, "Server moved"},
    {0x9f, "Connection rate exceeded"},
    {0xa0, "Maximum connect time"},
};

// MQTT 3.1.1's five refusals in MQTT 5's words.
int as_reason(int code) {
  switch (code) {
    case 1:
      return 0x84;
    case 2:
      return 0x85;
    case 3:
      return 0x88;
    case 4:
      return 0x86;
    case 5:
      return 0x87;
    default:
      return code;
  }
}

Outcome outcome(Outcome::Kind kind, const MqttSettings& settings, std::string_view what,
                std::string_view cause) {
  std::string message = settings.shown_url;
  message += ": ";
  message += what;
  if (!cause.empty()) {
    message += ": ";
    message += cause;
  }
  return Outcome{.kind = kind, .message = std::move(message)};
}

}  // namespace

std::string reason_text(int reason) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text = "0x";
  text += kHex[(reason >> 4) & 15];
  text += kHex[reason & 15];
  for (const Reason& known : kReasons) {
    if (known.code == reason) text += " " + std::string(known.text);
  }
  return text;
}

Outcome connect_refused(const MqttSettings& settings, int code) {
  const int reason = as_reason(code);
  const std::string refused = "the broker refused the connection, " + reason_text(reason);
  const auto paused = [&](std::string_view advice) {
    return outcome(Outcome::Kind::paused, settings, refused, advice);
  };
  switch (reason) {
    case 0x84:
      return paused(settings.version == Version::v5 ? "it does not speak MQTT 5; set `version: 3.1.1`"
                                                    : "it does not speak MQTT 3.1.1; set `version: 5`");
    case 0x85:
      return paused("set another `client_id` than '" + settings.client_id + "'");
    case 0x86:
      return paused("check `user` and `password`");
    case 0x87:
      return paused("check `user`, `password` and what the broker allows client '" + settings.client_id +
                    "'");
    case 0x8a:
      return paused("ask the broker's operator");
    case 0x8c:
      return paused("it wants another method of login than user and password");
    case 0x90:
      return paused("check `status_topic`: it is the topic of the will");
    case 0x9c:
    case 0x9d:
      return paused("change `url`");
    default:
      return outcome(Outcome::Kind::retry_later, settings, refused, "");
  }
}

Outcome connect_failed(const MqttSettings& settings, std::string_view cause) {
  if (!cause.empty()) return outcome(Outcome::Kind::retry_later, settings, "no connection", cause);
  std::string_view guess = "the broker did not accept a connection";
  if (settings.tls) {
    guess =
        settings.cert_file.empty()
            ? "TLS failed: the certificate is not signed by an authority of `ca_file`, or is not made for "
              "this host's name, or has expired, or the broker wants `cert_file` and `key_file`"
            : "TLS failed: the certificate is not signed by an authority of `ca_file`, or is not made for "
              "this host's name, or has expired, or the broker does not trust `cert_file`";
  } else {
    guess = settings.version == Version::v5
                ? "the broker closed the connection before it answered; if it does not speak MQTT 5, set "
                  "`version: 3.1.1`"
                : "the broker closed the connection before it answered";
  }
  return outcome(Outcome::Kind::retry_later, settings, "no connection", guess);
}

std::string_view remedy_of_refusal(int code) {
  switch (as_reason(code)) {
    case 0x84:
      return "set the `version` that the broker speaks";
    case 0x85:
      return "set another `client_id`";
    case 0x86:
    case 0x87:
    case 0x8a:
    case 0x8c:
      return "check user and password, and the broker's access list";
    case 0x90:
      return "set another `status_topic`";
    case 0x9c:
    case 0x9d:
      return "change `url`";
    default:
      return "look at the broker's log";
  }
}

bool may_be_size(int reason) {
  // Mosquitto answers 0x83 above its message_size_limit.
  return reason == 0x95 || reason == 0x83;
}

Outcome publish_refused(const MqttSettings& settings, int reason) {
  const std::string refused = "topic " + settings.topic + " refused, " + reason_text(reason);
  switch (reason) {
    case 0x87:
      return outcome(Outcome::Kind::paused, settings, refused,
                     "the broker does not let user '" + settings.user + "' publish there");
    case 0x90:
      return outcome(Outcome::Kind::paused, settings, refused, "set another `topic`");
    case 0x99:
      return outcome(Outcome::Kind::paused, settings, refused, "the broker wants another `payload`");
    case 0x9b:
      return outcome(Outcome::Kind::paused, settings, refused, "set a lower `qos`");
    case 0x95:
      return outcome(Outcome::Kind::too_large, settings, refused, "");
    default:
      return outcome(Outcome::Kind::retry_later, settings, refused, "");
  }
}

Outcome connection_lost(const MqttSettings& settings, int reason) {
  if (reason == 0) return outcome(Outcome::Kind::retry_later, settings, "connection lost", "");
  const std::string ended = "the broker ended the connection, " + reason_text(reason);
  switch (reason) {
    case 0x8e:
      return outcome(
          Outcome::Kind::retry_later, settings, ended,
          "another client connected as '" + settings.client_id + "'; give each a `client_id` of its own");
    case 0x87:
      return outcome(Outcome::Kind::paused, settings, ended,
                     "it does not let user '" + settings.user + "' publish to " + settings.topic);
    case 0x90:
      return outcome(Outcome::Kind::paused, settings, ended, "set another `topic`");
    case 0x99:
      return outcome(Outcome::Kind::paused, settings, ended, "the broker wants another `payload`");
    case 0x9b:
      return outcome(Outcome::Kind::paused, settings, ended, "set a lower `qos`");
    case 0x9c:
    case 0x9d:
      return outcome(Outcome::Kind::paused, settings, ended, "change `url`");
    default:
      return outcome(Outcome::Kind::retry_later, settings, ended, "");
  }
}

Outcome acknowledgement_missing(const MqttSettings& settings) {
  return outcome(Outcome::Kind::retry_later, settings,
                 "no acknowledgement within " + format_duration(settings.ack_timeout), "");
}

}  // namespace vigile::mqtt_sink
