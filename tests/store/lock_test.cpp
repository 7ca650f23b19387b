#include "store/lock.hpp"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/private_file.hpp"
#include "tests/store/fixture.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

TEST_CASE("A61: a second daemon on the same store is refused, and told who holds it") {
  const TempStore temp;
  const auto first = DaemonLock::acquire(temp.path(), at(0));
  REQUIRE(first.has_value());
  Child child([&temp](const Report& report) {
    const auto second = DaemonLock::acquire(temp.path(), at(60));
    report(second ? "acquired" : second.error().text());
  });
  const std::string text = child.read_line();
  INFO(text);
  CHECK(contains(text, "another usersyncd runs on this store: pid " + std::to_string(::getpid()) + " since " +
                           format_time(at(0))));
  CHECK(contains(text, temp.path() + ".lock"));
}

TEST_CASE("A61: two daemons in one process, or by two spellings of the path, exclude each other too") {
  const TempStore temp;
  std::filesystem::create_directory_symlink(temp.directory(), temp.directory() / "link");
  const auto first = DaemonLock::acquire(temp.path(), at(0));
  REQUIRE(first.has_value());
  const auto second = DaemonLock::acquire((temp.directory() / "link" / "usersyncd.db").string(), at(0));
  REQUIRE(second.has_error());
  CHECK(second.error().kind == ErrorKind::store);
}

TEST_CASE("A61: who merely asks whether a daemon runs does not keep one from starting") {
  const TempStore temp;
  { const auto lock = DaemonLock::acquire(temp.path(), at(0)); }
  CHECK_FALSE(DaemonLock::is_held(temp.path()));
  Child child([&temp](const Report& report) {
    const FileHandle file = open_private_file(temp.path() + ".lock");
    report(::flock(file.get(), LOCK_SH | LOCK_NB) == 0 ? "asks" : "refused");
    ::usleep(30'000);
  });
  REQUIRE(child.read_line() == "asks");
  CHECK(DaemonLock::acquire(temp.path(), at(1)).has_value());
}

TEST_CASE("A62: the lock of a killed daemon is free at once") {
  const TempStore temp;
  Child child([&temp](const Report& report) {
    const auto lock = DaemonLock::acquire(temp.path(), at(0));
    report(lock ? "acquired" : "refused");
    wait_for_the_kill();
  });
  REQUIRE(child.read_line() == "acquired");
  CHECK(DaemonLock::acquire(temp.path(), at(1)).has_error());
  child.kill();
  CHECK(DaemonLock::acquire(temp.path(), at(2)).has_value());
}

TEST_CASE("a lock ends with its owner, and its file is 0600") {
  const TempStore temp;
  { const auto lock = DaemonLock::acquire(temp.path(), at(0)); }
  const auto again = DaemonLock::acquire(temp.path(), at(1));
  CHECK(again.has_value());
  struct stat status {};
  REQUIRE(::stat((temp.path() + ".lock").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0600U);
}

TEST_CASE("A61: one account is worked on by one at a time, in and between processes; others are free") {
  const TempStore temp;
  auto mine = AccountLock::try_acquire(temp.path(), "5500001");
  REQUIRE(mine.has_value());
  CHECK(!AccountLock::try_acquire(temp.path(), "5500001").has_value());
  Child child([&temp](const Report& report) {
    report(AccountLock::try_acquire(temp.path(), "5500001") ? "acquired" : "busy");
    report(AccountLock::try_acquire(temp.path(), "5500002") ? "acquired" : "busy");
  });
  CHECK(child.read_line() == "busy");
  CHECK(child.read_line() == "acquired");
  child.wait();  // a forked process shares the lock as long as it lives
  mine.reset();
  CHECK(AccountLock::try_acquire(temp.path(), "5500001").has_value());
}

TEST_CASE("A62: the account of a killed process is free at once") {
  const TempStore temp;
  Child child([&temp](const Report& report) {
    const auto lock = AccountLock::try_acquire(temp.path(), "5500001");
    report(lock ? "acquired" : "busy");
    wait_for_the_kill();
  });
  REQUIRE(child.read_line() == "acquired");
  CHECK(!AccountLock::try_acquire(temp.path(), "5500001").has_value());
  child.kill();
  CHECK(AccountLock::try_acquire(temp.path(), "5500001").has_value());
}

TEST_CASE("a lock file that is a link is refused") {
  const TempStore temp;
  std::filesystem::create_symlink("/dev/null", temp.path() + ".lock");
  CHECK(
      contains(store_error_of([&] { (void)DaemonLock::acquire(temp.path(), at(0)); }), "not a regular file"));
}
