#include "tests/support/temp_store.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace usersyncd::test {
namespace {

struct Closer {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using RawDatabase = std::unique_ptr<sqlite3, Closer>;
using RawStatement = std::unique_ptr<sqlite3_stmt, Closer>;

RawDatabase open_raw(const std::string& path) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) ==
          SQLITE_OK);
  sqlite3_busy_timeout(handle, 5000);
  return RawDatabase(handle);
}

}  // namespace

std::filesystem::path quick_directory() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
}

TempStore::TempStore(const std::filesystem::path& parent) {
  std::string pattern = parent / "usersyncd-store-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
}

TempStore::~TempStore() {
  std::error_code ignored;  // nothing can be done about a directory that stays behind
  std::filesystem::remove_all(directory_, ignored);
}

void run_raw(const std::string& path, const std::string& sql) {
  const RawDatabase database = open_raw(path);
  const int code = sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr);
  REQUIRE_MESSAGE(code == SQLITE_OK, sqlite3_errmsg(database.get()));
}

std::string query_raw(const std::string& path, const std::string& sql) {
  const RawDatabase database = open_raw(path);
  sqlite3_stmt* handle = nullptr;
  REQUIRE(sqlite3_prepare_v2(database.get(), sql.c_str(), -1, &handle, nullptr) == SQLITE_OK);
  const RawStatement statement(handle);
  if (sqlite3_step(handle) != SQLITE_ROW || sqlite3_column_text(handle, 0) == nullptr) return {};
  return reinterpret_cast<const char*>(sqlite3_column_text(handle, 0));
}

}  // namespace usersyncd::test
