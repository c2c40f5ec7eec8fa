// SPDX-License-Identifier: Apache-2.0
// What the log holds as bytes: payloads of lines, rows of summaries and their sketches. The first byte says
// which.
#include <cmath>
#include <vector>

#include "equipment/byte_coding.h"
#include "equipment/summary_codec.h"
#include "input.h"
#include "point/payload.h"
#include "targets.h"

namespace vigile {
namespace {

// Damaged bytes, with sizes and sums that claim what they like.
Fault payload_fault(Input in) {
  Payload payload;
  payload.raw_bytes = static_cast<std::uint32_t>(in.number(3));
  payload.crc32 = static_cast<std::uint32_t>(in.number(4));
  payload.points = in.byte();
  payload.deflate = in.rest();
  const auto lines = inflate_payload(payload);
  PayloadDecoder decoder;
  const auto checked = decoder.decode(payload, PayloadDecoder::Check::lines);
  if (checked.has_value() != lines.has_value()) return "one way of inflating it fails";
  if (lines &&
      (*lines != *checked || crc32_of(*lines) != payload.crc32 || lines->size() != payload.raw_bytes))
    return "inflated it is not what was said";
  const auto unchecked = decoder.decode(payload, PayloadDecoder::Check::deflate);
  if (unchecked && unchecked->size() != payload.raw_bytes) return "inflated it has another size";
  return std::nullopt;
}

Fault payload_round_trip_fault(std::string_view lines) {
  std::string deflated;
  PayloadEncoder encoder(1);
  encoder.encode(lines, deflated);
  const auto back = inflate_payload({deflated, static_cast<std::uint32_t>(lines.size()), crc32_of(lines), 0});
  if (!back || *back != lines) return "encoded and decoded it is something else";
  return std::nullopt;
}

Fault sketch_fault(std::string_view bytes) {
  QuantileSketch sketch;
  std::string_view rest = bytes;
  if (!sketch.decode(rest)) {
    if (sketch.count() != 0) return "a damaged sketch that counts";
    return std::nullopt;
  }
  if (sketch.memory_bytes() > 16 * (bytes.size() + 1)) return "more memory than its bytes allow";
  double before = -std::numeric_limits<double>::infinity();
  for (const std::uint64_t rank : {std::uint64_t{1}, sketch.count() / 2, sketch.count()}) {
    const double value = sketch.at_rank(rank);
    if (!std::isfinite(value) || (rank > 0 && value < before)) return "values out of order";
    before = value;
  }
  std::string encoded;
  sketch.encode(encoded);
  QuantileSketch again;
  std::string_view encoded_rest = encoded;
  if (!again.decode(encoded_rest) || again != sketch || !encoded_rest.empty())
    return "another sketch when encoded";
  QuantileSketch twice = sketch;
  twice.merge(sketch);
  if (twice.count() != 2 * sketch.count()) return "merged it counts something else";
  return std::nullopt;
}

std::string wrapped(std::string_view entries) {
  std::string row(1, 1);  // the version
  put_varint(entries.size(), row);
  put_varint(crc32_of(entries), row);
  std::string deflated;
  PayloadEncoder(1).encode(entries, deflated);
  return row + deflated;
}

Fault summary_fault(const SeriesSummary& summary) {
  for (const auto& figure : {summary.mean(), summary.standard_deviation(), summary.trend_per_hour(),
                             summary.quantile(0), summary.quantile(0.95), summary.quantile(1)}) {
    if (figure && !std::isfinite(*figure)) return "a figure that is none";
  }
  return std::nullopt;
}

Fault row_fault(std::int64_t hour_ns, std::string_view row) {
  SummaryDecoder decoder;
  Fault fault;
  SeriesSummaries summaries;
  std::size_t entries = 0;
  const auto decoded =
      decoder.decode(hour_ns, row, {}, [&](const SeriesName& name, const SeriesSummary& summary) {
        if (Fault found = summary_fault(summary)) fault = found;
        ++entries;
        summary_of(summaries, name).merge(summary);
      });
  if (fault) return fault;
  const auto stripped = strip_equipment(row, "1");
  if (!decoded) return std::nullopt;
  if (!stripped) return "a good row that cannot be stripped";
  bool left = false;
  if (!stripped->empty()) {
    const auto rest = decoder.decode(
        hour_ns, *stripped, {},
        [&](const SeriesName& name, const SeriesSummary&) { left = left || name.equipment_id == "1"; });
    if (!rest) return "a stripped row that is not read";
  }
  if (left) return "a stripped row that holds the equipment";
  if (entries != summaries.size()) return std::nullopt;  // a series twice: what a damaged row may hold
  for (const auto& [key, summary] : summaries) {
    if (Fault found = summary_fault(summary)) return found;
  }
  SummaryEncoder encoder;
  const std::string encoded = encoder.encode(hour_ns, summaries);
  std::size_t again = 0;
  const auto reread =
      decoder.decode(hour_ns, encoded, {}, [&](const SeriesName& name, const SeriesSummary& summary) {
        const auto found = summaries.find(name);
        if (found == summaries.end() || found->second.count != summary.count ||
            found->second.sketch != summary.sketch || found->second.last_ns != summary.last_ns)
          fault = "encoded again it is another row";
        ++again;
      });
  if (!reread || again != summaries.size()) return "encoded again it is not read";
  return fault;
}

Fault number_fault(Input in) {
  std::string encoded;
  const auto number = static_cast<std::int64_t>(in.number(8));
  const double value = std::bit_cast<double>(in.number(8));
  put_signed(number, encoded);
  put_double(value, encoded);
  std::string_view rest = encoded;
  std::int64_t number_back = 0;
  double value_back = 0;
  if (!get_signed(rest, number_back) || !get_double(rest, value_back) || !rest.empty())
    return "numbers not read";
  if (number != number_back ||
      std::bit_cast<std::uint64_t>(value) != std::bit_cast<std::uint64_t>(value_back))
    return "other numbers";
  return std::nullopt;
}

}  // namespace

Fault stored_bytes_fault(std::string_view input) {
  Input in(input);
  switch (in.byte()) {
    case 'p':
      return payload_fault(in);
    case 'l':
      return payload_round_trip_fault(in.rest());
    case 'q':
      return sketch_fault(in.rest());
    case 'r':
      return row_fault(1793491200'000000000, in.rest());
    case 'e':
      return row_fault(1793491200'000000000, wrapped(in.rest()));
    case 'h': {
      const auto hour_ns = static_cast<std::int64_t>(in.number(8));
      return row_fault(hour_ns, wrapped(in.rest()));
    }
    case 'n':
      return number_fault(in);
    default:
      return std::nullopt;
  }
}

}  // namespace vigile
