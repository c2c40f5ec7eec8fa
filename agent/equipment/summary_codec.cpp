// SPDX-License-Identifier: Apache-2.0
#include "equipment/summary_codec.h"

#include <cmath>

#include "equipment/byte_coding.h"

namespace vigile {

namespace {

constexpr char kVersion = 1;
constexpr std::uint64_t kMostRawBytes = std::uint64_t{256} << 20;

Error corrupt(std::string_view what) {
  return Error{ErrorKind::corrupt, "summaries of an hour: " + std::string(what)};
}

// Version, size and CRC-32 of the entries, the entries deflated.
std::string wrap(std::string_view raw, PayloadEncoder& deflate) {
  std::string compressed;
  deflate.encode(raw, compressed);
  std::string payload(1, kVersion);
  put_varint(raw.size(), payload);
  put_varint(crc32_of(raw), payload);
  return payload + compressed;
}

Result<Payload> unwrap(std::string_view payload) {
  if (payload.empty() || payload.front() != kVersion) return corrupt("unknown version");
  payload.remove_prefix(1);
  std::uint64_t size = 0;
  std::uint64_t crc = 0;
  if (!get_varint(payload, size) || !get_varint(payload, crc) || size > kMostRawBytes || crc > UINT32_MAX) {
    return corrupt("damaged head");
  }
  return Payload{payload, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(crc), 0};
}

bool get_name(std::string_view& entry, SeriesName& name) {
  return get_text(entry, name.equipment_id) && get_text(entry, name.metric) && get_text(entry, name.tags);
}

// What series of one driver instance share, count and times, comes first and in one piece: deflate then finds
// it again in the next entry.
void put_summary(std::int64_t hour_ns, const SeriesSummary& summary, std::string& out) {
  put_varint(summary.count, out);
  put_signed(summary.first_ns - hour_ns, out);
  put_varint(static_cast<std::uint64_t>(summary.last_ns) - static_cast<std::uint64_t>(summary.first_ns), out);
  put_double(summary.mean_t, out);
  put_double(summary.squares_t, out);
  for (const double value : {summary.min, summary.max, summary.first, summary.last, summary.sum,
                             summary.squares, summary.products}) {
    put_double(value, out);
  }
  summary.sketch.encode(out);
}

bool get_summary(std::int64_t hour_ns, std::string_view& in, SeriesSummary& summary) {
  std::uint64_t length_ns = 0;
  std::int64_t offset_ns = 0;
  if (!get_varint(in, summary.count) || !get_signed(in, offset_ns) || !get_varint(in, length_ns))
    return false;
  if (summary.count == 0 || offset_ns < 0 || offset_ns >= kHourNs || length_ns >= kHourNs) return false;
  if (__builtin_add_overflow(hour_ns, offset_ns, &summary.first_ns) ||
      __builtin_add_overflow(summary.first_ns, static_cast<std::int64_t>(length_ns), &summary.last_ns)) {
    return false;
  }
  for (double* const value : {&summary.mean_t, &summary.squares_t, &summary.min, &summary.max, &summary.first,
                              &summary.last, &summary.sum, &summary.squares, &summary.products}) {
    if (!get_double(in, *value)) return false;
  }
  // Sums may have grown past what a double holds; single values are finite.
  if (!(summary.min <= summary.max) || !std::isfinite(summary.min) || !std::isfinite(summary.max))
    return false;
  if (!std::isfinite(summary.first) || !std::isfinite(summary.last)) return false;
  return summary.sketch.decode(in).has_value() && summary.sketch.count() == summary.count;
}

}  // namespace

std::string SummaryEncoder::encode(std::int64_t hour_ns, const SeriesSummaries& summaries) {
  raw_.clear();
  for (const auto& [key, summary] : summaries) {
    if (summary.count == 0) continue;
    entry_.clear();
    put_text(key.equipment_id, entry_);
    put_text(key.metric, entry_);
    put_text(key.tags, entry_);
    put_summary(hour_ns, summary, entry_);
    put_text(entry_, raw_);
  }
  return wrap(raw_, deflate_);
}

Result<void> SummaryDecoder::decode(
    std::int64_t hour_ns, std::string_view payload, const Wanted& wanted,
    const std::function<void(const SeriesName& series, const SeriesSummary& summary)>& use) {
  const auto packed = unwrap(payload);
  if (!packed) return packed.error();
  const auto raw = inflate_.decode(*packed, PayloadDecoder::Check::lines);
  if (!raw) return raw.error();
  std::string_view rest = *raw;
  while (!rest.empty()) {
    std::string_view entry;
    SeriesName name;
    if (!get_text(rest, entry) || !get_name(entry, name)) return corrupt("damaged entry");
    if (!wanted.equipment_id.empty() && name.equipment_id != wanted.equipment_id) continue;
    if (wanted.metric_wanted && !wanted.metric_wanted(name.metric)) continue;
    if (!get_summary(hour_ns, entry, summary_) || !entry.empty()) return corrupt("damaged entry");
    use(name, summary_);
  }
  return {};
}

Result<std::string> strip_equipment(std::string_view payload, std::string_view equipment_id) {
  const auto packed = unwrap(payload);
  if (!packed) return packed.error();
  PayloadDecoder inflate;
  const auto raw = inflate.decode(*packed, PayloadDecoder::Check::lines);
  if (!raw) return raw.error();
  std::string kept;
  std::string_view rest = *raw;
  while (!rest.empty()) {
    const std::string_view before = rest;
    std::string_view entry;
    SeriesName name;
    if (!get_text(rest, entry) || !get_name(entry, name)) return corrupt("damaged entry");
    if (name.equipment_id != equipment_id) kept += before.substr(0, before.size() - rest.size());
  }
  if (kept.size() == raw->size()) return std::string(payload);
  if (kept.empty()) return std::string();
  PayloadEncoder deflate;
  return wrap(kept, deflate);
}

}  // namespace vigile
