// SPDX-License-Identifier: Apache-2.0
// What the log remembers beside its segments, and how long questions read it: page by page, each a short read
// transaction under history_mutex_. A checkpoint takes that mutex too and so waits for one page at most; no
// snapshot is held while it works, and the WAL keeps to its budget however long a question takes.
#include <algorithm>

#include "store/log_database.h"
#include "store/schema.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

constexpr int kPageRows = 512;  // stepped over in one read
constexpr std::uint64_t kPagePayload = std::uint64_t{256} << 10;
constexpr std::uint64_t kSpanSegments = 256;

constexpr std::string_view kChangeColumns =
    "equipment_id, time_ns, old_status, new_status, reason, until_ns, id, decided_after_ns";

StatusChange change_of(const Statement& row) {
  StatusChange change{.equipment_id = std::string(row.text(0)),
                      .time_ns = row.integer(1),
                      .old_status = std::string(row.text(2)),
                      .new_status = std::string(row.text(3)),
                      .reason = std::string(row.text(4)),
                      .decided_after_ns = row.integer(7)};
  if (!row.is_null(5)) change.until_ns = row.integer(5);
  return change;
}

}  // namespace

Result<void> DatabaseLog::connect_history() {
  if (history_.db) return {};
  if (const auto moved = displaced()) return moved->cause;  // it would read another file
  auto opened = Db::open(path_, SQLITE_OPEN_READWRITE, files_.vfs());
  if (!opened) return opened.error();
  if (auto done = opened->exec("PRAGMA cache_size = -256; PRAGMA query_only = 1"); !done) return done;
  auto by_seq = opened->prepare("SELECT " + std::string(kSegmentColumns) +
                                " FROM segments WHERE seq >= ? AND seq <= ? ORDER BY seq");
  if (!by_seq) return by_seq.error();
  history_.db = std::move(*opened);
  history_.by_seq = std::move(*by_seq);
  return {};
}

template <class T>
Result<T> DatabaseLog::ask_history(const std::function<Result<T>(HistoryConnection&)>& read) {
  return mending([&]() -> Result<T> {
    const MutexLock history(history_mutex_);
    if (auto connected = connect_history(); !connected) return connected.error();
    return read(history_);
  });
}

// Of a run, those that overlap the span and whose clock is known, up to `raw_bytes` of lines.
Result<DatabaseLog::SegmentPage> DatabaseLog::read_page(SeqRange run, TimeSpan span,
                                                        std::uint64_t raw_bytes) {
  return mending([&]() -> Result<SegmentPage> {
    for (bool is_checked = false;; is_checked = true) {
      std::optional<SeqRange> hole;
      {
        const MutexLock history(history_mutex_);
        if (auto connected = connect_history(); !connected) return connected.error();
        auto page = step_page(run, span, raw_bytes);
        if (page && !is_checked)
          hole = missing(page->found, {run.first, page->next ? *page->next - 1 : run.last});
        if (!hole) return page;
      }
      const MutexLock write(write_mutex_);
      const MutexLock history(history_mutex_);
      if (auto checked = check_order(history_.db, hole); !checked) return checked.error();
    }
  });
}

Result<DatabaseLog::SegmentPage> DatabaseLog::step_page(SeqRange run, TimeSpan span,
                                                        std::uint64_t raw_bytes) {
  SegmentPage page;
  std::uint64_t raw = 0;
  std::uint64_t payload = 0;
  std::uint64_t least = run.first;
  Run rows(history_.by_seq);
  rows->bind(1, as_int(run.first)).bind(2, as_int(run.last));
  for (int stepped = 0;; ++stepped) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) return page;
    const std::uint64_t seq = as_count(rows->integer(0));
    if (seq < least || seq > run.last)
      return Error{ErrorKind::corrupt, path_.string() + ": its segments are out of order"};
    least = seq + 1;
    if (stepped == kPageRows) {
      page.next = seq;
      return page;
    }
    const bool is_known = static_cast<ClockState>(rows->integer(1)) != ClockState::unset;
    if (!is_known || rows->integer(4) < span.from_ns || rows->integer(3) >= span.to_ns) {
      page.found.add({seq, seq});
      continue;
    }
    raw += as_count(rows->integer(6));
    if (!page.segments.empty() && (raw > raw_bytes || payload > kPagePayload)) {
      page.next = seq;
      return page;
    }
    page.found.add({seq, seq});
    if (!is_intact(history_.by_seq)) {
      page.damaged.emplace_back(seq, as_count(rows->integer(5)));
      continue;
    }
    payload += rows->blob(9).size();
    page.segments.push_back(segment_of(history_.by_seq));
  }
}

// Numbers of folded segments that have no reading in the span.
Result<SeqRanges> DatabaseLog::spans_outside(TimeSpan span) {
  return ask_history<SeqRanges>([&](HistoryConnection& history) -> Result<SeqRanges> {
    auto rows = history.db.prepare(
        "SELECT first_seq, last_seq FROM spans WHERE last_ns < ? OR first_ns >= ? ORDER BY first_seq");
    if (!rows) return rows.error();
    rows->bind(1, span.from_ns).bind(2, span.to_ns);
    SeqRanges outside;
    for (;;) {
      const auto row = rows->step();
      if (!row) return row.error();
      if (!*row) return outside;
      outside.add({as_count(rows->integer(0)), as_count(rows->integer(1))});
    }
  });
}

Result<void> DatabaseLog::read_segments(TimeSpan span, bool unsummarised_only,
                                        const std::function<bool(const StoredSegment&)>& use) {
  if (span.from_ns >= span.to_ns) return {};
  SeqRanges passed;
  if (!unsummarised_only) {
    auto outside = spans_outside(span);
    if (!outside) return outside.error();
    passed = std::move(*outside);
  }
  SeqRange held;
  {
    const MutexLock lock(state_mutex_);
    held = {state_.first_seq, state_.last_seq};
    if (unsummarised_only && state_.folded) passed = state_.folded->acknowledged;
  }
  std::uint64_t from = held.first;
  while (const auto run = passed.first_gap(from, held.last)) {
    const auto page = read_page(*run, span, UINT64_MAX);
    if (!page) return page.error();
    for (const StoredSegment& segment : page->segments) {
      if (!use(segment)) return {};
    }
    from = page->next.value_or(run->last + 1);
  }
  return {};
}

std::optional<std::int64_t> DatabaseLog::oldest_segment_ns() {
  SeqRange held;
  std::optional<std::int64_t> gone_to_ns;
  {
    const MutexLock lock(state_mutex_);
    if (state_.segments == 0) return std::nullopt;
    held = {state_.first_seq, state_.last_seq};
    gone_to_ns = state_.gone_to_ns;
  }
  const auto first = ask_history<std::optional<std::int64_t>>(
      [&](HistoryConnection& history) -> Result<std::optional<std::int64_t>> {
        auto rows = history.db.prepare(
            "SELECT first_ns FROM segments WHERE seq >= ? AND seq <= ? AND clock <> 1 ORDER BY seq LIMIT 1");
        if (!rows) return rows.error();
        rows->bind(1, as_int(held.first)).bind(2, as_int(held.last));
        const auto row = rows->step();
        if (!row) return row.error();
        return *row ? std::optional(rows->integer(0)) : std::nullopt;
      });
  if (!first || !*first) return std::nullopt;
  return gone_to_ns ? std::max(**first, *gone_to_ns + 1) : **first;
}

std::optional<std::int64_t> DatabaseLog::removed_until_ns() {
  const MutexLock lock(state_mutex_);
  return state_.gone_to_ns;
}

std::uint64_t DatabaseLog::summaries_version() {
  const MutexLock lock(version_mutex_);
  return summaries_version_;
}

void DatabaseLog::start_folding() {
  const MutexLock lock(state_mutex_);
  if (state_.folded) return;
  state_.folded = SinkState{};
  state_.folded->acknowledged.add({0, 0});  // kept from now on, as with a new sink
  state_.folded->dirty = true;
  if (!state_.dirty_since) state_.dirty_since = clock_.boot();
}

std::optional<SeqRange> DatabaseLog::next_unfolded(std::uint64_t from) const {
  const MutexLock lock(state_mutex_);
  if (!state_.folded) return std::nullopt;
  from = std::max(from, state_.first_seq);
  while (const auto gap = state_.folded->acknowledged.first_gap(from, state_.last_seq)) {
    if (const auto ready = state_.unset.first_gap(gap->first, gap->last)) return ready;
    from = gap->last + 1;
  }
  return std::nullopt;
}

Result<std::vector<StoredSegment>> DatabaseLog::read_unsummarised(std::uint64_t from_seq,
                                                                  std::uint64_t raw_bytes) {
  start_folding();
  while (const auto run = next_unfolded(from_seq)) {
    auto page = read_page(*run, {INT64_MIN, INT64_MAX}, raw_bytes);
    if (!page) return page.error();
    if (!page->damaged.empty()) {
      const MutexLock lock(read_mutex_);
      for (const auto& [seq, points] : page->damaged) count_damaged(seq, points);
    }
    if (!page->segments.empty()) return std::move(page->segments);
    from_seq = page->next.value_or(run->last + 1);  // numbers without rows: lost in a salvage
  }
  return std::vector<StoredSegment>{};
}

Result<void> DatabaseLog::load_summary_bytes() {
  if (summary_bytes_) return {};
  const auto bytes = writer_.db.integer("SELECT sum(length(payload)) FROM summaries");
  if (!bytes) return bytes.error();
  summary_bytes_ = as_count(*bytes);
  return {};
}

// Within a transaction. A span that touches the one before it, and is short, becomes part of it.
Result<void> DatabaseLog::put_spans(const SeqRanges& folded) {
  auto times = writer_.db.prepare(
      "SELECT min(first_ns), max(last_ns), max(clock = 1) FROM segments WHERE seq >= ? AND seq <= ?");
  auto before = writer_.db.prepare(
      "SELECT first_seq, last_seq, first_ns, last_ns FROM spans WHERE first_seq < ? ORDER BY first_seq DESC "
      "LIMIT 1");
  auto put = writer_.db.prepare(
      "INSERT OR REPLACE INTO spans(first_seq, last_seq, first_ns, last_ns) VALUES(?,?,?,?)");
  if (!times) return times.error();
  if (!before) return before.error();
  if (!put) return put.error();
  for (const SeqRange& range : folded.ranges()) {
    for (std::uint64_t at = range.first; at <= range.last;) {
      std::uint64_t first = at;
      const std::uint64_t last = std::min(range.last, at + kSpanSegments - 1);
      at = last + 1;
      Run found(*times);
      found->bind(1, as_int(first)).bind(2, as_int(last));
      const auto row = found->step();
      if (!row) return row.error();
      if (found->is_null(0) || found->integer(2) != 0) continue;
      std::int64_t first_ns = found->integer(0);
      std::int64_t last_ns = found->integer(1);
      Run previous(*before);
      previous->bind(1, as_int(first));
      const auto has_previous = previous->step();
      if (!has_previous) return has_previous.error();
      if (*has_previous && as_count(previous->integer(1)) + 1 == first &&
          last - as_count(previous->integer(0)) < kSpanSegments) {
        first = as_count(previous->integer(0));
        first_ns = std::min(first_ns, previous->integer(2));
        last_ns = std::max(last_ns, previous->integer(3));
      }
      Run insert(*put);
      insert->bind(1, as_int(first)).bind(2, as_int(last)).bind(3, first_ns).bind(4, last_ns);
      if (const auto done = insert->step(); !done) return done.error();
    }
  }
  return {};
}

Result<void> DatabaseLog::store_summaries(const std::vector<SummaryRow>& rows, const SeqRanges& folded) {
  return writing([&]() -> Result<void> {
    start_folding();
    std::uint64_t bytes = 0;
    for (const SummaryRow& row : rows) bytes += row.payload.size();
    const MutexLock write(write_mutex_);
    if (auto loaded = load_summary_bytes(); !loaded) return loaded;
    const auto room = make_room(bytes, rows.size(), RoomFor::memories);
    if (!room) return room.error();
    if (!*room) return Error{ErrorKind::full, path_.string() + ": no room for summaries"};
    SeqRanges next;
    {
      const MutexLock lock(state_mutex_);
      next = state_.folded->acknowledged;
    }
    for (const SeqRange& range : folded.ranges()) next.add(range);

    auto transaction = Transaction::begin(writer_.db);
    if (!transaction) return transaction.error();
    auto old = writer_.db.prepare("SELECT length(payload) FROM summaries WHERE hour_ns = ?");
    auto put = writer_.db.prepare("INSERT OR REPLACE INTO summaries(hour_ns, crc32, payload) VALUES(?,?,?)");
    if (!old) return old.error();
    if (!put) return put.error();
    std::uint64_t replaced = 0;
    for (const SummaryRow& row : rows) {
      Run length(*old);
      length->bind(1, row.hour_ns);
      const auto found = length->step();
      if (!found) return found.error();
      if (*found) replaced += as_count(length->integer(0));
      Run insert(*put);
      insert->bind(1, row.hour_ns).bind(2, std::int64_t{crc32_of(row.payload)}).bind_blob(3, row.payload);
      if (const auto done = insert->step(); !done) return done.error();
    }
    if (auto written = put_spans(folded); !written) return written;
    if (auto written = write_ranges(kSummariesReader, next); !written) return written;
    {
      const MutexLock version(version_mutex_);  // until memory says what the database does
      if (auto committed = transaction->commit(); !committed) return committed;
      ++summaries_version_;
      const MutexLock lock(state_mutex_);
      for (const SeqRange& range : folded.ranges()) state_.folded->acknowledged.add(range);
    }
    summary_bytes_ = *summary_bytes_ + bytes - replaced;
    // They are stored: what goes wrong from here on must not have them stored, and counted, again.
    if (auto trimmed = trim_summaries(); !trimmed) log::warning("store: " + trimmed.error().message);
    return {};
  });
}

Result<void> DatabaseLog::trim_summaries() {
  if (auto done = checkpoint(0); !done) return done;
  while (*summary_bytes_ > options_.max_size_bytes / 2) {
    const auto removed = remove_oldest_summaries(*summary_bytes_ - options_.max_size_bytes / 2);
    if (!removed) return removed.error();
    if (!*removed) break;
    if (auto done = checkpoint(kSmallWrite); !done) return done;
  }
  return {};
}

Result<void> DatabaseLog::read_summaries(std::int64_t from_ns, std::int64_t to_ns,
                                         const std::function<bool(const SummaryRow&)>& use) {
  struct Page {
    std::vector<SummaryRow> rows;
    std::optional<std::int64_t> next_ns;
  };
  for (std::optional<std::int64_t> at = from_ns; at && *at < to_ns;) {
    const auto page = ask_history<Page>([&](HistoryConnection& history) -> Result<Page> {
      auto rows = history.db.prepare(
          "SELECT hour_ns, crc32, payload FROM summaries WHERE hour_ns >= ? AND hour_ns < ? ORDER BY "
          "hour_ns");
      if (!rows) return rows.error();
      rows->bind(1, *at).bind(2, to_ns);
      Page read;
      std::uint64_t bytes = 0;
      for (int stepped = 0;; ++stepped) {
        const auto row = rows->step();
        if (!row) return row.error();
        if (!*row) return read;
        if (stepped == kPageRows || bytes > kPagePayload) {
          read.next_ns = rows->integer(0);
          return read;
        }
        const std::string_view payload = rows->blob(2);
        if (crc32_of(payload) != static_cast<std::uint32_t>(rows->integer(1))) {
          log::error("store: the summaries of " + to_iso8601(wall_from_ns(rows->integer(0))) +
                     " are damaged and are passed over");
          continue;
        }
        bytes += payload.size();
        read.rows.push_back(SummaryRow{rows->integer(0), std::string(payload)});
      }
    });
    if (!page) return page.error();
    for (const SummaryRow& row : page->rows) {
      if (!use(row)) return {};
    }
    at = page->next_ns;
  }
  return {};
}

Result<std::vector<StatusChange>> DatabaseLog::status_changes(std::string_view equipment_id, TimeSpan span,
                                                              std::size_t limit) {
  const std::string sql =
      "SELECT " + std::string(kChangeColumns) + " FROM status_changes WHERE " +
      (equipment_id.empty() ? "" : "equipment_id = ?5 AND ") +
      "(time_ns, id) > (?1, ?2) AND time_ns < ?3 AND clock <> 1 ORDER BY time_ns, id LIMIT ?4";
  std::vector<StatusChange> changes;
  std::int64_t after_ns = span.from_ns;
  std::int64_t after_id = -1;
  while (changes.size() < limit) {
    const std::size_t wanted = std::min<std::size_t>(limit - changes.size(), kPageRows);
    auto page = ask_history<std::vector<StatusChange>>(
        [&](HistoryConnection& history) -> Result<std::vector<StatusChange>> {
          auto rows = history.db.prepare(sql);
          if (!rows) return rows.error();
          rows->bind(1, after_ns).bind(2, after_id).bind(3, span.to_ns).bind(4, as_int(wanted));
          if (!equipment_id.empty()) rows->bind(5, equipment_id);
          std::vector<StatusChange> read;
          for (;;) {
            const auto row = rows->step();
            if (!row) return row.error();
            if (!*row) return read;
            read.push_back(change_of(*rows));
            after_ns = rows->integer(1);
            after_id = rows->integer(6);
          }
        });
    if (!page) return page.error();
    std::move(page->begin(), page->end(), std::back_inserter(changes));
    if (page->size() < wanted) break;
  }
  return changes;
}

Result<std::vector<StatusChange>> DatabaseLog::last_status_changes(std::string_view equipment_id,
                                                                   std::int64_t before_ns) {
  using Changes = std::vector<StatusChange>;
  const std::string columns(kChangeColumns);
  return ask_history<Changes>([&](HistoryConnection& history) -> Result<Changes> {
    // From one equipment to the next by the index: never all rows.
    auto next = history.db.prepare("SELECT min(equipment_id) FROM status_changes WHERE equipment_id > ?");
    auto known = history.db.prepare("SELECT " + columns +
                                    " FROM status_changes WHERE equipment_id = ? AND time_ns < ? AND "
                                    "clock <> 1 ORDER BY time_ns DESC, id DESC LIMIT 1");
    auto unset = history.db.prepare(
        "SELECT " + columns +
        " FROM status_changes INDEXED BY status_changes_unset WHERE equipment_id = ? AND clock = 1 "
        "ORDER BY id DESC LIMIT 1");
    if (!next) return next.error();
    if (!known) return known.error();
    if (!unset) return unset.error();
    Changes changes;
    std::string id(equipment_id);
    for (;;) {
      if (equipment_id.empty()) {
        Run following(*next);
        following->bind(1, std::string_view(id));
        const auto row = following->step();
        if (!row) return row.error();
        if (!*row || following->is_null(0)) return changes;
        id = following->text(0);
      }
      std::int64_t newest_id = 0;
      for (Statement* statement : {&*known, &*unset}) {
        if (statement == &*unset && before_ns != INT64_MAX) continue;
        Run last(*statement);
        last->bind(1, std::string_view(id));
        if (statement == &*known) last->bind(2, before_ns);
        const auto row = last->step();
        if (!row) return row.error();
        if (!*row || last->integer(6) < newest_id) continue;
        if (newest_id != 0) changes.pop_back();
        newest_id = last->integer(6);
        changes.push_back(change_of(*statement));
      }
      if (!equipment_id.empty()) return changes;
    }
  });
}

Result<void> DatabaseLog::add_gap(TimeSpan gap) {
  return writing([&]() -> Result<void> {
    if (gap.from_ns >= gap.to_ns) return {};
    const MutexLock write(write_mutex_);
    const auto room = make_room(0, 1, RoomFor::memories);
    if (!room) return room.error();
    if (!*room) return Error{ErrorKind::full, path_.string() + ": no room for a gap"};
    auto insert = writer_.db.prepare("INSERT OR IGNORE INTO gaps(from_ns, to_ns) VALUES(?,?)");
    if (!insert) return insert.error();
    insert->bind(1, gap.from_ns).bind(2, gap.to_ns);
    if (const auto done = insert->step(); !done) return done.error();
    return {};
  });
}

Result<std::vector<TimeSpan>> DatabaseLog::gaps(TimeSpan span) {
  using Gaps = std::vector<TimeSpan>;
  return ask_history<Gaps>([&](HistoryConnection& history) -> Result<Gaps> {
    auto rows = history.db.prepare(
        "SELECT from_ns, to_ns FROM gaps WHERE to_ns > ? AND from_ns < ? ORDER BY from_ns, to_ns");
    if (!rows) return rows.error();
    rows->bind(1, span.from_ns).bind(2, span.to_ns);
    Gaps found;
    for (;;) {
      const auto row = rows->step();
      if (!row) return row.error();
      if (!*row) return found;
      found.push_back(TimeSpan{rows->integer(0), rows->integer(1)});
    }
  });
}

std::optional<std::int64_t> DatabaseLog::last_alive_ns() {
  const MutexLock lock(state_mutex_);
  return last_alive_ns_;
}

Result<void> DatabaseLog::set_last_alive(std::int64_t now_ns) {
  return writing([&]() -> Result<void> {
    const MutexLock write(write_mutex_);
    if (auto done = checkpoint(kSmallWrite); !done) return done;
    State held;
    {
      const MutexLock lock(state_mutex_);
      held.points = state_.points;
      held.payload_bytes = state_.payload_bytes;
      held.segments = state_.segments;
    }
    auto transaction = Transaction::begin(writer_.db);
    if (!transaction) return transaction.error();
    // So that it is known how much there was, should the rows that say so be damaged.
    if (auto put = put_held(held.points, held.payload_bytes, held.segments); !put) return put;
    if (auto put = put_meta(meta::kCleanEnd, 1); !put) return put;
    if (auto put = put_meta(meta::kLastAlive, static_cast<std::uint64_t>(now_ns)); !put) return put;
    if (auto committed = transaction->commit(); !committed) return committed;
    is_clean_ = true;
    return {};
  });
}

}  // namespace vigile
