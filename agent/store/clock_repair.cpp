// SPDX-License-Identifier: Apache-2.0
// Times that were counted from boot become times of the wall clock, before they are first sent (DESIGN §6).
#include <algorithm>
#include <charconv>

#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

// A time that was damaged may be any number: a sum stops at the ends.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? (a < 0 ? INT64_MIN : INT64_MAX) : sum;
}
std::int64_t minus(std::int64_t a, std::int64_t b) {
  std::int64_t difference = 0;
  return __builtin_sub_overflow(a, b, &difference) ? (a < 0 ? INT64_MIN : INT64_MAX) : difference;
}

// Where the tag set of a line ends: the first space that is not escaped.
std::size_t end_of_tags(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == ' ') {
      return i;
    }
  }
  return line.size();
}

// Where the tag that begins at the comma `at` ends: at the next comma, or at the end of the tags.
std::size_t end_of_tag(std::string_view line, std::size_t at, std::size_t tags_end) {
  for (++at; at < tags_end && line[at] != ','; ++at) {
    if (line[at] == '\\') ++at;
  }
  return std::min(at, tags_end);
}

// Appends `line` with the tag clock=estimated in its place among the sorted tags, up to its last space. A tag
// of that name gives way: a line with two is refused.
void append_estimated(std::string_view line, std::size_t time_at, std::string& out) {
  constexpr std::string_view kKey = "clock";
  const std::size_t tags_end = end_of_tags(line);
  std::size_t at = tags_end;
  std::size_t rest = tags_end;
  for (std::size_t i = 0; i < tags_end; ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == ',') {
      const std::string_view key = line.substr(i + 1, line.find('=', i) - i - 1);
      if (key < kKey) continue;
      at = i;
      rest = key == kKey ? end_of_tag(line, i, tags_end) : i;
      break;
    }
  }
  out += line.substr(0, at);
  out += ",clock=estimated";
  out += line.substr(rest, time_at - rest);
}

// The lines with `shift_ns` added to each time.
std::string shifted(std::string_view lines, std::int64_t shift_ns, bool estimated) {
  std::string out;
  out.reserve(lines.size() + lines.size() / 4);
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size() - 1);
    const std::string_view line = lines.substr(0, end);
    const std::size_t space = line.rfind(' ');
    std::int64_t time = 0;
    const std::string_view digits = space == std::string_view::npos ? "" : line.substr(space + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), time);
    if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
      out += line;  // never written by us; the server will say what is wrong with it
    } else {
      if (estimated) {
        append_estimated(line, space, out);
      } else {
        out += line.substr(0, space);
      }
      out += ' ';
      out += std::to_string(plus(time, shift_ns));
    }
    out += '\n';
    lines.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace

Result<std::uint64_t> DatabaseLog::repair_clock(std::int64_t boot_epoch_ns) {
  return writing([&]() -> Result<std::uint64_t> {
    std::vector<SeqRange> runs;
    {
      const MutexLock lock(state_mutex_);
      runs = state_.unset.ranges();
    }
    if (!runs.empty()) {
      const MutexLock write(write_mutex_);
      if (auto noted = note_boot_epoch(boot_epoch_ns); !noted) return noted.error();
    }
    std::uint64_t repaired = 0;
    for (const SeqRange& run : runs) {
      for (std::uint64_t seq = run.first; seq <= run.last; ++seq) {
        const MutexLock write(write_mutex_);  // one at a time: commits go on between
        const auto done = repair_one(seq, boot_epoch_ns);
        if (!done) return done.error();
        if (*done) ++repaired;
        is_repaired(seq);
      }
    }
    {
      const MutexLock write(write_mutex_);
      if (auto done = repair_lone_changes(boot_epoch_ns); !done) return done.error();
      if (!runs.empty()) {
        if (auto done = forget_boot_epochs(); !done) return done.error();
      }
    }
    return repaired;
  });
}

bool DatabaseLog::has_unset_times() const {
  const MutexLock lock(state_mutex_);
  return state_.has_unset_changes || !state_.unset.ranges().empty();
}

// Before the first repair: when the power goes on the way, the rest is no guess in the next boot.
Result<void> DatabaseLog::note_boot_epoch(std::int64_t boot_epoch_ns) {
  if (auto done = checkpoint(kSmallWrite); !done) return done;
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  const std::string key = meta::kBootEpoch + boot_id_;
  if (auto put = put_meta(key.c_str(), static_cast<std::uint64_t>(boot_epoch_ns)); !put) return put;
  return transaction->commit();
}

Result<void> DatabaseLog::forget_boot_epochs() {
  if (has_unset_times()) return {};  // that came on the way
  if (auto done = checkpoint(kSmallWrite); !done) return done;
  return writer_.db.exec("DELETE FROM meta WHERE key GLOB '" + std::string(meta::kBootEpoch) +
                         "*' OR key GLOB '" + meta::kBootEstimate + "*'");
}

// When the boot's time 0 was; absent when that boot never knew.
Result<std::optional<std::int64_t>> DatabaseLog::epoch_of(std::string_view boot_id,
                                                          std::int64_t boot_epoch_ns) {
  if (boot_id == boot_id_) return std::optional(boot_epoch_ns);
  return noted_epoch(meta::kBootEpoch, boot_id);
}

Result<std::optional<std::int64_t>> DatabaseLog::noted_epoch(const char* kind, std::string_view boot_id) {
  auto noted = writer_.db.prepare("SELECT value FROM meta WHERE key = ?");
  if (!noted) return noted.error();
  const std::string key = kind + std::string(boot_id);
  noted->bind(1, std::string_view(key));
  const auto row = noted->step();
  if (!row) return row.error();
  return *row ? std::optional(noted->integer(0)) : std::nullopt;
}

// The oldest first: those after it still wait, and so do those that came since.
void DatabaseLog::is_repaired(std::uint64_t seq) {
  const MutexLock lock(state_mutex_);
  SeqRanges left;
  for (const SeqRange& range : state_.unset.ranges()) left.add({std::max(range.first, seq + 1), range.last});
  state_.unset = std::move(left);
}

// In order of seq: an estimate goes after what stands before it, which is repaired by then.
Result<bool> DatabaseLog::repair_one(std::uint64_t seq, std::int64_t boot_epoch_ns) {
  StoredSegment segment;
  {
    const MutexLock read(read_mutex_);
    auto found = read_run({seq, seq}, ReadLimits{});
    if (!found) return found.error();
    if (found->damaged || found->segments.empty()) return false;  // met again, and counted, when it is sent
    segment = std::move(found->segments.front());
  }
  if (segment.clock != ClockState::unset) return false;
  const auto lines = inflate_payload(segment.view());
  if (!lines) return false;

  const auto epoch = epoch_of(segment.boot_id, boot_epoch_ns);
  if (!epoch) return epoch.error();
  const bool estimated = !*epoch;
  std::int64_t shift = epoch->value_or(0);
  if (estimated) {
    const auto known = estimate_start(segment, boot_epoch_ns);
    if (!known) return known.error();
    shift = *known;
  }
  const std::string repaired = shifted(*lines, shift, estimated);
  encoder_->encode(repaired, payload_);
  if (auto done = checkpoint(2 * payload_.size() + 64 * kPageBytes); !done) return done.error();
  auto transaction = Transaction::begin(writer_.db);
  if (!transaction) return transaction.error();
  auto update = writer_.db.prepare(
      "UPDATE segments SET clock = ?, first_ns = ?, last_ns = ?, raw_bytes = ?, crc32 = ?, payload_crc32 = "
      "?, payload = ? "
      "WHERE seq = ?");
  if (!update) return update.error();
  StoredSegment head = segment;
  head.clock = estimated ? ClockState::estimated : ClockState::set;
  head.first_ns = plus(segment.first_ns, shift);
  head.last_ns = plus(segment.last_ns, shift);
  head.raw_bytes = static_cast<std::uint32_t>(repaired.size());
  head.crc32 = crc32_of(repaired);
  update->bind(1, static_cast<std::int64_t>(head.clock))
      .bind(2, head.first_ns)
      .bind(3, head.last_ns)
      .bind(4, std::int64_t{head.raw_bytes})
      .bind(5, std::int64_t{head.crc32})
      .bind(6, std::int64_t{row_check(head, payload_)})
      .bind_blob(7, payload_)
      .bind(8, static_cast<std::int64_t>(seq));
  if (const auto done = update->step(); !done) return done.error();
  update->reset();
  if (auto done = shift_changes(segment.boot_id, shift, estimated ? ClockState::estimated : ClockState::set);
      !done) {
    return done.error();
  }
  std::uint64_t points = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t segments = 0;
  {
    const MutexLock lock(state_mutex_);
    points = state_.points;
    payload_bytes = state_.payload_bytes + payload_.size() - segment.payload.size();
    segments = state_.segments;
  }
  if (estimated) {
    const std::string key = meta::kBootEstimate + segment.boot_id;
    if (auto put = put_meta(key.c_str(), static_cast<std::uint64_t>(shift)); !put) return put.error();
  }
  if (auto put = put_held(points, payload_bytes, segments); !put) return put.error();
  if (auto committed = transaction->commit(); !committed) return committed.error();
  const MutexLock lock(state_mutex_);
  state_.payload_bytes = payload_bytes;
  return true;
}

Result<void> DatabaseLog::shift_changes(std::string_view boot_id, std::int64_t shift_ns, ClockState clock) {
  auto update = writer_.db.prepare(
      "UPDATE status_changes SET time_ns = time_ns + ?1, clock = ?2 "
      "WHERE clock = 1 AND boot_id = ?3");
  if (!update) return update.error();
  update->bind(1, shift_ns).bind(2, static_cast<std::int64_t>(clock)).bind(3, boot_id);
  if (const auto done = update->step(); !done) return done.error();
  return {};
}

// Changes of boots that have no segment left to repair: theirs were dropped, or are damaged. An estimate goes
// after the change before it.
Result<void> DatabaseLog::repair_lone_changes(std::int64_t boot_epoch_ns) {
  struct Boot {
    std::string id;
    std::int64_t first_id = 0;
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
  };
  std::vector<Boot> boots;
  {
    auto rows = writer_.db.prepare(
        "SELECT boot_id, min(id), min(time_ns), max(time_ns) FROM status_changes WHERE clock = 1 "
        "GROUP BY boot_id ORDER BY min(id)");
    if (!rows) return rows.error();
    for (auto row = rows->step();; row = rows->step()) {
      if (!row) return row.error();
      if (!*row) break;
      boots.push_back(Boot{std::string(rows->text(0)), rows->integer(1), rows->integer(2), rows->integer(3)});
    }
  }
  std::int64_t begin_ns = boot_epoch_ns;  // of the first of them, should nothing be known before
  for (const Boot& boot : boots) {
    const auto epoch = epoch_of(boot.id, boot_epoch_ns);
    if (!epoch) return epoch.error();
    if (!*epoch) begin_ns = minus(begin_ns, plus(minus(boot.last_ns, boot.first_ns), 1));
  }
  for (const Boot& boot : boots) {
    if (auto done = checkpoint(kSmallWrite); !done) return done;
    const auto epoch = epoch_of(boot.id, boot_epoch_ns);
    if (!epoch) return epoch.error();
    const bool estimated = !*epoch;
    std::int64_t shift = epoch->value_or(0);
    const auto estimate = noted_epoch(meta::kBootEstimate, boot.id);
    if (!estimate) return estimate.error();
    if (estimated && *estimate) {
      shift = **estimate;
    } else if (estimated) {
      const auto known =
          writer_.db.integer("SELECT max(time_ns) FROM status_changes WHERE clock <> 1 AND id < " +
                             std::to_string(boot.first_id));
      if (!known) return known.error();
      shift = minus(*known != 0 ? plus(*known, 1) : begin_ns, boot.first_ns);
    }
    auto transaction = Transaction::begin(writer_.db);
    if (!transaction) return transaction.error();
    if (auto done = shift_changes(boot.id, shift, estimated ? ClockState::estimated : ClockState::set); !done)
      return done;
    if (auto committed = transaction->commit(); !committed) return committed;
  }
  const MutexLock lock(state_mutex_);
  state_.has_unset_changes = false;
  return {};
}

// What to add to the times of a segment whose boot never saw a clock: its boot begins where the last known
// time before it ended; with none known, this boot begins where it and all those after it end.
Result<std::int64_t> DatabaseLog::estimate_start(const StoredSegment& segment, std::int64_t boot_epoch_ns) {
  const auto estimate = noted_epoch(meta::kBootEstimate, segment.boot_id);
  if (!estimate) return estimate.error();
  if (*estimate) return **estimate;
  auto before = writer_.db.prepare(
      "SELECT last_ns FROM segments WHERE seq < ? AND clock <> 1 ORDER BY seq DESC LIMIT 1");
  if (!before) return before.error();
  before->bind(1, static_cast<std::int64_t>(segment.seq));
  const auto known = before->step();
  if (!known) return known.error();
  std::optional<std::int64_t> gone_to_ns;
  {
    const MutexLock lock(state_mutex_);
    gone_to_ns = state_.gone_to_ns;
  }
  std::int64_t begin_ns = boot_epoch_ns;
  if (*known) {
    begin_ns = plus(before->integer(0), 1);
  } else if (gone_to_ns) {
    begin_ns = plus(*gone_to_ns, 1);
  } else {
    auto boots = writer_.db.prepare(
        "SELECT boot_id, min(first_ns), max(last_ns) FROM segments WHERE clock = 1 GROUP BY boot_id");
    if (!boots) return boots.error();
    for (auto row = boots->step();; row = boots->step()) {
      if (!row) return row.error();
      if (!*row) break;
      const auto epoch = epoch_of(boots->text(0), boot_epoch_ns);
      if (!epoch) return epoch.error();
      if (!*epoch) begin_ns = minus(begin_ns, plus(minus(boots->integer(2), boots->integer(1)), 1));
    }
  }
  return minus(begin_ns, segment.first_ns);
}

}  // namespace vigile
