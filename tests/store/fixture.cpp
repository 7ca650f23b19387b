#include "tests/store/fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

namespace usersyncd::test {
namespace {

using RawDatabase = std::unique_ptr<sqlite3, DatabaseCloser>;

RawDatabase open_raw(const std::string& path) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) ==
          SQLITE_OK);
  sqlite3_busy_timeout(handle, 5000);
  return RawDatabase(handle);
}

}  // namespace

TempStore::TempStore() {
  std::string pattern = std::filesystem::temp_directory_path() / "usersyncd-store-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
}

TempStore::~TempStore() {
  std::error_code ignored;  // nothing can be done about a directory that stays behind
  std::filesystem::remove_all(directory_, ignored);
}

Child::Child(const std::function<void(const Report&)>& body) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  process_ = ::fork();
  REQUIRE(process_ >= 0);
  if (process_ == 0) {
    const Report report = [&ends](const std::string& line) {
      const std::string text = line + "\n";
      if (::write(ends[1], text.data(), text.size()) < 0) ::_exit(1);
    };
    try {
      body(report);
    } catch (const std::exception& error) {
      report(error.what());
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

Child::~Child() {
  kill();
  ::close(pipe_);
}

std::string Child::read_line() {
  std::string line;
  char byte = 0;
  while (::read(pipe_, &byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

void Child::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  wait();
}

void Child::wait() {
  if (process_ <= 0) return;
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void wait_for_the_kill() {
  while (true) ::pause();
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
  const StatementHandle statement(handle);
  if (sqlite3_step(handle) != SQLITE_ROW || sqlite3_column_text(handle, 0) == nullptr) return {};
  return reinterpret_cast<const char*>(sqlite3_column_text(handle, 0));
}

}  // namespace usersyncd::test
