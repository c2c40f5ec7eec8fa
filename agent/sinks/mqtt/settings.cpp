// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/settings.h"

#include <array>
#include <charconv>
#include <optional>

#include "core/file.h"

namespace vigile::mqtt_sink {

namespace {

constexpr std::string_view kVersions[] = {"5", "3.1.1"};
constexpr std::string_view kPayloads[] = {"lines", "json"};
constexpr std::size_t kLongestTopic = 65535;  // bytes; MQTT 5 §1.5.4

constexpr OptionSpec kTable[] = {
    {.name = "url",
     .type = OptionType::text,
     .help = "Address of the broker: mqtt://host:1883, mqtts://host:8883 (TLS), ws:// or wss://",
     .fallback = "",
     .required = true},
    {.name = "version",
     .type = OptionType::choice,
     .help = "Version of the protocol; there is no silent fallback",
     .fallback = "5",
     .choices = kVersions},
    {.name = "client_id",
     .type = OptionType::text,
     .help = "Name of this client, unique at the broker; default vigile-<site>-<device>",
     .fallback = ""},
    {.name = "user", .type = OptionType::text, .help = "User name", .fallback = ""},
    {.name = "password", .type = OptionType::text, .help = "Password", .fallback = "", .secret = true},
    {.name = "qos",
     .type = OptionType::integer,
     .help = "Quality of service: 0 (may lose), 1 (at least once), 2 (once)",
     .fallback = "1",
     .min = 0,
     .max = 2},
    {.name = "topic",
     .type = OptionType::text,
     .help = "Topic of the points; {site} and {device} are replaced",
     .fallback = "vigile/{site}/{device}/points"},
    {.name = "status_topic",
     .type = OptionType::text,
     .help = "Retained topic that says online or offline; empty for none",
     .fallback = "vigile/{site}/{device}/status"},
    {.name = "payload",
     .type = OptionType::choice,
     .help = "Line protocol, many lines a message; or one JSON object a message",
     .fallback = "lines",
     .choices = kPayloads},
    {.name = "max_message",
     .type = OptionType::size,
     .help = "Largest payload of a message, in bytes; the broker's own limit counts too",
     .fallback = "64KiB",
     .min = 256,
     .max = 16.0 * 1024 * 1024},
    {.name = "window",
     .type = OptionType::integer,
     .help =
         "Messages on their way without acknowledgement, at most; the broker's Receive Maximum counts too",
     .fallback = "20",
     .min = 1,
     .max = 50},
    {.name = "ack_timeout",
     .type = OptionType::duration,
     .help = "Longest wait for the next acknowledgement before the connection is given up",
     .fallback = "10s",
     .min = 0.1,
     .max = 600},
    {.name = "keep_alive",
     .type = OptionType::duration,
     .help = "Interval of pings on an idle connection",
     .fallback = "60s",
     .min = 5,
     .max = 65535},
    {.name = "connect_timeout",
     .type = OptionType::duration,
     .help = "Longest wait for a connection, TLS and login included",
     .fallback = "10s",
     .min = 1,
     .max = 300},
    {.name = "ca_file",
     .type = OptionType::text,
     .help = "PEM file of the authorities that may sign the broker's certificate; default the system's",
     .fallback = ""},
    {.name = "cert_file",
     .type = OptionType::text,
     .help = "PEM file of this client's certificate",
     .fallback = ""},
    {.name = "key_file",
     .type = OptionType::text,
     .help = "PEM file of its key, not encrypted",
     .fallback = ""},
    {.name = "insecure",
     .type = OptionType::boolean,
     .help = "Accept any certificate: no protection against a false broker",
     .fallback = "false"},
};

Error config(std::string_view option, std::string_view cause) {
  return Error{ErrorKind::config, std::string(option) + ": " + std::string(cause)};
}

struct Scheme {
  std::string_view written;
  std::string_view paho;
  std::uint16_t port;
  bool tls;
};
constexpr Scheme kSchemes[] = {
    {"mqtt", "tcp", 1883, false}, {"mqtts", "ssl", 8883, true}, {"tcp", "tcp", 1883, false},
    {"ssl", "ssl", 8883, true},   {"ws", "ws", 80, false},      {"wss", "wss", 443, true},
};

// Fills url, shown_url, host, port, tls.
Result<void> read_url(std::string_view url, MqttSettings& settings) {
  constexpr std::string_view kExpected =
      "write mqtt://host[:1883], mqtts://host[:8883], ws://host[:80][/path] or wss://host[:443][/path]";
  // The text is not quoted in errors before it is known to hold no password.
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos)
    return config("url", std::string("no scheme: ") + std::string(kExpected));
  const Scheme* scheme = nullptr;
  for (const Scheme& known : kSchemes) {
    if (url.substr(0, colon) == known.written) scheme = &known;
  }
  if (scheme == nullptr) {
    return config("url",
                  "unknown scheme '" + std::string(url.substr(0, colon)) + "': " + std::string(kExpected));
  }
  std::string_view rest = url.substr(colon + 3);
  if (rest.find('@') != std::string_view::npos) {
    return config("url", "user and password do not belong here: use the options `user` and `password`");
  }
  std::string_view path;
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    path = rest.substr(slash);
    rest = rest.substr(0, slash);
  }
  const bool websocket = scheme->paho == "ws" || scheme->paho == "wss";
  if (!websocket && path.size() > 1) {
    return config("url",
                  "a path ('" + std::string(path) + "') is for ws:// and wss:// alone; topics go to `topic`");
  }
  std::string_view host = rest;
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return config("url", "']' is missing after the IPv6 address");
    host = rest.substr(1, end - 1);
    rest = rest.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return config("url", "expected ':' and a port after ']'");
    port = rest.empty() ? rest : rest.substr(1);
    if (!rest.empty() && port.empty()) return config("url", "the port after ':' is missing");
  } else if (const std::size_t at = rest.find(':'); at != std::string_view::npos) {
    host = rest.substr(0, at);
    port = rest.substr(at + 1);
    if (port.empty()) return config("url", "the port after ':' is missing");
  }
  if (host.empty() || host.find_first_of(" \t\r\n") != std::string_view::npos) {
    return config("url", "'" + std::string(url) + "' names no host: " + std::string(kExpected));
  }
  settings.port = scheme->port;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), settings.port);
    if (error != std::errc() || end != port.data() + port.size() || settings.port == 0) {
      return config("url", "port '" + std::string(port) + "' is not a number from 1 to 65535");
    }
  }
  settings.host = host;
  settings.tls = scheme->tls;
  const bool ipv6 = host.find(':') != std::string_view::npos;
  const std::string place = "://" + (ipv6 ? "[" + settings.host + "]" : settings.host) + ":" +
                            std::to_string(settings.port) + (websocket ? std::string(path) : "");
  settings.url = std::string(scheme->paho) + place;
  settings.shown_url = std::string(scheme->written) + place;
  return {};
}

Result<std::string> read_topic(std::string_view option, const std::string& written,
                               const SinkEnvironment& environment) {
  std::string topic;
  std::string_view rest = written;
  while (!rest.empty()) {
    if (rest.starts_with("{site}")) {
      topic += topic_level(environment.site_id);
      rest.remove_prefix(6);
    } else if (rest.starts_with("{device}")) {
      topic += topic_level(environment.device);
      rest.remove_prefix(8);
    } else if (rest[0] == '{' || rest[0] == '}') {
      return config(option, "'" + written + "': the placeholders are {site} and {device}");
    } else if (rest[0] == '+' || rest[0] == '#') {
      return config(option, "'" + written + "': '" + rest[0] + "' is for subscriptions, not for publishing");
    } else if (static_cast<unsigned char>(rest[0]) < 0x20 || rest[0] == 0x7f) {
      return config(option, "holds a control character");
    } else {
      topic += rest[0];
      rest.remove_prefix(1);
    }
  }
  if (topic.size() > kLongestTopic) return config(option, "longer than 65535 bytes");
  return topic;
}

enum class Pem { certificate, key };

Result<void> check_pem(std::string_view option, const std::string& path, Pem sort) {
  if (path.empty()) return {};
  const Result<std::string> text = read_file(path);
  if (!text) return config(option, text.error().message);
  if (sort == Pem::certificate && text->find("-----BEGIN CERTIFICATE-----") == std::string::npos &&
      text->find("-----BEGIN TRUSTED CERTIFICATE-----") == std::string::npos) {
    return config(option, path + ": no certificate in PEM form (-----BEGIN CERTIFICATE-----) in it");
  }
  if (sort == Pem::key) {
    if (text->find("PRIVATE KEY-----") == std::string::npos) {
      return config(option, path + ": no key in PEM form (-----BEGIN PRIVATE KEY-----) in it");
    }
    // OpenSSL would ask for the passphrase on the terminal.
    if (text->find("ENCRYPTED") != std::string::npos) {
      return config(option, path + ": the key is encrypted; give it unencrypted (openssl pkey -in … -out …)");
    }
  }
  return {};
}

}  // namespace

std::span<const OptionSpec> option_table() {
  return kTable;
}

std::string topic_level(std::string_view id) {
  std::string level(id);
  for (char& c : level) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '/' || c == '+' || c == '#' || c == '$' || byte < 0x20 || byte == 0x7f) c = '_';
  }
  return level.empty() ? "_" : level;
}

Result<void> check_files(const MqttSettings& settings) {
  if (auto checked = check_pem("ca_file", settings.ca_file, Pem::certificate); !checked) return checked;
  if (auto checked = check_pem("cert_file", settings.cert_file, Pem::certificate); !checked) return checked;
  return check_pem("key_file", settings.key_file, Pem::key);
}

Result<MqttSettings> read_settings(const Options& options, const SinkEnvironment& environment) {
  MqttSettings settings;
  if (auto read = read_url(options.text("url"), settings); !read) return read.error();
  settings.version = options.text("version") == "3.1.1" ? Version::v3_1_1 : Version::v5;
  settings.client_id = options.text("client_id");
  if (settings.client_id.empty()) {
    settings.client_id = "vigile-" + topic_level(environment.site_id) + "-" + topic_level(environment.device);
  }
  settings.user = options.text("user");
  settings.password = options.text("password");
  if (!settings.password.empty() && settings.user.empty()) {
    return config("password", "given without `user`");
  }
  settings.qos = static_cast<int>(options.integer("qos"));
  auto topic = read_topic("topic", options.text("topic"), environment);
  if (!topic) return topic.error();
  if (topic->empty()) return config("topic", "is empty; the default is vigile/{site}/{device}/points");
  settings.topic = std::move(*topic);
  auto status_topic = read_topic("status_topic", options.text("status_topic"), environment);
  if (!status_topic) return status_topic.error();
  settings.status_topic = std::move(*status_topic);
  if (settings.status_topic == settings.topic) {
    return config("status_topic", "is the same as `topic`: readers of points would get it too");
  }
  settings.format = options.text("payload") == "json" ? PayloadFormat::json : PayloadFormat::lines;
  settings.max_message_bytes = options.size_bytes("max_message");
  settings.window = static_cast<std::uint32_t>(options.integer("window"));
  settings.ack_timeout = options.duration("ack_timeout");
  settings.keep_alive = options.duration("keep_alive");
  settings.connect_timeout = options.duration("connect_timeout");
  settings.ca_file = options.text("ca_file");
  settings.cert_file = options.text("cert_file");
  settings.key_file = options.text("key_file");
  settings.insecure = options.flag("insecure");
  if (!settings.tls) {
    for (const std::string_view name : {"ca_file", "cert_file", "key_file"}) {
      if (!options.text(name).empty()) return config(name, "needs an mqtts:// or wss:// url");
    }
    if (settings.insecure) return config("insecure", "needs an mqtts:// or wss:// url");
  }
  if (!settings.key_file.empty() && settings.cert_file.empty()) {
    return config("key_file", "given without `cert_file`");
  }
  if (!settings.cert_file.empty() && settings.key_file.empty()) {
    return config("cert_file", "given without `key_file`");
  }
  if (auto checked = check_files(settings); !checked) return checked.error();
  return settings;
}

}  // namespace vigile::mqtt_sink
