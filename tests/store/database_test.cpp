#include "store/database.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/store/fixture.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

constexpr std::string_view table_step =
    "CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL) STRICT;";
constexpr std::array<std::string_view, 1> one_step{table_step};
constexpr Schema small{42, one_step};

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

std::int64_t count_things(Database& database) {
  auto statement = database.prepare("SELECT COUNT(*) FROM things");
  statement.step();
  return statement.integer(0);
}

void add_thing(Database& database, const std::string& name) {
  database.prepare("INSERT INTO things (name) VALUES (?)").bind(name).run();
}

}  // namespace

TEST_CASE("a new store and all files beside it are 0600, whatever the umask") {
  for (const mode_t mask : {mode_t{0}, mode_t{0022}, mode_t{0777}}) {
    const TempStore temp;
    const mode_t before = ::umask(mask);
    Database database(temp.path(), Access::read_write, small);
    add_thing(database, "one");
    ::umask(before);
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(temp.directory())) {
      INFO(file.path().string());
      CHECK(mode_of(file.path()) == 0600U);
      ++files;
    }
    CHECK(files == 4);  // the file, its log, the log's index and the locks
  }
}

TEST_CASE("a store that others could read is closed to them when it is opened") {
  const TempStore temp;
  { const Database database(temp.path(), Access::read_write, small); }
  ::chmod(temp.path().c_str(), 0644);
  const Database database(temp.path(), Access::read_write, small);
  CHECK(mode_of(temp.path()) == 0600U);
}

TEST_CASE("every connection has the settings that keep the data safe") {
  const TempStore temp;
  Database database(temp.path(), Access::read_write, small);
  const std::vector<std::pair<std::string, std::string>> settings{
      {"journal_mode", "wal"},  {"synchronous", "2"},        {"foreign_keys", "1"},   {"trusted_schema", "0"},
      {"cell_size_check", "1"}, {"recursive_triggers", "1"}, {"busy_timeout", "5000"}};
  for (const auto& [name, value] : settings) {
    const std::string shown = name;
    INFO(shown);
    auto statement = database.prepare("PRAGMA " + name);
    REQUIRE(statement.step());
    CHECK(statement.text(0) == value);
  }
  CHECK(contains(store_error_of([&] { database.prepare("SELECT \"nosuchcolumn\" FROM things"); }),
                 "no such column"));
  CHECK(contains(
      store_error_of([&] { database.execute("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema"); }),
      "sqlite_master may not be modified"));
}

TEST_CASE("only a relaxed transaction does not wait for the disk, and none that should is made inside it") {
  const TempStore temp;
  Database database(temp.path(), Access::read_write, small);
  const auto level = [&] {
    auto statement = database.prepare("PRAGMA synchronous");
    statement.step();
    return statement.text(0);
  };
  {
    Transaction relaxed(database, Transaction::Kind::relaxed);
    CHECK(level() == "1");
    CHECK_THROWS_AS(Transaction{database}, std::logic_error);
    add_thing(database, "soon");
    relaxed.commit();
  }
  CHECK(level() == "2");
  { const Transaction abandoned(database, Transaction::Kind::relaxed); }
  CHECK(level() == "2");
  {
    const Transaction outer(database);
    const Transaction inner(database, Transaction::Kind::relaxed);
    CHECK(level() == "2");
  }
  CHECK(count_things(database) == 1);
}

TEST_CASE("STRICT tables refuse a value of the wrong type") {
  const TempStore temp;
  Database database(temp.path(), Access::read_write, small);
  database.execute("CREATE TABLE numbers (number INTEGER NOT NULL) STRICT");
  const auto insert = [&] { database.prepare("INSERT INTO numbers (number) VALUES (?)").bind("abc").run(); };
  CHECK(contains(store_error_of(insert), "cannot store TEXT value in INTEGER column"));
}

TEST_CASE("what cannot be opened is refused with the file and what to do about it") {
  const TempStore temp;
  const auto open = [&](const std::string& path) {
    return store_error_of([&] { const Database database(path, Access::read_write, small); });
  };
  const std::string missing = (temp.directory() / "nowhere" / "x.db").string();
  CHECK(contains(open(missing), "its directory"));

  const std::string link = (temp.directory() / "link.db").string();
  std::filesystem::create_symlink(temp.path(), link);
  CHECK(contains(open(link), "not a regular file"));

  const std::string text = (temp.directory() / "text.db").string();
  std::ofstream(text) << std::string(4096, 'x');
  CHECK(contains(open(text), "not a usersyncd store; correct store.path"));

  const std::string foreign = (temp.directory() / "foreign.db").string();
  run_raw(foreign, "CREATE TABLE theirs (x)");
  CHECK(contains(open(foreign), "of another program"));
  CHECK(query_raw(foreign, "PRAGMA journal_mode") == "delete");

  if (::geteuid() != 0) {
    ::chmod(temp.directory().c_str(), 0500);
    CHECK(contains(open(temp.path()), "permissions"));
    ::chmod(temp.directory().c_str(), 0700);
  }
}

TEST_CASE("a store in a directory that is a symbolic link is accepted, as under DynamicUser=") {
  const TempStore temp;
  std::filesystem::create_directory(temp.directory() / "private");
  std::filesystem::create_directory_symlink(temp.directory() / "private", temp.directory() / "public");
  const Database database((temp.directory() / "public" / "x.db").string(), Access::read_write, small);
  CHECK(std::filesystem::exists(temp.directory() / "private" / "x.db"));
}

TEST_CASE("reading asks for a store that is there") {
  const TempStore temp;
  const auto read = [&] { const Database database(temp.path(), Access::read_only, small); };
  const std::string expected =
      "no store at " + temp.path() + " yet: run `usersyncd run` or `usersyncd plan` first";
  CHECK(store_error_of(read) == expected);
  CHECK(!std::filesystem::exists(temp.path()));
  std::ofstream(temp.path()).flush();
  CHECK(store_error_of(read) == expected);
}

TEST_CASE("a connection that only reads works beside a writer, sees what it commits, and cannot write") {
  const TempStore temp;
  Database writer(temp.path(), Access::read_write, small);
  Database reader(temp.path(), Access::read_only, small);
  add_thing(writer, "one");
  CHECK(count_things(reader) == 1);
  CHECK(contains(store_error_of([&] { add_thing(reader, "two"); }), "read-only"));
}

TEST_CASE("a store of a newer schema is refused, whether it is to be read or written") {
  const TempStore temp;
  { const Database database(temp.path(), Access::read_write, small); }
  run_raw(temp.path(), "PRAGMA user_version = 7");
  for (const Access access : {Access::read_write, Access::read_only}) {
    const std::string text = store_error_of([&] { const Database database(temp.path(), access, small); });
    CHECK(contains(text, "written by a newer usersyncd (schema 7, this one knows 1): upgrade usersyncd"));
  }
}

TEST_CASE("an older store is brought up to date, keeping what is in it; a reader asks for that") {
  const TempStore temp;
  {
    Database database(temp.path(), Access::read_write, small);
    add_thing(database, "one");
  }
  constexpr std::array<std::string_view, 2> steps{table_step,
                                                  "CREATE TABLE more (x INTEGER NOT NULL) STRICT;"};
  const Schema larger{42, steps};
  CHECK(contains(store_error_of([&] { const Database reader(temp.path(), Access::read_only, larger); }),
                 "written by an older usersyncd (schema 1, this one knows 2)"));
  Database database(temp.path(), Access::read_write, larger);
  CHECK(count_things(database) == 1);
  CHECK(query_raw(temp.path(), "PRAGMA user_version") == "2");

  const auto copy = temp.path() + ".schema-1";
  CHECK((std::filesystem::status(copy).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK_FALSE(std::filesystem::exists(copy + ".part"));
  Database before(copy, Access::read_write, small);
  CHECK(count_things(before) == 1);
}

TEST_CASE("a migration that fails leaves the store as it was") {
  const TempStore temp;
  { const Database database(temp.path(), Access::read_write, small); }
  constexpr std::array<std::string_view, 2> steps{
      table_step, "CREATE TABLE more (x INTEGER) STRICT; CREATE TABLE things (y);"};
  const Schema broken{42, steps};
  CHECK(contains(store_error_of([&] { const Database database(temp.path(), Access::read_write, broken); }),
                 "already exists"));
  const Database database(temp.path(), Access::read_write, small);
  CHECK(query_raw(temp.path(), "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'more'") == "0");
}

TEST_CASE("many processes may make the same new store at once") {
  for (int round = 0; round < 5; ++round) {
    const TempStore temp;
    std::vector<std::unique_ptr<Child>> children;
    for (int index = 0; index < 6; ++index) {
      children.push_back(std::make_unique<Child>([&temp](const Report& report) {
        Database database(temp.path(), Access::read_write, small);
        add_thing(database, "one");
        report("ok");
      }));
    }
    for (const auto& child : children) CHECK(child->read_line() == "ok");
    Database database(temp.path(), Access::read_only, small);
    CHECK(count_things(database) == 6);
  }
}

TEST_CASE("what is not committed is rolled back; an inner transaction can fail alone") {
  const TempStore temp;
  Database database(temp.path(), Access::read_write, small);
  {
    const Transaction abandoned(database);
    add_thing(database, "gone");
  }
  CHECK(count_things(database) == 0);
  {
    Transaction outer(database);
    add_thing(database, "outer");
    {
      const Transaction inner(database);
      add_thing(database, "inner");
    }
    CHECK(count_things(database) == 1);
    outer.commit();
  }
  CHECK(count_things(database) == 1);
}

TEST_CASE("a full disk is a StoreError that says so, and loses nothing that was committed") {
  const TempStore temp;
  std::int64_t committed = 0;
  {
    Database database(temp.path(), Access::read_write, small);
    // The setting belongs to the connection, and answers with a row.
    {
      auto limit = database.prepare("PRAGMA max_page_count = 20");
      REQUIRE(limit.step());
    }
    const auto fill = [&] {
      for (; committed < 10'000; ++committed) add_thing(database, std::string(500, 'x'));
    };
    CHECK(contains(store_error_of(fill), "the disk is full; free some space"));
    CHECK(!database.in_transaction());
    CHECK(count_things(database) == committed);
  }
  Database database(temp.path(), Access::read_write, small);
  database.check_health();
  CHECK(committed > 10);
  CHECK(count_things(database) == committed);
  add_thing(database, "room again");
}

TEST_CASE("a damaged file is found when the daemon starts") {
  const TempStore temp;
  {
    Database database(temp.path(), Access::read_write, small);
    for (int index = 0; index < 500; ++index) add_thing(database, std::string(100, 'x'));
    database.tidy_up();
  }
  {
    std::fstream file(temp.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 3);
    file << std::string(4096, '\x5a');
  }
  const auto start = [&] {
    Database database(temp.path(), Access::read_write, small);
    database.check_health();
  };
  const std::string text = store_error_of(start);
  CHECK(contains(text, temp.path()));
  CHECK(contains(text, "restore a backup"));
}

TEST_CASE("a store that another process keeps locked is an error that says so") {
  const TempStore temp;
  Database first(temp.path(), Access::read_write, small);
  Database second(temp.path(), Access::read_write, small);
  {
    auto at_once = second.prepare("PRAGMA busy_timeout = 1");
    REQUIRE(at_once.step());
  }
  const Transaction holder(first);
  CHECK(contains(store_error_of([&] { const Transaction late(second); }),
                 "another process has kept it locked"));
}

TEST_CASE("what SQLite itself reports reaches the given log, which must be set first") {
  const TempStore temp;
  { const Database database(temp.path(), Access::read_write, small); }
  CHECK(contains(store_error_of([] { set_sqlite_log({}); }), "before the first store is opened"));
  Child child([&temp](const Report& report) {
    sqlite3_shutdown();
    set_sqlite_log([&report](int code, std::string_view message) {
      report(std::to_string(code) + " " + std::string(message));
    });
    Database database(temp.path(), Access::read_write, small);
    database.prepare("SELECT nosuchcolumn FROM things");
  });
  CHECK(contains(child.read_line(), "1 no such column"));
}

TEST_CASE("A62: a writer killed in the middle of a transaction leaves neither a lock nor half of its work") {
  const TempStore temp;
  { const Database database(temp.path(), Access::read_write, small); }
  Child child([&temp](const Report& report) {
    Database database(temp.path(), Access::read_write, small);
    add_thing(database, "committed");
    const Transaction transaction(database);
    for (int index = 0; index < 5'000; ++index) add_thing(database, std::string(500, 'x'));
    report("in the middle");
    wait_for_the_kill();
  });
  REQUIRE(child.read_line() == "in the middle");
  child.kill();
  Database database(temp.path(), Access::read_write, small);
  database.check_health();
  CHECK(count_things(database) == 1);
  add_thing(database, "next");
}
