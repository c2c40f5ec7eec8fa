// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/flat_json.h"

#include <nlohmann/json.hpp>
#include <variant>

#include "point/line_decode.h"

namespace vigile::mqtt_sink {

Result<std::string> flat_json(std::string_view line) {
  LineDecoder decoder(line, Precision::ns);
  switch (decoder.next()) {
    case LineDecoder::Step::end:
      return Error{ErrorKind::parse, "no line"};
    case LineDecoder::Step::error:
      return Error{ErrorKind::parse, "column " + std::to_string(decoder.error().column) + ": expected " +
                                         decoder.error().expected};
    case LineDecoder::Step::line:
      break;
  }
  const Result<Point> point = to_point(decoder.view());
  if (!point) return point.error();
  nlohmann::ordered_json tags = nlohmann::ordered_json::object();
  for (const auto& [key, value] : point->tags) tags[key] = value;
  nlohmann::ordered_json fields = nlohmann::ordered_json::object();
  for (const auto& [key, value] : point->fields) {
    std::visit([&name = key, &fields](const auto& plain) { fields[name] = plain; }, value);
  }
  nlohmann::ordered_json object;
  object["measurement"] = point->measurement;
  object["tags"] = std::move(tags);
  object["fields"] = std::move(fields);
  object["time"] = nullptr;
  if (point->time_ns) object["time"] = *point->time_ns;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace vigile::mqtt_sink
