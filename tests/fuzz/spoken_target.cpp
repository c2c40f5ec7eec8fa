// SPDX-License-Identifier: Apache-2.0
// What devices, servers and programs say to drivers. The first byte says which.
#include <arpa/nameser.h>

#include <algorithm>
#include <cmath>

#include "drivers/can/signal.h"
#include "drivers/dns/answer.h"
#include "drivers/exec/exec.h"
#include "drivers/exec/output.h"
#include "drivers/listen/statsd.h"
#include "drivers/mqtt/message.h"
#include "drivers/mqtt/topic.h"
#include "drivers/mqtt_session/packet.h"
#include "drivers/ntp/offset.h"
#include "drivers/serial/nmea.h"
#include "input.h"
#include "point/point.h"
#include "targets.h"

namespace vigile {
namespace {

constexpr std::int64_t kNow = 1'793'491'200'000'000'000;

// A message is one short line; in quotes what came may be UTF-8.
Fault message_fault(const Error& error) {
  if (error.message.empty() || error.message.size() > 1500)
    return "a message of " + std::to_string(error.message.size()) + " bytes";
  for (const char c : error.message) {
    if (static_cast<unsigned char>(c) < ' ') return "a message of several lines";
  }
  return std::nullopt;
}

class Checks final : public Output {
 public:
  void add(const Sample& sample) override {
    if (sample.values.empty()) fault = "a sample without values";
    for (const Value& value : sample.values) {
      if (value.metric.empty()) fault = "a metric without a name";
      const double* number = std::get_if<double>(&value.number);
      if (number != nullptr && !std::isfinite(*number)) fault = "a value that is no number";
    }
  }
  Result<void> add_point(const Point& point, PointOrigin) override {
    if (point.measurement.empty() || point.fields.empty()) fault = "a point without a name or fields";
    return {};
  }
  Result<void> commit() override { return {}; }
  void availability(bool, std::optional<double>, std::string_view) override {}
  Fault fault;
};

Fault report_fault(const TextReport& report, const Checks& checks) {
  if (checks.fault) return checks.fault;
  for (const Error& error : report.errors) {
    if (auto fault = message_fault(error)) return fault;
  }
  return report.refused < report.errors.size() ? Fault("more errors than were refused") : std::nullopt;
}

// The packets of a stream, as text; in pieces of a size.
std::string packets_of(std::string_view stream, std::size_t piece, mqtt_session::Version version) {
  mqtt_session::PacketReader reader(1000);
  std::string text;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.substr(at, piece));
    for (;;) {
      const auto packet = reader.next();
      if (!packet) return text + packet.error().message;
      if (!*packet) break;
      text += std::to_string((*packet)->type) + ((*packet)->is_cut ? " cut" : "") + ":";
      if (const auto publish = mqtt_session::decode_publish(version, **packet); publish)
        text += std::string(publish->topic) + "=" + std::string(publish->payload);
      if (const auto connack = mqtt_session::decode_connack(version, (*packet)->body); connack)
        text += connack->explanation;
      if (const auto suback = mqtt_session::decode_suback(version, (*packet)->body); suback)
        text += std::to_string(suback->reasons.size());
      text += "\n";
    }
  }
  return text;
}

Fault mqtt_packets(Input& in) {
  const auto version = in.byte() % 2 == 0 ? mqtt_session::Version::v5 : mqtt_session::Version::v3_1_1;
  const std::size_t piece = 1 + in.byte();
  if (packets_of(in.rest(), piece, version) != packets_of(in.rest(), in.rest().size() + 1, version))
    return "a stream in pieces is another";
  return std::nullopt;
}

Fault mqtt_text(Input& in) {
  mqtt_driver::MessageSettings settings;
  const std::uint8_t how = in.byte();
  settings.format = static_cast<mqtt_driver::Format>(how % 3);
  settings.time_unit = static_cast<mqtt_driver::TimeUnit>(how / 3 % 5);
  using mqtt_driver::JsonPath;
  using mqtt_driver::ValueType;
  if ((how & 128) != 0) settings.time_path = *JsonPath::parse("/at");
  settings.values = {{.name = "a", .path = *JsonPath::parse("a[n=t].v")},
                     {.name = "b", .path = *JsonPath::parse("/b/0"), .type = ValueType::boolean},
                     {.name = "c", .path = *JsonPath::parse("/c"), .type = ValueType::text}};
  settings.bare.type = static_cast<mqtt_driver::ValueType>(in.byte() % 3);
  const auto pattern = mqtt_driver::parse_topic_pattern(std::string(in.until('\n')));
  const std::string_view topic = in.until('\n');
  std::vector<Tag> tags = {{"metric", "m"}};
  if (pattern) {
    if (const auto levels = mqtt_driver::match(*pattern, topic)) {
      if (levels->size() != pattern->tags.size()) return "levels without names";
      for (std::size_t i = 0; i < levels->size(); ++i)
        tags.push_back({pattern->tags[i].second, (*levels)[i]});
    }
  } else if (auto fault = message_fault({ErrorKind::config, pattern.error().message.substr(0, 300)})) {
    return std::nullopt;  // settings are quoted as they are
  }
  Checks checks;
  mqtt_driver::MessageReport report;
  mqtt_driver::add_message(settings, {topic, tags, in.rest()}, kNow, checks, report);
  return report_fault(report, checks);
}

Fault statsd(Input& in) {
  listen::Statsd gathered(listen::StatsdDialect::statsd);
  while (!in.empty()) {
    const auto read = listen::parse_statsd_line(in.until('\n'));
    const auto added = read ? gathered.add(*read) : Result<void>(read.error());
    if (!added) {
      if (auto fault = message_fault(added.error())) return fault;
    }
  }
  for (const auto& series : gathered.take()) {
    for (const auto& figure : series.figures) {
      if (!std::isfinite(figure.value)) return "a figure that is no number";
    }
  }
  return std::nullopt;
}

Fault nmea(Input& in) {
  serial::Fix fix;
  while (!in.empty()) (void)serial::parse_nmea(in.until('\n'), fix);
  if (fix.latitude && !(std::fabs(*fix.latitude) <= 90)) return "a latitude that is none";
  if (fix.longitude && !(std::fabs(*fix.longitude) <= 180)) return "a longitude that is none";
  return std::nullopt;
}

Fault dbc(Input& in) {
  const std::string_view data = in.bytes(in.byte() % 65);
  const auto signals = can::parse_dbc(in.rest(), "f.dbc");
  if (!signals) return message_fault(signals.error());
  for (const can::Signal& signal : *signals) {
    const auto value =
        can::value_of(signal, {reinterpret_cast<const std::uint8_t*>(data.data()), data.size()});
    if (value && !std::isfinite(*value)) return "a value that is no number";
  }
  return std::nullopt;
}

Fault network(Input& in, bool is_dns) {
  const auto bytes = [&] {
    return std::span(reinterpret_cast<const unsigned char*>(in.rest().data()), in.rest().size());
  };
  if (is_dns) {
    constexpr int kTypes[] = {ns_t_a, ns_t_aaaa, ns_t_cname, ns_t_mx, ns_t_txt, ns_t_srv, ns_t_soa, ns_t_ptr};
    const int type = kTypes[in.byte() % 8];
    const auto id = static_cast<std::uint16_t>(in.rest().size() < 2 ? 0 : bytes()[0] << 8 | bytes()[1]);
    const auto answer = dns::parse_answer(bytes(), id, type);
    if (answer && *answer && (*answer)->values.empty() == (*answer)->ttl_s.has_value())
      return "a time to live of nothing";
    return std::nullopt;
  }
  if (in.byte() % 2 == 0) {
    const auto state = ntp::parse_tracking(in.rest());
    if (!state) return message_fault(state.error());
    return std::isfinite(*state->offset_ms) ? Fault() : Fault("an offset that is no number");
  }
  std::uint64_t nonce = 0;
  for (std::size_t i = 24; i < 32 && i < in.rest().size(); ++i) nonce = nonce << 8 | bytes()[i];
  const auto state = ntp::parse_reply(bytes(), nonce, kNow, kNow + 1000);
  if (state && *state && !std::isfinite(*(*state)->offset_ms)) return "an offset that is no number";
  return state ? Fault() : message_fault(state.error());
}

}  // namespace

Fault spoken_fault(std::string_view input) {
  Input in(input);
  Checks checks;
  TextReport report;
  switch (in.byte() % 9) {
    case 0:
      return mqtt_packets(in);
    case 1:
      return mqtt_text(in);
    case 2:
      exec::add_json(in.rest(), {"p", "_", kNow}, checks, report);
      return report_fault(report, checks);
    case 3: {
      const auto output = exec::parse_plugin_output(in.rest(), {"p"}, report);
      for (const auto& figure : output.figures) {
        if (!std::isfinite(figure.value) || figure.label.empty()) return "a figure that is none";
      }
      return report_fault(report, checks);
    }
    case 4:
      return statsd(in);
    case 5:
      return nmea(in);
    case 6:
      return dbc(in);
    case 7:
      return network(in, true);
    default:
      return network(in, false);
  }
}

}  // namespace vigile
