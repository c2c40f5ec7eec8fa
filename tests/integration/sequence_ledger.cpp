// SPDX-License-Identifier: Apache-2.0
#include "integration/sequence_ledger.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "core/clock.h"
#include "point/line_decode.h"
#include "point/payload.h"
#include "store/log.h"

namespace vigile {

namespace {

// Never 0, which stands for "not seen".
std::uint64_t content_hash(std::string_view metric, double value, std::int64_t time_ns) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  const auto mix = [&](const void* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 1099511628211u;
    }
  };
  mix(metric.data(), metric.size());
  mix(&bits, sizeof bits);
  mix(&time_ns, sizeof time_ns);
  return hash == 0 ? 1 : hash;
}

}  // namespace

SequenceLedger SequenceLedger::from_log(const std::filesystem::path& database) {
  const SystemClock clock;
  LogOptions options;
  options.path = database;
  auto log = Log::open(options, clock);
  if (!log) throw std::runtime_error(log.error().message);
  SequenceLedger ledger;
  std::uint64_t from_seq = 0;
  for (;;) {
    auto segments = (*log)->read_history(std::numeric_limits<std::int64_t>::min(),
                                         std::numeric_limits<std::int64_t>::max(), from_seq, ReadLimits{});
    if (!segments) throw std::runtime_error(segments.error().message);
    if (segments->empty()) return ledger;
    for (const StoredSegment& segment : *segments) {
      const auto lines = inflate_payload(segment.view());
      if (!lines) throw std::runtime_error(lines.error().message);
      std::string_view rest = *lines;
      while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        ledger.add_line(rest.substr(0, end));
        rest.remove_prefix(end + 1);
      }
    }
    from_seq = segments->back().seq + 1;
  }
}

void SequenceLedger::add(const std::string& run, std::uint64_t seq, std::string_view metric, double value,
                         std::int64_t time_ns) {
  std::vector<std::uint64_t>& seen = runs_[run];
  if (seen.size() <= seq) seen.resize(seq + 1);
  const std::uint64_t hash = content_hash(metric, value, time_ns);
  if (seen[seq] != 0 && seen[seq] != hash) ++conflicts_;
  seen[seq] = hash;
}

void SequenceLedger::add_line(std::string_view line) {
  LineDecoder decoder(line, Precision::ns);
  if (decoder.next() != LineDecoder::Step::line) throw std::runtime_error("bad line: " + std::string(line));
  const auto point = to_point(decoder.view());
  if (!point) throw std::runtime_error(point.error().message);
  const auto tag = [&](std::string_view key) -> std::string {
    for (const auto& [name, value] : point->tags) {
      if (name == key) return value;
    }
    return "";
  };
  double value = 0;
  std::int64_t seq = -1;
  for (const auto& [name, field] : point->fields) {
    if (name == "value") value = std::get<double>(field);
    if (name == "seq") seq = std::get<std::int64_t>(field);
  }
  if (seq >= 0) add(tag("run"), static_cast<std::uint64_t>(seq), tag("metric_name"), value, *point->time_ns);
}

std::uint64_t SequenceLedger::size() const {
  std::uint64_t all = 0;
  for (const auto& [run, count] : runs()) all += count;
  return all;
}

std::map<std::string, std::uint64_t> SequenceLedger::runs() const {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [run, seen] : runs_) {
    counts[run] =
        static_cast<std::uint64_t>(std::count_if(seen.begin(), seen.end(), [](auto h) { return h != 0; }));
  }
  return counts;
}

std::uint64_t SequenceLedger::holes(const std::string& run) const {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return 0;
  return static_cast<std::uint64_t>(std::count(found->second.begin(), found->second.end(), 0));
}

std::uint64_t SequenceLedger::missing_in(const SequenceLedger& other) const {
  std::uint64_t missing = 0;
  for (const auto& [run, seen] : runs_) {
    const auto found = other.runs_.find(run);
    for (std::size_t seq = 0; seq < seen.size(); ++seq) {
      if (seen[seq] == 0) continue;
      if (found == other.runs_.end() || seq >= found->second.size() || found->second[seq] != seen[seq])
        ++missing;
    }
  }
  return missing;
}

}  // namespace vigile
