// SPDX-License-Identifier: Apache-2.0
// Times that were counted from boot become times of the wall clock, before they are first sent (DESIGN §6).
#include <algorithm>
#include <charconv>

#include "store/log_database.h"
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

// Appends `line` with the tag clock=estimated in its place among the sorted tags, up to its last space.
void append_estimated(std::string_view line, std::size_t time_at, std::string& out) {
  constexpr std::string_view kKey = "clock";
  const std::size_t tags_end = end_of_tags(line);
  std::size_t at = tags_end;
  for (std::size_t i = 0; i < tags_end; ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == ',' &&
               line.substr(i + 1, tags_end - i - 1).substr(0, line.find('=', i) - i - 1) >= kKey) {
      at = i;
      break;
    }
  }
  out += line.substr(0, at);
  out += ",clock=estimated";
  out += line.substr(at, time_at - at);
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
      out += std::to_string(time + shift_ns);
    }
    out += '\n';
    lines.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace

Result<std::uint64_t> DatabaseLog::repair_clock(std::int64_t boot_epoch_ns) {
  return mending([&]() -> Result<std::uint64_t> {
    std::vector<SeqRange> runs;
    {
      const MutexLock lock(state_mutex_);
      runs = state_.unset.ranges();
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
    }
    return repaired;
  });
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

  const bool estimated = segment.boot_id != boot_id_;
  std::int64_t shift = boot_epoch_ns;
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
  for (const Boot& boot : boots) {
    if (auto done = checkpoint(kSmallWrite); !done) return done;
    const bool estimated = boot.id != boot_id_;
    std::int64_t shift = boot_epoch_ns;
    if (estimated && boot.id == estimated_boot_) {
      shift = estimated_shift_;
    } else if (estimated) {
      const auto known =
          writer_.db.integer("SELECT max(time_ns) FROM status_changes WHERE clock <> 1 AND id < " +
                             std::to_string(boot.first_id));
      if (!known) return known.error();
      shift = *known != 0 ? minus(plus(*known, 1), boot.first_ns) : minus(boot_epoch_ns - 1, boot.last_ns);
    }
    auto transaction = Transaction::begin(writer_.db);
    if (!transaction) return transaction.error();
    if (auto done = shift_changes(boot.id, shift, estimated ? ClockState::estimated : ClockState::set); !done)
      return done;
    if (auto committed = transaction->commit(); !committed) return committed;
  }
  return {};
}

// What to add to the times of a segment whose boot never saw a clock: its boot begins where the last known
// time before it ended; with none known, it ended when this boot began.
Result<std::int64_t> DatabaseLog::estimate_start(const StoredSegment& segment, std::int64_t boot_epoch_ns) {
  if (segment.boot_id == estimated_boot_) return estimated_shift_;
  auto before = writer_.db.prepare(
      "SELECT last_ns FROM segments WHERE seq < ? AND clock <> 1 ORDER BY seq DESC LIMIT 1");
  if (!before) return before.error();
  before->bind(1, static_cast<std::int64_t>(segment.seq));
  const auto known = before->step();
  if (!known) return known.error();
  if (*known) {
    estimated_shift_ = minus(plus(before->integer(0), 1), segment.first_ns);
  } else {
    auto last = writer_.db.prepare("SELECT max(last_ns) FROM segments WHERE clock = 1 AND boot_id = ?");
    if (!last) return last.error();
    last->bind(1, std::string_view(segment.boot_id));
    const auto found = last->step();
    if (!found) return found.error();
    estimated_shift_ = minus(boot_epoch_ns - 1, last->integer(0));
  }
  estimated_boot_ = segment.boot_id;
  return estimated_shift_;
}

}  // namespace vigile
