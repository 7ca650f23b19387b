#include <sys/resource.h>

#include <csignal>
#include <random>

#include "tests/store/fixture.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

/// Works on one user after the other as a run does, and reports each step once it is durable.
void work(const std::string& path, int first, const Report& report) {
  Store store(path, Access::read_write);
  for (int number = first;; ++number) {
    const std::string username = "user" + std::to_string(number);
    const std::int64_t id = store.open_intent(make_intent(username, Operation::create), at(number));
    report("opened " + std::to_string(id));
    KnownUser known;
    known.user = make_user(username);
    store.close_intent(id, IntentEnd{IntentState::done, "created", known, false}, at(number));
    report("closed " + std::to_string(id));
  }
}

std::size_t count_intents(Store& store, bool unresolved_only) {
  IntentFilter filter;
  filter.unresolved_only = unresolved_only;
  return store.list_intents(filter).size();
}

/// What must hold of a store whatever happened to its writer.
void check_whole(Store& store) {
  store.check_health();
  const auto verification = store.audit().verify();
  CHECK(!verification.broken);
  const std::size_t all = count_intents(store, false);
  const std::size_t unresolved = count_intents(store, true);
  // Each intent has its record, each closed one another and its user.
  CHECK(static_cast<std::size_t>(verification.checked) == all + (all - unresolved));
  CHECK(store.load_snapshot("a1").size() == all - unresolved);
  CHECK(unresolved <= 1);
}

}  // namespace

TEST_CASE("A28: killed at any point, the store is whole and has everything that was reported as durable") {
  std::mt19937 random(20'261'121);
  std::uniform_int_distribution<int> steps(0, 20);
  for (int round = 0; round < 40; ++round) {
    const TempStore temp;
    const int kill_after = steps(random);
    INFO("killed after ", kill_after, " reports");
    std::string last;
    {
      Child child([&temp](const Report& report) { work(temp.path(), 0, report); });
      for (int step = 0; step < kill_after; ++step) last = child.read_line();
      child.kill();
    }
    Store store(temp.path(), Access::read_write);
    check_whole(store);
    if (last.empty()) continue;
    const auto intent = store.find_intent(std::stoll(last.substr(last.find(' '))));
    REQUIRE(intent.has_value());
    if (last.starts_with("closed")) CHECK(intent->state == IntentState::done);
  }
}

TEST_CASE("A62: the next start goes on where a kill ended, with no unlocking in between") {
  const TempStore temp;
  for (int round = 0; round < 5; ++round) {
    Child child([&temp, round](const Report& report) {
      Store store(temp.path(), Access::read_write);
      store.recover("a1", at(0), at(0));
      IntentFilter unresolved;
      unresolved.unresolved_only = true;
      for (const Intent& intent : store.list_intents(unresolved)) {
        store.close_intent(intent.id, IntentEnd{IntentState::not_done, "absent", {}, false}, at(0));
      }
      work(temp.path(), round * 1000, report);
    });
    for (int step = 0; step < 5; ++step) REQUIRE(contains(child.read_line(), "ed "));
  }
  Store store(temp.path(), Access::read_write);
  store.check_health();
  CHECK(!store.audit().verify().broken);
}

TEST_CASE(
    "a disk that fills up is a StoreError that says so; what was durable stays, the rest leaves no half") {
  const TempStore temp;
  { const Store store(temp.path(), Access::read_write); }
  std::string last;
  std::string before;
  {
    Child child([&temp](const Report& report) {
      // A limit on the size of files is as good as a full disk, and needs no disk to fill.
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{600'000, 600'000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      work(temp.path(), 0, report);
    });
    for (std::string line = child.read_line(); !line.empty(); line = child.read_line()) {
      before = std::move(last);
      last = std::move(line);
    }
  }
  INFO(last);
  CHECK(contains(last, temp.path()));
  CHECK(contains(last, "file size limits"));
  Store store(temp.path(), Access::read_write);
  check_whole(store);
  REQUIRE(!before.empty());
  CHECK(store.find_intent(std::stoll(before.substr(before.find(' ')))).has_value());
  store.audit().append(make_entry("room again", 0));
}

TEST_CASE("a poll appears whole or not at all: a kill in the middle of one leaves the one before") {
  const TempStore temp;
  const auto save = [&temp](const std::string& email) {
    Store store(temp.path(), Access::read_write);
    Snapshot snapshot;
    for (int index = 0; index < 2000; ++index) {
      KnownUser known;
      known.user = make_user("user" + std::to_string(index), email);
      snapshot.emplace(known.user.username, known);
    }
    Poll poll;
    poll.snapshot = &snapshot;
    poll.state.last_error = email;
    store.save_poll("a1", poll, at(0));
  };
  save("0");
  for (int round = 0; round < 10; ++round) {
    Child child([&save](const Report& report) {
      for (int number = 1;; ++number) {
        report("saving");
        save(std::to_string(number));
      }
    });
    for (int step = 0; step <= round % 3; ++step) child.read_line();
    child.kill();
    Store store(temp.path(), Access::read_only);
    const Snapshot snapshot = store.load_snapshot("a1");
    const std::string expected = store.load_state("a1").last_error;
    REQUIRE(snapshot.size() == 2000);
    for (const auto& [key, known] : snapshot) REQUIRE(*known.user.fields.text(Field::email) == expected);
  }
}
