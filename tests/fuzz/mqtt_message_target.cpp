// SPDX-License-Identifier: Apache-2.0
// Cutting a batch into messages: bytes that say the sizes and where the text is cut into payloads, then the
// text.
#include <nlohmann/json.hpp>
#include <vector>

#include "input.h"
#include "sinks/mqtt/flat_json.h"
#include "sinks/mqtt/settings.h"
#include "sinks/mqtt/split.h"
#include "targets.h"

namespace vigile {
namespace {

using namespace mqtt_sink;

struct Texts {
  std::vector<std::string> lines;  // of each payload
  std::vector<std::string> deflated;
  std::vector<Payload> payloads;
};

// Cut behind line ends, as commits are; the last may lack one.
Texts payloads_of(std::string_view text, std::size_t each) {
  Texts made;
  PayloadEncoder encoder(1);
  while (!text.empty()) {
    std::size_t end = text.find('\n', std::min(each, text.size() - 1));
    end = end == std::string_view::npos ? text.size() : end + 1;
    made.lines.emplace_back(text.substr(0, end));
    encoder.encode(made.lines.back(), made.deflated.emplace_back());
    text.remove_prefix(end);
  }
  for (std::size_t i = 0; i < made.lines.size(); ++i) {
    made.payloads.push_back(
        {made.deflated[i], static_cast<std::uint32_t>(made.lines[i].size()), crc32_of(made.lines[i]), 0});
  }
  return made;
}

Fault message_fault(const Message& message, PayloadFormat format, std::uint64_t wanted, std::uint64_t most) {
  if (message.lines == 0) return "a message of nothing";
  if (format == PayloadFormat::json && message.lines != 1) return "two lines in one object";
  if (!message.refusal.empty()) {
    if (message.lines != 1) return "a refusal of good lines";
    return std::nullopt;
  }
  if (message.text.size() > most) return "a message larger than the broker takes";
  if (message.lines > 1 && message.text.size() > wanted) return "a message larger than was wanted";
  if (format == PayloadFormat::json) {
    const auto object = nlohmann::json::parse(message.text, nullptr, false);
    if (!object.is_object()) return "a message that is no JSON: " + message.text;
    if (!object["fields"].is_object() || object["fields"].empty()) return "an object without fields";
  }
  return std::nullopt;
}

Fault split_fault(const Texts& texts, PayloadFormat format, std::uint64_t wanted, std::uint64_t most,
                  std::vector<Message>& messages) {
  Splitter splitter(texts.payloads, {}, format);
  std::uint64_t lines = 0;
  for (;;) {
    auto message = splitter.next(wanted, most);
    if (!message) return "good payloads are not read: " + message.error().message;
    if (!*message) return std::nullopt;
    if ((*message)->first_line != lines + 1) return "lines miscounted";
    lines += (*message)->lines;
    if ((*message)->end.lines != lines) return "a place that miscounts";
    if (Fault fault = message_fault(**message, format, wanted, most)) return fault;
    messages.push_back(std::move(**message));
  }
}

}  // namespace

Fault mqtt_message_fault(std::string_view input) {
  Input in(input);
  const PayloadFormat format = in.byte() % 2 == 0 ? PayloadFormat::lines : PayloadFormat::json;
  const std::uint64_t wanted = in.number(2);
  const std::uint64_t most = in.number(2);
  const Texts texts = payloads_of(in.rest(), std::size_t{in.byte()} + 1);
  std::vector<Message> messages;
  if (Fault fault = split_fault(texts, format, wanted, most, messages)) return fault;
  std::string all;
  for (const std::string& lines : texts.lines) all += lines;
  if (format == PayloadFormat::lines) {
    std::string together;
    for (const Message& message : messages) together += message.text;
    if (together != all) return "together the messages are not the batch";
  }
  // From the end of any message it goes on with the next.
  for (std::size_t i = 0; i + 1 < messages.size() && i < 8; ++i) {
    Splitter resumed(texts.payloads, messages[i].end, format);
    const auto message = resumed.next(wanted, most);
    if (!message || !*message || (*message)->text != messages[i + 1].text)
      return "resumed it is another message";
  }
  const std::string level = topic_level(in.rest());
  if (level.find_first_of("/+#$") != std::string::npos) return "a topic of two levels";
  return std::nullopt;
}

}  // namespace vigile
