// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_db.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "core/unique_fd.h"

namespace vigile {

namespace {

ErrorKind kind_of(int code) {
  if (code == SQLITE_CONSTRAINT_TRIGGER) return ErrorKind::io;  // somebody else's rule
  if (code == SQLITE_IOERR_READ || code == SQLITE_IOERR_CORRUPTFS) return ErrorKind::unreadable;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return ErrorKind::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    // What is written here breaks no rule unless the rows that are there do.
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return ErrorKind::corrupt;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorKind::permission;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::unavailable;
    default:
      return ErrorKind::io;
  }
}

// The database could not be opened again after it was closed for damage.
Error closed() {
  return Error{ErrorKind::unavailable, "the log's database is closed"};
}

}  // namespace

Error sqlite_error(sqlite3* handle) {
  const int code = sqlite3_extended_errcode(handle);
  const char* const file = sqlite3_db_filename(handle, "main");
  std::string message = file == nullptr ? "" : file;
  message += ": ";
  message += sqlite3_errmsg(handle);
  if (const int number = sqlite3_system_errno(handle); number != 0 && (code & 0xff) == SQLITE_IOERR) {
    // "disk I/O error" hides what the system said, and a full disk often comes as one.
    Error cause = errno_error(message, number);
    if (cause.kind != ErrorKind::full) cause.kind = kind_of(code);
    return cause;
  }
  // A number in the header that SQLite does not know has no code of its own.
  const bool is_header = (code & 0xff) == SQLITE_ERROR && message.ends_with(": unsupported file format");
  return Error{is_header ? ErrorKind::corrupt : kind_of(code), std::move(message)};
}

Error statement_error(sqlite3* handle) {
  const bool refused = (sqlite3_errcode(handle) & 0xff) == SQLITE_ERROR;
  Error error = sqlite_error(handle);
  if (refused) error.kind = ErrorKind::corrupt;
  return error;
}

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(handle_.get(), index, value);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text(handle_.get(), index, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(handle_.get(), index, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_column(int index, const Statement& from, int column) {
  sqlite3_bind_value(handle_.get(), index, sqlite3_column_value(from.handle_.get(), column));
  return *this;
}

Result<bool> Statement::step() {
  if (!handle_) return closed();
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = sqlite_error(sqlite3_db_handle(handle_.get()));
  sqlite3_reset(handle_.get());
  return error;
}

void Statement::reset() {
  if (!handle_) return;
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::string_view Statement::text(int column) const {
  const auto* const data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  return data == nullptr
             ? std::string_view()
             : std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)));
}

std::string_view Statement::blob(int column) const {
  const auto* const data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  return data == nullptr
             ? std::string_view()
             : std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)));
}

Result<Db> Db::open(const std::filesystem::path& path, int flags, const char* vfs) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  Db db;
  db.handle_.reset(raw);
  if (code != SQLITE_OK) {
    if (raw == nullptr) return Error{ErrorKind::io, path.string() + ": out of memory"};
    const int number = sqlite3_system_errno(raw);
    if (number != 0) return errno_error(path.string(), number);
    return sqlite_error(raw);
  }
  // SQLite makes do with a file that it cannot write.
  if ((flags & SQLITE_OPEN_READWRITE) != 0 && sqlite3_db_readonly(raw, "main") == 1) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    return errno_error(path.string(), fd ? EROFS : errno);
  }
  sqlite3_busy_timeout(raw, 5000);
  return db;
}

Result<void> Db::exec(const std::string& sql) {
  if (!handle_) return closed();
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return sqlite_error(handle_.get());
  }
  return {};
}

Result<Statement> Db::prepare(std::string_view sql) {
  if (!handle_) return closed();
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &raw, nullptr) != SQLITE_OK) {
    return statement_error(handle_.get());
  }
  return Statement(raw);
}

Result<std::int64_t> Db::integer(const std::string& sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  const auto row = statement->step();
  if (!row) return row.error();
  return *row ? statement->integer(0) : 0;
}

Result<Transaction> Transaction::begin(Db& db) {
  if (auto begun = db.exec("BEGIN IMMEDIATE"); !begun) return begun.error();
  return Transaction(&db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) (void)db_->exec("ROLLBACK");
}

Result<void> Transaction::commit() {
  if (auto committed = db_->exec("COMMIT"); !committed) return committed.error();
  db_ = nullptr;
  return {};
}

}  // namespace vigile
