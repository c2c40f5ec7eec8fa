// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/option.h"
#include "core/units.h"
#include "point/payload.h"
#include "sinks/sink.h"

namespace vigile {

// The option table's defaults under `written`, as the settings would hand them over.
inline Options options_with_defaults(std::span<const OptionSpec> table,
                                     const std::map<std::string, OptionValue>& written) {
  Options options;
  for (const OptionSpec& spec : table) {
    if (spec.fallback.empty()) continue;
    const std::string text(spec.fallback);
    switch (spec.type) {
      case OptionType::integer:
        options.set(spec.name, std::int64_t{std::stoll(text)});
        break;
      case OptionType::duration:
        options.set(spec.name, *parse_duration(text));
        break;
      case OptionType::size:
        options.set(spec.name, *parse_size(text));
        break;
      case OptionType::boolean:
        options.set(spec.name, text == "true");
        break;
      default:
        options.set(spec.name, text);
    }
  }
  for (const auto& [name, value] : written) options.set(name, value);
  return options;
}

// Lines made into payloads as the log holds them.
class TestBatch {
 public:
  void add_segment(const std::string& lines) {
    std::string& deflate = deflates_.emplace_back();
    encoder_.encode(lines, deflate);
    std::uint32_t points = 0;
    for (const char c : lines) points += c == '\n';
    payloads_.push_back(Payload{deflate, static_cast<std::uint32_t>(lines.size()), crc32_of(lines), points});
  }
  Batch batch() const { return batch(0, payloads_.size()); }
  Batch batch(std::size_t first, std::size_t count) const {
    Batch batch{.payloads = std::span(payloads_).subspan(first, count)};
    for (const Payload& payload : batch.payloads) {
      batch.points += payload.points;
      batch.raw_bytes += payload.raw_bytes;
    }
    return batch;
  }
  std::span<const Payload> payloads() const { return payloads_; }

 private:
  PayloadEncoder encoder_;
  std::deque<std::string> deflates_;
  std::vector<Payload> payloads_;
};

// A line of about the size of the equipment layout's.
inline std::string equipment_line(int number) {
  return "equipment_metrics,equipment_id=7,equipment_name=Serveur\\ principal,equipment_type=server,"
         "ip_address=10.0.0.7,metric_name=cpu_usage,site_id=12,site_name=Lyon-Nord value=" +
         std::to_string(number) + ".5 " + std::to_string(1793491200'000000000 + number) + "\n";
}

}  // namespace vigile
