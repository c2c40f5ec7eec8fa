// SPDX-License-Identifier: Apache-2.0
// Dead letters after they were written: listed, removed, sent again.
#include "store/log_database.h"
#include "store/segment_row.h"

namespace vigile {

namespace {

// id, sink, refused_ns, line, reason, resend.
DeadLetter letter_of(Statement& row) {
  return DeadLetter{as_count(row.integer(0)), std::string(row.text(1)), row.integer(2),
                    std::string(row.text(3)), std::string(row.text(4)), row.integer(5) != 0};
}

// Those that a choice means, of whatever sink.
constexpr const char* kChosen = "(?1 = '' OR sink = ?1) AND (?2 = 0 OR id = ?2) AND instr(reason, ?3) > 0";

void bind_choice(Statement& statement, std::string_view sink, const DeadLetterChoice& choice) {
  statement.bind(1, sink).bind(2, as_int(choice.id)).bind(3, std::string_view(choice.reason));
}

}  // namespace

Result<std::vector<DeadLetter>> DatabaseLog::dead_letters(std::string_view sink, std::uint64_t after_id,
                                                          std::size_t limit) {
  return mending([&]() -> Result<std::vector<DeadLetter>> {
    const MutexLock lock(read_mutex_);
    auto rows = reader_.db.prepare(
        "SELECT id, sink, refused_ns, line, reason, resend FROM dead_letters WHERE id > ? AND "
        "(? = '' OR sink = ?) ORDER BY id LIMIT ?");
    if (!rows) return rows.error();
    rows->bind(1, as_int(after_id)).bind(2, sink).bind(3, sink).bind(4, static_cast<std::int64_t>(limit));
    std::vector<DeadLetter> letters;
    for (;;) {
      const auto row = rows->step();
      if (!row) return row.error();
      if (!*row) return letters;
      letters.push_back(letter_of(*rows));
    }
  });
}

Result<std::uint64_t> DatabaseLog::clear_dead_letters(std::string_view sink) {
  return writing([&]() -> Result<std::uint64_t> {
    const MutexLock write(write_mutex_);
    auto statement = writer_.db.prepare("DELETE FROM dead_letters WHERE ? = '' OR sink = ?");
    if (!statement) return statement.error();
    statement->bind(1, sink).bind(2, sink);
    if (const auto done = statement->step(); !done) return done.error();
    const auto cleared = as_count(sqlite3_changes64(writer_.db.handle()));
    const MutexLock lock(state_mutex_);
    state_.dead_letters -= cleared;
    return cleared;
  });
}

Result<std::uint64_t> DatabaseLog::resend_dead_letters(const DeadLetterChoice& choice) {
  return writing([&]() -> Result<std::uint64_t> {
    const MutexLock write(write_mutex_);
    std::vector<std::string> sinks;
    {
      const MutexLock lock(state_mutex_);
      for (const auto& [name, sink] : state_.sinks) {
        if (sink.known && (choice.sink.empty() || choice.sink == name)) sinks.push_back(name);
      }
    }
    auto transaction = Transaction::begin(writer_.db);
    if (!transaction) return transaction.error();
    std::uint64_t queued = 0;
    for (const std::string& sink : sinks) {
      auto mark = writer_.db.prepare(std::string("UPDATE dead_letters SET resend = 1 WHERE line <> '' AND ") +
                                     kChosen);
      if (!mark) return mark.error();
      bind_choice(*mark, sink, choice);
      if (const auto done = mark->step(); !done) return done.error();
      queued += as_count(sqlite3_changes64(writer_.db.handle()));
    }
    if (auto committed = transaction->commit(); !committed) return committed.error();
    if (queued > 0) return queued;
    const auto why = why_none_is_sent(choice, !sinks.empty());
    return why ? Result<std::uint64_t>(queued) : why.error();
  });
}

Result<void> DatabaseLog::why_none_is_sent(const DeadLetterChoice& choice, bool is_sink_known) {
  auto left =
      writer_.db.prepare(std::string("SELECT sink, line FROM dead_letters WHERE ") + kChosen + " LIMIT 1");
  if (!left) return left.error();
  bind_choice(*left, choice.sink, choice);
  const auto found = left->step();
  if (!found) return found.error();
  const std::string sink(*found ? left->text(0) : std::string_view(choice.sink));
  if (*found && !left->text(1).empty())
    return Error{ErrorKind::not_found, "no sink \"" + sink +
                                           "\" in the settings, of which there are dead letters: give a sink "
                                           "that name, or `vigilectl dead-letters export --sink " +
                                           sink + "` and `vigilectl write`"};
  if (!is_sink_known && !sink.empty())
    return Error{ErrorKind::not_found, "no sink \"" + sink + "\" in the settings"};
  if (choice.id == 0) return {};
  const std::string letter = "dead letter " + std::to_string(choice.id);
  return Error{ErrorKind::not_found,
               *found ? letter + " stands for lines that were not found, and has none to send"
                      : "no " + letter + " of that sink and reason: `vigilectl dead-letters` lists them"};
}

Result<std::vector<DeadLetter>> DatabaseLog::letters_to_resend(std::string_view sink, std::uint64_t bytes) {
  {
    const MutexLock lock(state_mutex_);
    if (state_.dead_letters == 0) return std::vector<DeadLetter>{};
  }
  return mending([&]() -> Result<std::vector<DeadLetter>> {
    const MutexLock lock(read_mutex_);
    auto rows = reader_.db.prepare(
        "SELECT id, sink, refused_ns, line, reason, resend FROM dead_letters WHERE resend = 1 AND sink = ? "
        "ORDER BY id");
    if (!rows) return rows.error();
    rows->bind(1, sink);
    std::vector<DeadLetter> letters;
    for (std::uint64_t total = 0;;) {
      const auto row = rows->step();
      if (!row) return row.error();
      if (!*row) return letters;
      total += rows->text(3).size() + 1;
      if (!letters.empty() && total > bytes) return letters;
      letters.push_back(letter_of(*rows));
    }
  });
}

Result<void> DatabaseLog::settle_letters(const std::vector<DeadLetter>& arrived,
                                         const std::vector<DeadLetter>& refused) {
  return writing([&]() -> Result<void> {
    const MutexLock write(write_mutex_);
    auto transaction = Transaction::begin(writer_.db);
    if (!transaction) return transaction.error();
    std::uint64_t removed = 0;  // somebody may have cleared them meanwhile
    auto remove = writer_.db.prepare("DELETE FROM dead_letters WHERE id = ?");
    if (!remove) return remove.error();
    for (const DeadLetter& letter : arrived) {
      Run run(*remove);
      run->bind(1, as_int(letter.id));
      if (const auto done = run->step(); !done) return done.error();
      removed += as_count(sqlite3_changes64(writer_.db.handle()));
    }
    auto keep =
        writer_.db.prepare("UPDATE dead_letters SET resend = 0, refused_ns = ?, reason = ? WHERE id = ?");
    if (!keep) return keep.error();
    for (const DeadLetter& letter : refused) {
      Run run(*keep);
      run->bind(1, letter.refused_ns).bind(2, std::string_view(letter.reason)).bind(3, as_int(letter.id));
      if (const auto done = run->step(); !done) return done.error();
    }
    if (auto committed = transaction->commit(); !committed) return committed;
    const MutexLock lock(state_mutex_);
    state_.dead_letters -= removed;
    return {};
  });
}

}  // namespace vigile
