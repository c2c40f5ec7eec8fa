// SPDX-License-Identifier: Apache-2.0
// A thin RAII cover for SQLite, private to the store: nothing but ownership and errors as values.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vigile {

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);  // kept by the caller until reset
  // A column of another statement's row, of whatever type it is.
  Statement& bind_column(int index, const Statement& from, int column);

  // True: a row is there; false: done. Reset by the destructor of a Run, see below.
  Result<bool> step();
  void reset();
  sqlite3_stmt* handle() const { return handle_.get(); }

  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  bool is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }
  std::string_view text(int column) const;
  std::string_view blob(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// Resets a statement at the end of a scope: a statement left open holds its snapshot and blocks checkpoints.
class Run {
 public:
  explicit Run(Statement& statement) : statement_(statement) {}
  ~Run() { statement_.reset(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  Statement* operator->() { return &statement_; }

 private:
  Statement& statement_;
};

class Db {
 public:
  Db() = default;
  static Result<Db> open(const std::filesystem::path& path, int flags, const char* vfs = "unix-excl");

  Result<void> exec(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // The first column of the first row; 0 when there is none.
  Result<std::int64_t> integer(const std::string& sql);
  sqlite3* handle() { return handle_.get(); }
  explicit operator bool() const { return handle_ != nullptr; }
  void close() { handle_.reset(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

// Rolls back unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Db& db);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  Result<void> commit();

 private:
  explicit Transaction(Db* db) : db_(db) {}
  Db* db_;
};

// The Error for SQLite's last failure on `handle`: "<file>: <cause>".
Error sqlite_error(sqlite3* handle);
// The same after SQL of ours was not understood: then the tables are not those it was written for, and the
// kind is corrupt.
Error statement_error(sqlite3* handle);

}  // namespace vigile
