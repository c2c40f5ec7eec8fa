// SPDX-License-Identifier: Apache-2.0
#include "log_state.h"

#include <algorithm>
#include <charconv>

#include "point/payload.h"
#include "store/sqlite_db.h"

namespace vigile {

Sum sum_of_lines(std::string_view lines) {
  Sum sum;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    std::uint64_t value = 0;
    const std::size_t equals = line.find("value=") + 6;
    std::from_chars(line.data() + equals, line.data() + line.size(), value);
    ++sum.count;
    sum.total += value;
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
  return sum;
}

std::string to_payload(const Sum& sum) {
  return std::to_string(sum.count) + " " + std::to_string(sum.total);
}

Sum from_payload(std::string_view payload) {
  Sum sum;
  const char* const end = payload.data() + payload.size();
  const auto parsed = std::from_chars(payload.data(), end, sum.count);
  std::from_chars(parsed.ptr + 1, end, sum.total);
  return sum;
}

Sum LogState::readings() const {
  Sum sum;
  const auto add = [&](const Sum& more) {
    sum.count += more.count;
    sum.total += more.total;
  };
  for (const auto& [hour, one] : summaries) add(one);
  for (const auto& [seq, segment] : segments) {
    if (segment.clock == 1 || unfolded.contains(seq)) add(sum_of_lines(segment.lines));
  }
  sum.count += status.unsummarised_lost_points;
  return sum;
}

namespace {

std::string read_rows(PowerCutDisk& disk, LogState& state) {
  auto db = Db::open(kStore, SQLITE_OPEN_READWRITE, disk.vfs());
  if (!db) return db.error().message;
  auto rows = db->prepare("SELECT seq, clock, points, raw_bytes, crc32, payload FROM segments ORDER BY seq");
  if (!rows) return rows.error().message;
  for (auto row = rows->step();; row = rows->step()) {
    if (!row) return row.error().message;
    if (!*row) break;
    const auto lines = inflate_payload({rows->blob(5), static_cast<std::uint32_t>(rows->integer(3)),
                                        static_cast<std::uint32_t>(rows->integer(4)), 0});
    if (!lines) return "segment " + std::to_string(rows->integer(0)) + ": " + lines.error().message;
    state.segments[static_cast<std::uint64_t>(rows->integer(0))] = {
        *lines, rows->integer(1), static_cast<std::uint64_t>(rows->integer(2))};
  }
  auto changes = db->prepare(
      "SELECT equipment_id, time_ns, clock, new_status, until_ns FROM status_changes ORDER BY id");
  if (!changes) return changes.error().message;
  for (auto row = changes->step();; row = changes->step()) {
    if (!row) return row.error().message;
    if (!*row) break;
    std::string change;
    for (int column = 0; column < 5; ++column) change += std::string(changes->text(column)) + " ";
    state.changes.push_back(change);
  }
  const auto bytes = db->integer("SELECT sum(length(payload)) FROM segments");
  if (!bytes) return bytes.error().message;
  if (static_cast<std::uint64_t>(*bytes) != state.status.payload_bytes)
    return "payload_bytes " + std::to_string(state.status.payload_bytes) + ", held " + std::to_string(*bytes);
  auto check = db->prepare("PRAGMA integrity_check");
  if (!check || !check->step()) return "no integrity_check";
  return check->text(0) == "ok" ? "" : std::string(check->text(0));
}

std::string differ(const std::string& what, std::uint64_t said, std::uint64_t counted) {
  return what + ": the log says " + std::to_string(said) + ", its rows " + std::to_string(counted);
}

std::string list(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += item + "; ";
  return text;
}

}  // namespace

void touch(Log& log) {
  for (const char* sink : {"a", "b"}) {
    for (std::uint64_t from = 0;;) {
      const auto read = log.read_undelivered(sink, from, {});
      if (!read || read->empty()) break;
      from = read->back().seq + 1;
    }
  }
  (void)log.dead_letters("", 0, 100000);
  (void)log.history().read_segments({INT64_MIN, INT64_MAX}, false, [](const StoredSegment&) { return true; });
  (void)log.history().read_summaries(INT64_MIN, INT64_MAX, [](const SummaryRow&) { return true; });
  (void)log.history().status_changes("", {INT64_MIN, INT64_MAX}, 100000);
}

std::string look(Log& log, PowerCutDisk& disk, LogState& state) {
  state.segments.clear();
  state.waiting.clear();
  state.letters.clear();
  state.changes.clear();
  state.summaries.clear();
  state.unfolded.clear();
  state.status = log.status();
  if (auto wrong = read_rows(disk, state); !wrong.empty()) return wrong;
  for (const SinkBacklog& sink : state.status.sinks) {
    std::set<std::uint64_t>& waiting = state.waiting[sink.sink];
    for (std::uint64_t from = 0;;) {
      const auto read = log.read_undelivered(sink.sink, from, {.points = 1000});
      if (!read) return read.error().message;
      if (read->empty()) break;
      for (const StoredSegment& one : *read) waiting.insert(one.seq);
      from = read->back().seq + 1;
    }
  }
  const auto letters = log.dead_letters("", 0, 100000);
  if (!letters) return letters.error().message;
  for (const DeadLetter& letter : *letters) state.letters.push_back(letter.sink + " " + letter.line);
  const auto rows = log.history().read_summaries(INT64_MIN, INT64_MAX, [&](const SummaryRow& row) {
    state.summaries[row.hour_ns] = from_payload(row.payload);
    return true;
  });
  if (!rows) return rows.error().message;
  for (std::uint64_t from = 0;;) {
    const auto read = log.history().read_unsummarised(from, 1 << 20);
    if (!read) return read.error().message;
    if (read->empty()) break;
    for (const StoredSegment& one : *read) state.unfolded.insert(one.seq);
    from = read->back().seq + 1;
  }

  // What the log counts is what there is.
  const LogStatus& status = state.status;
  std::uint64_t points = 0;
  for (const auto& [seq, one] : state.segments) {
    points += one.points;
    if (sum_of_lines(one.lines).count != one.points) return "points of " + std::to_string(seq);
  }
  if (status.segments != state.segments.size())
    return differ("segments", status.segments, state.segments.size());
  if (status.points != points) return differ("points", status.points, points);
  if (status.dead_letters != state.letters.size())
    return differ("dead letters", status.dead_letters, state.letters.size());
  if (!state.segments.empty() && status.first_seq > state.segments.begin()->first)
    return differ("first", status.first_seq, state.segments.begin()->first);
  for (const SinkBacklog& sink : status.sinks) {
    std::uint64_t backlog = 0;
    std::uint64_t known = 0;
    for (const std::uint64_t seq : state.waiting[sink.sink]) known += state.segments.at(seq).points;
    // Those that wait for the clock are not given yet, but are in the backlog.
    for (const auto& [seq, one] : state.segments) {
      if (one.clock == 1 && !state.acknowledged[sink.sink].contains(seq)) backlog += one.points;
    }
    if (sink.points != backlog + known)
      return differ("backlog of " + sink.sink, sink.points, backlog + known);
  }
  return "";
}

std::string compare(const LogState& before, const LogState& after, const LogState& cut) {
  const auto in = [](const LogState& state, std::uint64_t seq, const LogState::Segment& segment) {
    const auto found = state.segments.find(seq);
    return found != state.segments.end() && found->second == segment;
  };
  for (const auto& [seq, segment] : before.segments) {
    if (after.segments.contains(seq) && !cut.segments.contains(seq))
      return "segment " + std::to_string(seq) + " is lost";
  }
  for (const auto& [seq, segment] : cut.segments) {
    if (!in(before, seq, segment) && !in(after, seq, segment))
      return "segment " + std::to_string(seq) + " is not what was stored";
  }
  for (const auto& [sink, acknowledged] : after.acknowledged) {
    const auto found = cut.waiting.find(sink);
    if (found == cut.waiting.end()) return "sink " + sink + " is forgotten";
    for (const auto& [seq, segment] : cut.segments) {
      if (segment.clock != 1 && !acknowledged.contains(seq) && !found->second.contains(seq))
        return sink + " skips segment " + std::to_string(seq);
    }
    for (const std::uint64_t seq : found->second) {
      const auto written = before.written.find(sink);
      if (written != before.written.end() && written->second.contains(seq))
        return sink + " is given segment " + std::to_string(seq) + " again";
    }
  }
  if (cut.letters != before.letters && cut.letters != after.letters)
    return "dead letters: " + list(cut.letters);
  if (before.letters.size() < after.letters.size()) {
    const bool has_letters = cut.letters == after.letters;
    for (const auto& [sink, acknowledged] : after.acknowledged) {
      for (const std::uint64_t seq : acknowledged) {
        if (before.acknowledged.at(sink).contains(seq)) continue;
        if (has_letters == cut.waiting.at(sink).contains(seq)) return "dead letters apart from progress";
      }
    }
  }
  const bool forgets = after.changes.size() < before.changes.size();
  if (cut.changes != before.changes && cut.changes != after.changes && !forgets) {
    bool between =
        cut.changes.size() == before.changes.size() && before.changes.size() == after.changes.size();
    for (std::size_t i = 0; between && i < cut.changes.size(); ++i)
      between = cut.changes[i] == before.changes[i] || cut.changes[i] == after.changes[i];
    if (!between)
      return "status changes: " + list(cut.changes) + "\nwere: " + list(before.changes) +
             "\nbecame: " + list(after.changes);
  }
  const Sum readings = cut.readings();
  const bool is_exact = cut.status.unsummarised_lost_points == 0;
  const auto agrees = [&](const Sum& other) {
    return readings.count == other.count && (!is_exact || readings.total == other.total);
  };
  const bool is_less = after.readings().count <= readings.count && readings.count <= before.readings().count;
  if (!agrees(before.readings()) && !agrees(after.readings()) && !is_less)
    return "readings in summaries and segments: " + to_payload(readings) + ", were " +
           to_payload(before.readings()) + ", became " + to_payload(after.readings());
  const auto between = [](std::uint64_t a, std::uint64_t b, std::uint64_t c) { return a <= b && b <= c; };
  if (!between(before.status.dropped_points, cut.status.dropped_points, after.status.dropped_points))
    return "dropped points: " + std::to_string(cut.status.dropped_points);
  if (cut.status.appended_points != before.status.appended_points &&
      cut.status.appended_points != after.status.appended_points)
    return "appended points: " + std::to_string(cut.status.appended_points);
  return "";
}

}  // namespace vigile
