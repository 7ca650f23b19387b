#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "store/store.hpp"
#include "tests/support/temp_store.hpp"

namespace usersyncd::test {

/// Where a child process reports lines to its parent.
using Report = std::function<void(const std::string& line)>;

/// A forked process that runs `body` and ends without destructors. What `body` throws is its last line.
class Child {
 public:
  explicit Child(const std::function<void(const Report&)>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::string read_line();  ///< waits for one; empty: the process has ended
  void kill();              ///< SIGKILL, and waits until it is gone
  void wait();              ///< until it ends by itself

 private:
  pid_t process_ = -1;
  int pipe_ = -1;
};

/// In a child: never comes back. The parent is expected to kill it.
[[noreturn]] void wait_for_the_kill();

/// The text of the StoreError that `action` throws; fails the test when it throws none.
template <class Action>
std::string store_error_of(Action action) {
  try {
    action();
  } catch (const StoreError& error) {
    return error.what();
  }
  FAIL("no StoreError was thrown");
  return {};
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline Time at(std::int64_t seconds) {
  return time_from_millis(1'795'000'000'000 + seconds * 1000);
}

inline User make_user(const std::string& username, const std::string& email = "a@example.com") {
  User user;
  user.username = username;
  user.user_id = "id-" + username;
  user.fields.set(Field::email, email);
  user.fields.set(Field::enabled, true);
  user.fields.set(Field::roles, StringSet{});
  return user;
}

inline NewIntent make_intent(const std::string& username, Operation operation = Operation::update) {
  NewIntent intent;
  intent.run = "run-1";
  intent.account = "a1";
  intent.username = username;
  intent.user_id = "id-" + username;
  intent.operation = operation;
  intent.action = "action-" + username;
  intent.actor = "daemon";
  intent.before = make_user(username, "old@example.com");
  intent.after = make_user(username, "new@example.com");
  intent.body = R"({"email":"new@example.com"})";
  intent.desired_digest = "digest-1";
  return intent;
}

inline AuditEntry make_entry(const std::string& username, std::int64_t second) {
  AuditEntry entry;
  entry.kind = AuditKind::decision;
  entry.time = at(second);
  entry.run = "run-1";
  entry.account = "a1";
  entry.actor = "daemon";
  entry.username = username;
  return entry;
}

}  // namespace usersyncd::test
