// SPDX-License-Identifier: Apache-2.0
#include "log_walk.h"

#include <algorithm>

namespace vigile {

namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000;

Result<void> nothing_of(const Result<std::uint64_t>& result) {
  return result ? Result<void>() : Result<void>(result.error());
}

}  // namespace

LogWalk::LogWalk(PowerCutDisk& disk, std::uint64_t seed, std::uint64_t max_size_bytes, Overflow overflow)
    : disk_(disk), random_(seed) {
  options_.path = kStore;
  options_.files = &disk;
  options_.max_size_bytes = max_size_bytes;
  options_.keep = std::chrono::hours(6);
  options_.overflow = overflow;
  state_.acknowledged = {{"a", {}}, {"b", {}}};
  state_.written = state_.acknowledged;
}

Action LogWalk::open() {
  return {"open",
          [this]() -> Result<void> {
            log_.reset();
            auto opened = Log::open(options_, clock_);
            if (!opened) return opened.error();
            if (auto told = (*opened)->set_sinks({"a", "b"}); !told) return told;
            if (auto read = (*opened)->history().read_unsummarised(0, 1); !read) return read.error();
            log_ = std::move(*opened);
            return {};
          },
          [] {}};
}

void LogWalk::close() {
  log_.reset();
  all_written();
  forget_what_waits();
}

void LogWalk::crash(const PowerCutDisk::Image& image) {
  disk_.on_call = [](const PowerCutDisk::Call&) { return PowerCutDisk::Fault::io; };
  log_.reset();
  disk_.on_call = nullptr;
  disk_.load(image);
  forget_what_waits();
}

void LogWalk::forget_what_waits() {
  folding_.clear();
  folded_ = {};
  folded_points_.clear();
}

Action LogWalk::append(std::uint32_t points, std::size_t filler) {
  NewSegment made{.clock = is_set_ ? ClockState::set : ClockState::unset};
  made.first_ns = is_set_ ? to_ns(clock_.wall()) : to_ns(clock_.boot());
  made.last_ns = made.first_ns + points - 1;
  made.points = points;
  for (std::uint32_t i = 0; i < points; ++i) {
    made.lines += "m,equipment_id=" + std::to_string(i % 3) + " value=" + std::to_string(++number_);
    if (i == 0 && filler > 0) {
      made.lines += ",noise=\"";
      for (std::size_t left = filler; left > 0; --left) made.lines += static_cast<char>('#' + below(56));
      std::replace(made.lines.begin(), made.lines.end(), '\\', '/');
      made.lines += '"';
    }
    made.lines += " " + std::to_string(made.first_ns + i) + "\n";
  }
  if (below(4) == 0) {
    made.changes = {{std::to_string(below(3)), made.first_ns, "online", "offline", "because"}};
    if (below(2) == 0)
      made.changes.push_back({"9", made.first_ns, "offline", "online", std::to_string(number_)});
  }
  return append_made(std::move(made));
}

Action LogWalk::append_made(NewSegment made) {
  const auto seq = std::make_shared<std::uint64_t>();
  Action action{.name = "append", .offered = made.points, .changes = made.changes.size()};
  const auto points = action.points;
  action.run = [this, made, seq]() -> Result<void> {
    const auto appended = log_->append(made);
    if (appended) *seq = *appended;
    return nothing_of(appended);
  };
  action.done = [this, made, seq, points] {
    if (*seq == 0) return;  // drop_newest: progress is not written
    *points = made.points;
    state_.segments[*seq] = {made.lines, static_cast<std::int64_t>(made.clock), made.points};
    all_written();
  };
  return action;
}

Action LogWalk::large_append() {
  return append(2, 8000 + below(9000));
}

Action LogWalk::append_changes_only() {
  NewSegment made{.clock = is_set_ ? ClockState::set : ClockState::unset};
  const std::int64_t now = is_set_ ? to_ns(clock_.wall()) : to_ns(clock_.boot());
  made.changes = {{"7", now, "online", "maintenance", "because"}};
  return {.name = "append a change",
          .run = [this, made] { return nothing_of(log_->append(made)); },
          .changes = 1};
}

Action LogWalk::acknowledge(const std::string& sink, bool with_letters) {
  const auto read = log_->read_undelivered(sink, 0, {.points = 1 + below(60)});
  if (!read || read->empty()) return flush();
  const SeqRange range{read->front().seq, read->back().seq};
  std::vector<DeadLetter> letters;
  if (with_letters) letters.push_back({.line = std::to_string(++number_), .reason = "refused"});
  Action action{.name = with_letters ? "dead letters" : "acknowledge", .letters = letters.size()};
  action.run = [this, sink, range, letters] { return log_->acknowledge(sink, range, letters); };
  action.done = [this, sink, range, with_letters] {
    for (std::uint64_t seq = range.first; seq <= range.last; ++seq) state_.acknowledged[sink].insert(seq);
    if (with_letters) all_written();
  };
  return action;
}

// As agent/equipment/ does it: readings are added to the rows of their hours.
Action LogWalk::fold() {
  const std::uint64_t from = folded_.ranges().empty() ? 0 : folded_.ranges().back().last + 1;
  const auto read = log_->history().read_unsummarised(from, 1 + below(2000));
  if (read) {
    for (const StoredSegment& one : *read) {
      const Sum sum = sum_of_lines(inflate_payload(one.view()).value_or(""));
      Sum& hour = folding_[one.first_ns / kHourNs * kHourNs];
      hour.count += sum.count;
      hour.total += sum.total;
      folded_.add({one.seq, one.seq});
      folded_points_[one.seq] = sum.count;
    }
  }
  if (folded_.ranges().empty() || below(2) == 0) return flush();
  return store_folded();
}

Action LogWalk::store_folded() {
  return {.name = "store summaries",
          .run = [this]() -> Result<void> {
            std::vector<SummaryRow> rows;
            for (const auto& [hour, sum] : folding_) {
              Sum merged = sum;
              const auto done = log_->history().read_summaries(hour, hour + 1, [&](const SummaryRow& row) {
                const Sum stored = from_payload(row.payload);
                merged.count += stored.count;
                merged.total += stored.total;
                return true;
              });
              if (!done) return done;
              rows.push_back({hour, to_payload(merged)});
            }
            return log_->history().store_summaries(rows, folded_);
          },
          .done = [this] { forget_what_waits(); },
          .summarised = folded_points_};
}

Action LogWalk::maintain() {
  clock_.advance(std::chrono::hours(below(3)) + std::chrono::minutes(11));
  return {"maintain", [this]() -> Result<void> {
            const auto done = log_->maintain(clock_.boot());
            return done ? Result<void>() : Result<void>(done.error());
          }};
}

Action LogWalk::flush() {
  return {"flush", [this] { return log_->flush(); }, [this] { all_written(); }};
}

Action LogWalk::repair() {
  is_set_ = true;
  const std::int64_t epoch = to_ns(clock_.wall()) - to_ns(clock_.boot());
  return {"repair clock", [this, epoch] { return nothing_of(log_->repair_clock(epoch)); }};
}

Action LogWalk::set_limits(std::uint64_t max_size_bytes) {
  options_.max_size_bytes = max_size_bytes;
  return {"set limits", [this] { return log_->set_limits(options_); }};
}

// As agent/equipment/ does it: what is folded is stored before anything is removed, or it would come back.
Action LogWalk::remove() {
  if (!folded_.ranges().empty()) return store_folded();
  const std::int64_t before =
      to_ns(clock_.wall()) - std::chrono::nanoseconds(std::chrono::minutes(40)).count();
  const bool undelivered = below(2) == 0;
  Action action{.name = "remove", .forgets = true};
  action.run = [this, before, undelivered]() -> Result<void> {
    const auto removed =
        log_->history().remove(before, "", undelivered, false,
                               [](std::string_view payload, std::string_view) -> Result<std::string> {
                                 return std::string(payload);
                               });
    return removed ? Result<void>() : Result<void>(removed.error());
  };
  return action;
}

Action LogWalk::next() {
  clock_.advance(std::chrono::seconds(below(400)));
  switch (below(20)) {
    case 0:
    case 1:
      return acknowledge("a", false);
    case 2:
    case 3:
      return acknowledge("b", false);
    case 4:
      return acknowledge(below(2) == 0 ? "a" : "b", true);
    case 5:
      return flush();
    case 6:
    case 7:
    case 8:
      return fold();
    case 9:
      return maintain();
    case 10:
      return append_changes_only();
    case 11:
      if (!is_set_) return repair();
      is_set_ = below(2) == 0;
      return append(2);
    case 12:
      return append(3, 1 + below(6000));
    case 13:
      if (below(12) == 0) return remove();
      return append(1);
    case 14:
      close();
      return open();
    default:
      return append(static_cast<std::uint32_t>(1 + below(8)), below(300));
  }
}

std::string LogWalk::settle(const LogState& before, const Action& action) {
  const LogState expected = state_;
  if (auto wrong = look(*log_, disk_, state_); !wrong.empty()) return wrong;
  std::uint64_t dropped = 0;
  for (const auto& [seq, segment] : expected.segments) {
    const auto found = state_.segments.find(seq);
    if (found == state_.segments.end()) {
      const bool is_delivered =
          expected.acknowledged.at("a").contains(seq) && expected.acknowledged.at("b").contains(seq);
      if (!is_delivered) dropped += segment.points;
      for (auto& [sink, acknowledged] : state_.acknowledged) acknowledged.insert(seq);
    } else if (segment.clock != 1 && !(found->second == segment)) {
      return "segment " + std::to_string(seq) + " has changed";
    }
  }
  for (const auto& [seq, segment] : state_.segments) {
    if (!expected.segments.contains(seq)) return "segment " + std::to_string(seq) + " came from nowhere";
    for (const auto& [sink, acknowledged] : state_.acknowledged) {
      const bool is_due = segment.clock != 1 && !acknowledged.contains(seq);
      if (is_due != state_.waiting[sink].contains(seq))
        return sink + (is_due ? " is not given " : " is given again ") + std::to_string(seq);
    }
  }
  if (action.forgets) return "";
  if (state_.status.dropped_points - before.status.dropped_points !=
      dropped + (action.offered - *action.points))
    return "dropped points";
  // Those that max_size took while their summary was being made had counted as lost to it.
  std::uint64_t regained = 0;
  for (const auto& [seq, points] : action.summarised) regained += state_.segments.contains(seq) ? 0 : points;
  if (state_.readings().count != before.readings().count + *action.points + regained) return "readings";
  if (state_.changes.size() != before.changes.size() + action.changes) return "status changes";
  if (state_.letters.size() != before.letters.size() + action.letters) return "dead letters";
  return "";
}

}  // namespace vigile
