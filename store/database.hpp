#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sync/error.hpp"
#include "sync/time.hpp"

struct sqlite3;
struct sqlite3_stmt;

// A thin layer over SQLite: whoever uses it never sees a handle, a result code or a forgotten reset. A wrong
// SQL statement, a broken file and a full disk all end in StoreError: nothing below the cycle boundary can
// mend them.

namespace usersyncd {

/// SQLite's handles, closed by themselves.
struct DatabaseCloser {
  void operator()(sqlite3* database) const;
};
struct StatementCloser {
  void operator()(sqlite3_stmt* statement) const;
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, StatementCloser>;

/// One use of a prepared statement. On every way out its bindings are cleared and it goes back to the
/// database.
class Statement {
 public:
  Statement(StatementHandle handle, std::vector<StatementHandle>& home)
      : handle_(std::move(handle)), home_(&home) {}
  ~Statement();
  Statement(Statement&&) = default;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds all placeholders, from the first: texts, integers, bools, times, and optionals of them for NULL.
  template <class... Values>
  Statement& bind(const Values&... values) {
    int index = 0;
    (bind_value(++index, values), ...);
    return *this;
  }

  /// The same for a statement that has placeholders for those values only that are there.
  template <class... Values>
  Statement& bind_present(const std::optional<Values>&... values) {
    int index = 0;
    ((values ? bind_value(++index, *values) : void()), ...);
    return *this;
  }

  /// True: there is a row to read. Throws StoreError.
  bool step();
  /// For statements without rows; may be bound and run again afterwards. Throws StoreError.
  void run();

  // Columns of the current row, counted from 0.
  std::string text(int column) const;
  std::int64_t integer(int column) const;
  bool flag(int column) const { return integer(column) != 0; }
  Time time(int column) const { return time_from_millis(integer(column)); }
  std::optional<std::int64_t> maybe_integer(int column) const;
  std::optional<Time> maybe_time(int column) const;

 private:
  void bind_value(int index, std::string_view text);
  void bind_value(int index, const std::string& text) { bind_value(index, std::string_view(text)); }
  void bind_value(int index, const char* text) { bind_value(index, std::string_view(text)); }
  void bind_value(int index, Time time) { bind_integer(index, millis_of(time)); }
  void bind_value(int index, std::integral auto number) {
    bind_integer(index, static_cast<std::int64_t>(number));
  }
  template <class Value>
  void bind_value(int index, const std::optional<Value>& value) {
    if (value)
      bind_value(index, *value);
    else
      bind_null(index);
  }
  void bind_integer(int index, std::int64_t number);
  void bind_null(int index);

  StatementHandle handle_;
  std::vector<StatementHandle>* home_;
};

/// What a file of ours is, and how one version becomes the next.
struct Schema {
  std::int32_t application_id = 0;
  std::span<const std::string_view> steps;  ///< steps[n] leads from version n to version n + 1
};

enum class Access { read_write, read_only };

/// One connection to one file. Several processes may have the file open; one thread uses a connection.
class Database {
 public:
  /// Opens the file, makes it (0600) or brings it up to date when it may be written; what it was before stays
  /// beside it, as `<path>.schema-<version>`. Throws StoreError when
  /// there is none to read, it is somebody else's, damaged, or of a newer schema.
  Database(const std::string& path, Access access, const Schema& schema);
  Database(Database&&) = default;
  Database& operator=(Database&&) = delete;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Compiled once, then reused. Throws StoreError.
  Statement prepare(std::string_view sql);
  /// Any number of statements without results. Throws StoreError.
  void execute(const std::string& sql);

  std::int64_t last_insert_id() const;
  /// Rows that the last INSERT, UPDATE or DELETE touched.
  std::int64_t changes() const;
  bool in_transaction() const;
  /// True if another connection has committed something since the last call, and for the first call.
  bool changed_by_others();
  /// The next call is the first one again.
  void forget_others() { seen_version_ = -1; }
  /// Throws StoreError when SQLite finds the file damaged. Reads all of it, or, with names of tables in
  /// `except`, all other tables one by one.
  void check_health(std::span<const std::string_view> except = {});
  /// Makes durable all that has been committed, by any connection. Throws StoreError.
  void sync();
  /// For a clean stop: updates the planner's statistics and folds the write-ahead log into the file.
  void tidy_up();

  /// The file, with its directory resolved.
  const std::string& path() const { return path_; }

 private:
  void open(Access access);
  void set_up_connection(Access access);
  void check_identity(const Schema& schema);
  void migrate(const Schema& schema);
  void keep_copy(std::int64_t version);
  std::int64_t pragma(std::string_view name);
  void check_pages(const std::string& pragma);
  bool is_fresh();

  friend class Transaction;
  void wait_for_disk(bool wait);

  bool waits_for_disk_ = true;  ///< in a commit
  std::string path_;
  std::int64_t seen_version_ = -1;
  std::unique_ptr<sqlite3, DatabaseCloser> handle_;
  /// By SQL, found without a copy of it; destroyed before handle_.
  std::map<std::string, std::vector<StatementHandle>, std::less<>> idle_;
};

/// All or nothing. Rolled back unless committed. A write takes the write lock at once (BEGIN IMMEDIATE): one
/// that began by reading could be refused in the middle. Inside another transaction it is a part of that one,
/// which can fail by itself, and as durable as that one.
class Transaction {
 public:
  /// `relaxed` writes without waiting for the disk: the death of the process takes nothing of it; a power cut
  /// may, until the next `write` is committed, which carries all before it to the disk.
  enum class Kind { write, relaxed, read };
  explicit Transaction(Database& database, Kind kind = Kind::write);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  /// Durable when it returns, if this is the outermost one and not relaxed. Throws StoreError.
  void commit();

 private:
  /// As long as it lives, commits do not wait for the disk.
  class Relaxed {
   public:
    explicit Relaxed(Database& database);
    ~Relaxed();
    Relaxed(const Relaxed&) = delete;
    Relaxed& operator=(const Relaxed&) = delete;

   private:
    Database& database_;
  };

  Database& database_;
  bool nested_;
  std::optional<Relaxed> relaxed_;
  bool open_ = true;
};

/// Receives what SQLite has to say by itself (a recovered log, a damaged page), with its extended result
/// code.
using SqliteLog = std::function<void(int code, std::string_view message)>;

/// Once per process, before the first Database. Throws StoreError when it is too late.
void set_sqlite_log(SqliteLog log);

}  // namespace usersyncd
