#include "store/database.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "store/lock.hpp"
#include "store/private_file.hpp"

namespace usersyncd {
namespace {

constexpr int busy_timeout_millis = 5'000;
constexpr int checkpoint_pages = 4'000;  // of 4 KiB; each checkpoint waits twice for the disk

constexpr std::string_view damage_advice =
    ": stop usersyncd, keep a copy, and restore a backup (or use `sqlite3 .recover`)";

/// What a person can do about it. Empty: it is a bug of ours.
std::string_view advice_for(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "the disk is full; free some space; nothing was lost, the next cycle goes on";
    case SQLITE_READONLY:
      return "the file is read-only; check its owner, its mode and whether the file system is mounted "
             "read-only";
    case SQLITE_NOTADB:
      return "this is not a usersyncd store; correct store.path, or move the file away to begin a new one";
    case SQLITE_CORRUPT:
      return "the file is damaged; stop usersyncd, keep a copy, and restore a backup (or use `sqlite3 "
             ".recover`)";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process has kept it locked for 5 s; see `fuser` for who, and try again";
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return "it cannot be opened; run as the user that owns the store and check the permissions of its "
             "directory";
    case SQLITE_IOERR:
      return "reading or writing failed; look for disk errors, quotas and file size limits in the system's "
             "log";
    default:
      return {};
  }
}

[[noreturn]] void fail(sqlite3* database, const std::string& path) {
  const int code = sqlite3_extended_errcode(database);
  std::string text = "store " + path + ": " + sqlite3_errmsg(database);
  const int system_error = sqlite3_system_errno(database);
  const int primary = code & 0xff;
  if (system_error != 0 &&
      (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL)) {
    text += std::string(" (") + std::strerror(system_error) + ")";
  }
  const std::string_view advice = advice_for(code);
  text += " [" + std::to_string(code) + "]: ";
  text += advice.empty() ? "this is a defect of usersyncd; please report it" : advice;
  throw StoreError(text);
}

/// SQLite knows the file behind a statement; only an in-memory database has no name.
[[noreturn]] void fail(sqlite3_stmt* statement) {
  sqlite3* database = sqlite3_db_handle(statement);
  const char* name = sqlite3_db_filename(database, "main");
  fail(database, name == nullptr ? "" : name);
}

/// Empty: somebody was about to make a store and got no further.
bool is_missing_or_empty(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno == ENOENT;
  return status.st_size == 0;
}

SqliteLog& sqlite_log() {
  static SqliteLog log;
  return log;
}

void forward_log(void*, int code, const char* message) {
  // An exception must not travel through SQLite's C code.
  try {
    sqlite_log()(code, message);
  } catch (...) {
    return;
  }
}

}  // namespace

void DatabaseCloser::operator()(sqlite3* database) const {
  sqlite3_close(database);
}
void StatementCloser::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement::~Statement() {
  if (!handle_) return;
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
  home_->push_back(std::move(handle_));
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(handle_.get());
  return false;
}

void Statement::run() {
  if (step()) throw StoreError("a statement that should have no rows has one");
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::string Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(handle_.get(), column);
  if (bytes == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::optional<std::int64_t> Statement::maybe_integer(int column) const {
  if (sqlite3_column_type(handle_.get(), column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

std::optional<Time> Statement::maybe_time(int column) const {
  const auto millis = maybe_integer(column);
  if (!millis) return std::nullopt;
  return time_from_millis(*millis);
}

void Statement::bind_value(int index, std::string_view text) {
  // A null pointer would be bound as NULL.
  const char* bytes = text.data() == nullptr ? "" : text.data();
  const int code =
      sqlite3_bind_text64(handle_.get(), index, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) fail(handle_.get());
}

void Statement::bind_integer(int index, std::int64_t number) {
  if (sqlite3_bind_int64(handle_.get(), index, number) != SQLITE_OK) fail(handle_.get());
}

void Statement::bind_null(int index) {
  if (sqlite3_bind_null(handle_.get(), index) != SQLITE_OK) fail(handle_.get());
}

Database::Database(const std::string& path, Access access, const Schema& schema)
    : path_(resolve_directory(path)) {
  std::optional<OpeningLock> turn;
  if (access == Access::read_write) turn = OpeningLock::acquire(path_);
  open(access);
  set_up_connection(access);
  check_identity(schema);
  const auto newest = static_cast<std::int64_t>(schema.steps.size());
  if (access == Access::read_only) {
    if (const std::int64_t version = pragma("user_version"); version < newest) {
      throw StoreError("store " + path_ + ": written by an older usersyncd (schema " +
                       std::to_string(version) + ", this one knows " + std::to_string(newest) +
                       "): `usersyncd run` brings it up to date");
    }
    return;
  }
  execute("PRAGMA journal_mode = WAL");
  migrate(schema);
}

void Database::open(Access access) {
  if (access == Access::read_write) ensure_private_file(path_);
  if (access == Access::read_only && is_missing_or_empty(path_)) {
    throw StoreError("no store at " + path_ + " yet: run `usersyncd run` or `usersyncd plan` first");
  }
  const int mode = access == Access::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int flags = mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path_.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (handle == nullptr) throw StoreError("store " + path_ + ": not enough memory to open it");
  if (code != SQLITE_OK) fail(handle, path_);
}

void Database::set_up_connection(Access access) {
  sqlite3_busy_timeout(handle_.get(), busy_timeout_millis);
  sqlite3_wal_autocheckpoint(handle_.get(), checkpoint_pages);
  // A misspelt column in double quotes would otherwise pass as a text, and the schema could be edited by
  // hand.
  constexpr std::array<std::pair<int, int>, 3> settings{
      std::pair{SQLITE_DBCONFIG_DQS_DML, 0}, {SQLITE_DBCONFIG_DQS_DDL, 0}, {SQLITE_DBCONFIG_DEFENSIVE, 1}};
  for (const auto& [setting, value] : settings) {
    if (sqlite3_db_config(handle_.get(), setting, value, nullptr) != SQLITE_OK) fail(handle_.get(), path_);
  }
  execute("PRAGMA trusted_schema = OFF");
  execute("PRAGMA cell_size_check = ON");
  execute("PRAGMA foreign_keys = ON");
  // Without it INSERT OR REPLACE could remove an audit record past its delete trigger.
  execute("PRAGMA recursive_triggers = ON");
  // What was announced must survive a power cut; in WAL mode the lesser level may lose the last commits.
  execute("PRAGMA synchronous = FULL");
  if (access == Access::read_only) execute("PRAGMA query_only = ON");
}

bool Database::is_fresh() {
  auto tables = prepare("SELECT COUNT(*) FROM sqlite_schema");
  tables.step();
  return tables.integer(0) == 0 && pragma("user_version") == 0;
}

void Database::check_identity(const Schema& schema) {
  const std::int64_t application = pragma("application_id");
  if (application != schema.application_id && !(application == 0 && is_fresh())) {
    throw StoreError("store " + path_ +
                     ": this is an SQLite database of another program: correct store.path");
  }
  const auto newest = static_cast<std::int64_t>(schema.steps.size());
  if (const std::int64_t version = pragma("user_version"); version > newest) {
    throw StoreError("store " + path_ + ": written by a newer usersyncd (schema " + std::to_string(version) +
                     ", this one knows " + std::to_string(newest) + "): upgrade usersyncd");
  }
}

void Database::migrate(const Schema& schema) {
  const std::size_t newest = schema.steps.size();
  const auto present = pragma("user_version");
  if (present == static_cast<std::int64_t>(newest)) return;
  if (present > 0) keep_copy(present);
  Transaction transaction(*this);
  // Read again: another process may have done it while this one waited for the lock.
  for (auto version = static_cast<std::size_t>(pragma("user_version")); version < newest; ++version) {
    execute(std::string(schema.steps[version]));
  }
  execute("PRAGMA user_version = " + std::to_string(newest));
  execute("PRAGMA application_id = " + std::to_string(schema.application_id));
  transaction.commit();
}

// The way back for whoever has to go back to the version before. Whoever opens for writing has the opening
// lock, so that nobody else makes the same copy.
void Database::keep_copy(std::int64_t version) {
  const auto copy = path_ + ".schema-" + std::to_string(version);
  const auto unfinished = copy + ".part";
  std::error_code missing;
  std::filesystem::remove(unfinished, missing);
  ensure_private_file(unfinished);
  prepare("VACUUM INTO ?").bind(unfinished).run();
  put_in_place(unfinished, copy);
}

std::int64_t Database::pragma(std::string_view name) {
  auto statement = prepare("PRAGMA " + std::string(name));
  statement.step();
  return statement.integer(0);
}

Statement Database::prepare(std::string_view sql) {
  auto known = idle_.find(sql);
  if (known == idle_.end()) known = idle_.try_emplace(std::string(sql)).first;
  auto& idle = known->second;
  if (!idle.empty()) {
    StatementHandle handle = std::move(idle.back());
    idle.pop_back();
    return Statement(std::move(handle), idle);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) fail(handle_.get(), path_);
  return Statement(StatementHandle(statement), idle);
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail(handle_.get(), path_);
  }
}

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(handle_.get());
}
std::int64_t Database::changes() const {
  return sqlite3_changes64(handle_.get());
}
bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

bool Database::changed_by_others() {
  const auto version = pragma("data_version");
  return std::exchange(seen_version_, version) != version;
}

void Database::check_pages(const std::string& pragma) {
  auto check = prepare(pragma);
  if (check.step() && check.text(0) != "ok") {
    throw StoreError("store " + path_ + ": damaged: " + check.text(0) + std::string(damage_advice));
  }
}

void Database::check_health(std::span<const std::string_view> except) {
  if (except.empty()) check_pages("PRAGMA quick_check(1)");
  std::vector<std::string> tables;
  {
    auto names = prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (!except.empty() && names.step()) tables.push_back(names.text(0));
  }
  for (const auto& table : tables) {
    if (std::find(except.begin(), except.end(), table) == except.end())
      check_pages("PRAGMA quick_check(" + table + ")");
  }
  auto references = prepare("PRAGMA foreign_key_check");
  if (references.step()) {
    throw StoreError("store " + path_ + ": damaged: table " + references.text(0) + " has a broken reference" +
                     std::string(damage_advice));
  }
}

void Database::sync() {
  sqlite3_file* log = nullptr;
  int code = sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (code == SQLITE_OK && log->pMethods != nullptr) code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) {
    throw StoreError("store " + path_ + ": cannot be synchronized: " + sqlite3_errstr(code));
  }
}

void Database::wait_for_disk(bool wait) {
  if (wait == waits_for_disk_) return;
  execute(wait ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  waits_for_disk_ = wait;
}

void Database::tidy_up() {
  execute("PRAGMA optimize");
  execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

Transaction::Transaction(Database& database, Kind kind)
    : database_(database), nested_(database.in_transaction()) {
  if (nested_ && kind == Kind::write && !database_.waits_for_disk_)
    throw std::logic_error("a write inside a relaxed transaction would not be durable");
  if (!nested_ && kind == Kind::write) database_.wait_for_disk(true);
  if (!nested_ && kind == Kind::relaxed) relaxed_.emplace(database_);
  const std::string_view begin = kind == Kind::read ? "BEGIN" : "BEGIN IMMEDIATE";
  database_.prepare(nested_ ? "SAVEPOINT nested" : begin).run();
}

Transaction::Relaxed::Relaxed(Database& database) : database_(database) {
  database_.wait_for_disk(false);
}

Transaction::Relaxed::~Relaxed() {
  try {
    database_.wait_for_disk(true);
  } catch (const StoreError&) {
    return;  // the next write asks again, and is not begun otherwise
  }
}

Transaction::~Transaction() {
  // SQLite itself has rolled back after some errors, a full disk among them.
  if (!open_ || !database_.in_transaction()) return;
  try {
    database_.execute(nested_ ? "ROLLBACK TO nested; RELEASE nested" : "ROLLBACK");
  } catch (const StoreError&) {
    // The error that led here is on its way already; whatever is not committed ends with the connection.
    return;
  }
}

void Transaction::commit() {
  database_.prepare(nested_ ? "RELEASE nested" : "COMMIT").run();
  open_ = false;
}

void set_sqlite_log(SqliteLog log) {
  sqlite_log() = std::move(log);
  if (sqlite3_config(SQLITE_CONFIG_LOG, &forward_log, nullptr) != SQLITE_OK) {
    throw StoreError("the log of SQLite must be set before the first store is opened");
  }
}

}  // namespace usersyncd
