// SPDX-License-Identifier: Apache-2.0
#include "drivers/mqtt/mqtt_settings.h"

#include <algorithm>
#include <array>

#include "drivers/scale/scale.h"

namespace vigile::mqtt_driver {

namespace {

constexpr std::size_t kLongestName = 100;
constexpr std::array<std::string_view, 2> kVersions = {"5", "3.1.1"};
constexpr std::array<std::string_view, 3> kFormats = {"line_protocol", "json", "value"};    // as Format
constexpr std::array<std::string_view, 3> kTypes = {"number", "bool", "text"};              // as ValueType
constexpr std::array<std::string_view, 5> kTimeUnits = {"ns", "us", "ms", "s", "iso8601"};  // as TimeUnit

constexpr OptionSpec kWordsOption{
    .name = "words",
    .type = OptionType::map,
    .help = "What words mean as numbers: {heat: 1, cool: 2}; letters' case does not count."};

constexpr std::array kColumns = {
    OptionSpec{.name = "name", .help = "Name of the metric.", .required = true},
    OptionSpec{.name = "path",
               .help = "Where it stands: a JSON pointer, /data/0/temperature, or sensors[name=t1].value.",
               .required = true},
    OptionSpec{.name = "type",
               .type = OptionType::choice,
               .help = "number, bool (true, on, open, online, 1 and their opposites), text.",
               .fallback = "number",
               .choices = kTypes},
    kScaleOption,
    kOffsetOption,
    kUnitOption,
    kDecimalOption,
    kThousandsOption,
    kNotAvailableTextOption,
    kWordsOption,
};

constexpr std::array kOptions = {
    OptionSpec{.name = "url",
               .help = "The broker: mqtt://host:1883, or mqtts://host:8883 with TLS.",
               .required = true},
    OptionSpec{.name = "client_id",
               .help = "Name of the session at the broker; no two clients may have the same.",
               .required = true},
    OptionSpec{.name = "topics",
               .type = OptionType::list,
               .help = "What to subscribe to; a level {line} is any one, and becomes the tag line.",
               .required = true},
    OptionSpec{.name = "format",
               .type = OptionType::choice,
               .help = "What messages hold: line_protocol, json (see values), or one value.",
               .fallback = "line_protocol",
               .choices = kFormats},
    OptionSpec{.name = "forward",
               .type = OptionType::boolean,
               .help = "Lines are other agents' and go on as they are; else they are of this equipment.",
               .fallback = "false"},
    OptionSpec{
        .name = "values", .type = OptionType::rows, .help = "With json: what to take.", .columns = kColumns},
    OptionSpec{
        .name = "time_path",
        .help = "With json: where the time stands, as path; the time of arrival if it is absent or null."},
    OptionSpec{.name = "time_unit",
               .type = OptionType::choice,
               .help = "Of the time at time_path: since 1970, or an ISO 8601 date.",
               .fallback = "s",
               .choices = kTimeUnits},
    OptionSpec{.name = "time_zone",
               .help = "Of ISO 8601 times without one: a name like Europe/Paris, or an offset like +01:00."},
    OptionSpec{.name = "metric",
               .help = "With value: name of the metric; the topic's level {metric} if absent."},
    OptionSpec{.name = "type",
               .type = OptionType::choice,
               .help = "With value: number, bool (true, on, open, online, 1 and their opposites), text.",
               .fallback = "number",
               .choices = kTypes},
    OptionSpec{.name = "scale",
               .type = OptionType::number,
               .help = "With value: it is what was read, times this, plus offset.",
               .fallback = "1"},
    OptionSpec{.name = "offset", .type = OptionType::number, .help = "See scale.", .fallback = "0"},
    kDecimalOption,
    kThousandsOption,
    kNotAvailableTextOption,
    kWordsOption,
    OptionSpec{.name = "version",
               .type = OptionType::choice,
               .help = "Of the protocol: 5 or 3.1.1.",
               .fallback = "5",
               .choices = kVersions},
    OptionSpec{.name = "user", .help = "Who logs in."},
    OptionSpec{.name = "password", .help = "Password.", .secret = true},
    OptionSpec{.name = "session_expiry",
               .type = OptionType::duration,
               .help = "How long the broker keeps messages for us while we are away; version 5.",
               .fallback = "7d",
               .min = 1,
               .max = 4294967294.0},
    OptionSpec{.name = "window",
               .type = OptionType::integer,
               .help = "Messages that the broker sends ahead of acknowledgement; version 5.",
               .fallback = "500",
               .min = 1,
               .max = 65535},
    OptionSpec{.name = "max_message",
               .type = OptionType::size,
               .help = "A longer message is refused.",
               .fallback = "256KiB",
               .min = 1024,
               .max = 16777216},
    OptionSpec{.name = "keep_alive",
               .type = OptionType::duration,
               .help = "The broker gives us up after one and a half of it in silence; more than twice every.",
               .fallback = "60s",
               .min = 2,
               .max = 65535},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "No answer after this long, to connecting or to a packet.",
               .fallback = "5s",
               .min = 0.1,
               .max = 60},
    OptionSpec{.name = "ca_file",
               .help = "PEM file of who signed the broker's certificate; the system's if absent."},
    OptionSpec{.name = "cert_file", .help = "PEM file of our certificate, for brokers that ask for one."},
    OptionSpec{.name = "key_file", .help = "PEM file of its key."},
    OptionSpec{.name = "insecure",
               .type = OptionType::boolean,
               .help = "Do not check the broker's certificate.",
               .fallback = "false"},
};

Error bad(std::string_view option, std::string_view what) {
  return Error{ErrorKind::config, std::string(option) + ": " + std::string(what)};
}

template <class Enum, std::size_t N>
Enum chosen(const std::array<std::string_view, N>& names, std::string_view name) {
  return static_cast<Enum>(std::find(names.begin(), names.end(), name) - names.begin());
}

Result<void> check_name(const std::string& option, const std::string& name) {
  if (name.empty() || name.size() > kLongestName) return bad(option, "a name has 1 to 100 bytes");
  if (is_own_metric(name)) return bad(option, name + ": is the name of a metric that the driver itself has");
  return {};
}

// The columns that a row of values and the options of one bare value have in common.
Result<void> read_reading(const Options& row, WantedValue& value) {
  value.type = chosen<ValueType>(kTypes, row.text("type"));
  value.scale = row.number("scale");
  value.offset = row.number("offset");
  const auto format = read_number_format(row);
  if (!format) return format.error();
  value.format = *format;
  auto codes = read_not_available(row, {.kind = RawForm::Kind::text});
  if (!codes) return codes.error();
  value.not_available = std::move(*codes);
  for (const auto& [word, text] : row.map("words")) {
    const auto number = parse_number_text(text, {.decimal = NumberFormat::Decimal::point});
    if (!number) return bad("words", word.substr(0, 100) + ": " + number.error().message);
    std::string lower = word;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    value.words[lower] = *number;
  }
  if (!value.words.empty() && value.type != ValueType::number) return bad("words", "are for type: number");
  return {};
}

Result<JsonPath> read_path(const std::string& option, const std::string& text) {
  auto path = JsonPath::parse(text);
  if (!path) return bad(option, path.error().message);
  return path;
}

Result<std::vector<WantedValue>> read_values(const Options& options) {
  std::vector<WantedValue> values;
  for (const Options& row : options.rows("values")) {
    WantedValue one;
    one.name = row.text("name");
    if (const auto valid = check_name("values", one.name); !valid) return valid.error();
    auto path = read_path("values: " + one.name, row.text("path"));
    if (!path) return path.error();
    one.path = std::move(*path);
    if (const auto read = read_reading(row, one); !read)
      return bad("values: " + one.name, read.error().message);
    const bool is_twice = std::any_of(values.begin(), values.end(),
                                      [&](const WantedValue& other) { return other.name == one.name; });
    if (is_twice) return bad("values", one.name + " is there twice");
    values.push_back(std::move(one));
  }
  return values;
}

// What says when a reading was made.
Result<void> read_time(const Options& options, MessageSettings& message) {
  const bool is_json = message.format == Format::json;
  const std::string& path = options.text("time_path");
  message.time_unit = chosen<TimeUnit>(kTimeUnits, options.text("time_unit"));
  if (!path.empty()) {
    if (!is_json) return bad("time_path", "has no effect without format: json");
    auto parsed = read_path("time_path", path);
    if (!parsed) return parsed.error();
    message.time_path = std::move(*parsed);
  }
  if (options.text("time_zone").empty()) return {};
  if (!message.time_path) return bad("time_zone", "has no effect without time_path");
  auto zone = TimeZone::find(options.text("time_zone"));
  if (!zone) return bad("time_zone", zone.error().message);
  message.time_zone = std::move(*zone);
  return {};
}

Result<MessageSettings> read_message(const Options& options, const std::vector<TopicPattern>& topics) {
  MessageSettings message;
  message.format = chosen<Format>(kFormats, options.text("format"));
  message.origin = options.flag("forward") ? PointOrigin::agent : PointOrigin::here;
  auto values = read_values(options);
  if (!values) return values.error();
  message.values = std::move(*values);
  if (const auto read = read_time(options, message); !read) return read.error();
  message.bare.name = options.text("metric");
  if (const auto read = read_reading(options, message.bare); !read) return read.error();
  const bool is_json = message.format == Format::json;
  if (is_json == message.values.empty())
    return bad("values", is_json ? "json needs to know what to take" : "has no effect without format: json");
  const bool is_value = message.format == Format::value;
  if (!is_value && !message.bare.name.empty()) return bad("metric", "has no effect without format: value");
  if (is_value && !message.bare.name.empty()) {
    if (const auto valid = check_name("metric", message.bare.name); !valid) return valid.error();
  }
  if (message.format != Format::line_protocol && options.flag("forward"))
    return bad("forward", "has no effect without format: line_protocol");
  for (const TopicPattern& topic : topics) {
    if (message.format == Format::line_protocol && !topic.tags.empty())
      return bad("topics",
                 topic.filter + ": lines have their own tags, levels with names are for json and value");
    const bool names_metric = std::any_of(topic.tags.begin(), topic.tags.end(),
                                          [](const auto& tag) { return tag.second == "metric"; });
    if (is_value && message.bare.name.empty() && !names_metric)
      return bad("topics", topic.filter + ": without the option metric, a level must be {metric}");
  }
  return message;
}

}  // namespace

std::span<const OptionSpec> option_table() {
  return kOptions;
}

bool is_own_metric(std::string_view name) {
  return name.starts_with("mqtt_") || name == "messages" || name == "bytes" || name == "refused" ||
         name == "conflicts" || name == "connected";
}

Result<MqttSettings> read_settings(const Options& options) {
  MqttSettings settings;
  mqtt_session::SessionSettings& session = settings.session;
  auto broker = mqtt_session::parse_broker_address(options.text("url"));
  if (!broker) return broker.error();
  session.broker = std::move(*broker);
  session.tls = {options.text("ca_file"), options.text("cert_file"), options.text("key_file"),
                 options.flag("insecure")};
  if (session.tls.cert_file.empty() != session.tls.key_file.empty())
    return bad("cert_file", "and key_file go together");
  if (options.list("topics").empty()) return bad("topics", "there must be one");
  for (const std::string& text : options.list("topics")) {
    auto topic = parse_topic_pattern(text);
    if (!topic) return topic.error();
    session.filters.push_back(topic->filter);
    settings.topics.push_back(std::move(*topic));
  }
  auto message = read_message(options, settings.topics);
  if (!message) return message.error();
  settings.message = std::move(*message);
  session.max_message_bytes = static_cast<std::size_t>(options.size_bytes("max_message"));
  session.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(options.duration("timeout"));
  mqtt_session::ConnectRequest& connect = session.connect;
  connect.version =
      options.text("version") == "5" ? mqtt_session::Version::v5 : mqtt_session::Version::v3_1_1;
  connect.client_id = options.text("client_id");
  if (connect.client_id.empty() || connect.client_id.size() > 200)
    return bad("client_id", "has 1 to 200 bytes");
  if (!options.text("user").empty()) connect.user = options.text("user");
  if (!options.text("password").empty()) connect.password = options.text("password");
  if (connect.password && !connect.user) return bad("password", "needs a user");
  if (connect.user.value_or("").size() > 65'535 || connect.password.value_or("").size() > 65'535)
    return bad("password", "and user have at most 65535 bytes");
  const auto seconds = [&](std::string_view name) {
    return std::chrono::duration_cast<std::chrono::seconds>(options.duration(name)).count();
  };
  connect.keep_alive_s = static_cast<std::uint16_t>(seconds("keep_alive"));
  connect.session_expiry_s = static_cast<std::uint32_t>(seconds("session_expiry"));
  connect.receive_maximum = static_cast<std::uint16_t>(options.integer("window"));
  return settings;
}

}  // namespace vigile::mqtt_driver
