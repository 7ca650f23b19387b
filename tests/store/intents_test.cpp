#include "tests/store/fixture.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

std::vector<std::string> audit_kinds(Store& store, const AuditFilter& filter = {}) {
  std::vector<std::string> kinds;
  store.audit().for_each(filter, [&kinds](const AuditRow& row) { kinds.push_back(row.kind); });
  return kinds;
}

std::string last_line(Store& store) {
  std::string line;
  store.audit().for_each({}, [&line](const AuditRow& row) { line = row.line; });
  return line;
}

void do_write(Store& store, const std::string& username, Operation operation, std::int64_t second,
              IntentState end = IntentState::done) {
  const std::int64_t id = store.open_intent(make_intent(username, operation), at(second));
  store.close_intent(id, IntentEnd{end, "said so", {}, false}, at(second));
}

using Kinds = std::vector<std::string>;

}  // namespace

TEST_CASE("an intent goes from open to its end, each step with its audit record") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const std::int64_t id = store.open_intent(make_intent("JDoe"), at(0));
  CHECK(store.find_intent(id)->state == IntentState::open);
  CHECK(audit_kinds(store) == Kinds{"intent"});
  const std::string line = last_line(store);
  CHECK(contains(line,
                 R"("kind":"intent","actor":"daemon","username":"JDoe","action":"action-JDoe","attempt":1)"));
  CHECK(contains(line, R"("request":{"method":null,"url":null,"headers":null,"body":"{\"email\")"));
  CHECK(contains(
      line, R"("detail":{"intent":1,"operation":"update","userId":"id-JDoe","before":{"username":"JDoe")"));

  store.mark_unknown(id, at(60), "timeout", at(1));
  CHECK(store.find_intent(id)->resolve_after == at(60));
  KnownUser known;
  known.user = make_user("JDoe", "new@example.com");
  store.close_intent(id, IntentEnd{IntentState::done, "read back", known, false}, at(2));

  const Intent intent = store.find_intent(id).value();
  CHECK(intent.state == IntentState::done);
  CHECK(intent.closed_at == at(2));
  CHECK(intent.write.before == make_user("JDoe", "old@example.com"));
  CHECK(intent.write.after == make_user("JDoe", "new@example.com"));
  CHECK(intent.write.operation == Operation::update);
  CHECK(*store.known_user("a1", "jdoe")->user.fields.text(Field::email) == "new@example.com");
  CHECK(audit_kinds(store) == Kinds{"intent", "decision", "decision"});
  CHECK(contains(last_line(store),
                 R"("error":null,"durationMs":null,"detail":{"intent":1,"operation":"update",)"
                 R"("state":"done","message":"read back"})"));
  CHECK(!store.audit().verify().broken);
}

TEST_CASE("a failed intent says why; a removal forgets the user") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  do_write(store, "ann", Operation::update, 0, IntentState::failed);
  CHECK(contains(last_line(store), R"("error":"said so")"));

  Snapshot snapshot;
  snapshot["ann"].user = make_user("ann");
  Poll poll;
  poll.snapshot = &snapshot;
  store.save_poll("a1", poll, at(1));
  const std::int64_t id = store.open_intent(make_intent("ann", Operation::remove), at(2));
  store.close_intent(id, IntentEnd{IntentState::done, "gone", {}, true}, at(2));
  CHECK(!store.known_user("a1", "ann").has_value());
}

TEST_CASE("A31: a user has at most one unresolved write; the refusal leaves no trace") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const std::int64_t id = store.open_intent(make_intent("JDoe"), at(0));
  for (const IntentState state : {IntentState::open, IntentState::unknown}) {
    if (state == IntentState::unknown) store.mark_unknown(id, at(9), "timeout", at(1));
    const std::size_t records = audit_kinds(store).size();
    CHECK(contains(store_error_of([&] { store.open_intent(make_intent("jdoe"), at(1)); }),
                   "user jdoe has an unresolved write (intent 1)"));
    CHECK(audit_kinds(store).size() == records);
  }
  store.open_intent(make_intent("someone.else"), at(2));
  NewIntent elsewhere = make_intent("jdoe");
  elsewhere.account = "a2";
  store.open_intent(elsewhere, at(2));
  store.close_intent(id, IntentEnd{IntentState::not_done, "absent", {}, false}, at(3));
  store.open_intent(make_intent("jdoe"), at(4));
}

TEST_CASE("an intent is closed once") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const std::int64_t id = store.open_intent(make_intent("jdoe"), at(0));
  store.close_intent(id, IntentEnd{}, at(1));
  const std::size_t records = audit_kinds(store).size();
  CHECK(
      contains(store_error_of([&] { store.close_intent(id, IntentEnd{}, at(2)); }), "closed already (done)"));
  CHECK(contains(store_error_of([&] { store.mark_unknown(id, at(9), "x", at(2)); }), "closed already"));
  CHECK(contains(store_error_of([&] { store.close_intent(99, IntentEnd{}, at(2)); }), "not in the store"));
  CHECK(audit_kinds(store).size() == records);
}

TEST_CASE("A64: after a kill every open write of the account is unknown, and the last run's audit says so") {
  const TempStore temp;
  {
    Store store(temp.path(), Access::read_write);
    store.start_run(Run{"run-1", "a1", "apply", "daemon", "rev", at(0), {}, {}, {}});
    do_write(store, "done", Operation::update, 0);
    store.open_intent(make_intent("armed"), at(1));
    store.open_intent(make_intent("sent"), at(1));
    NewIntent other = make_intent("other");
    other.account = "a2";
    store.open_intent(other, at(1));
  }
  Store store(temp.path(), Access::read_write);
  const auto found = store.recover("a1", at(70), at(10));
  REQUIRE(found.size() == 2);
  for (const Intent& intent : found) CHECK(intent.state == IntentState::open);

  IntentFilter unresolved;
  unresolved.account = "a1";
  unresolved.unresolved_only = true;
  // What is unknown already keeps its time.
  for (const auto& intents : {store.recover("a1", at(90), at(11)), store.list_intents(unresolved)}) {
    REQUIRE(intents.size() == 2);
    for (const Intent& intent : intents) {
      CHECK(intent.state == IntentState::unknown);
      CHECK(intent.resolve_after == at(70));
    }
  }
  CHECK(store.find_intent(4)->state == IntentState::open);  // the account of somebody else
  CHECK(store.list_runs("a1", 1).front().result == "interrupted");
  AuditFilter last;
  last.run = "last";
  last.account = "a1";
  CHECK(audit_kinds(store, last) == Kinds{"intent", "decision", "intent", "intent", "decision", "decision"});
}

TEST_CASE("intents are found by account, user and run, oldest first") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  do_write(store, "ann", Operation::create, 0);
  do_write(store, "Bob", Operation::create, 1);
  do_write(store, "ann", Operation::update, 2);
  IntentFilter of_ann;
  of_ann.account = "a1";
  of_ann.username = "ANN";
  const auto intents = store.list_intents(of_ann);
  REQUIRE(intents.size() == 2);
  CHECK(intents.front().write.operation == Operation::create);
  IntentFilter of_run;
  of_run.run = "run-1";
  CHECK(store.list_intents(of_run).size() == 3);
  of_run.run = "run-2";
  CHECK(store.list_intents(of_run).empty());
}

TEST_CASE("A17: rolling counts take in what was done since, and what may have been done") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  do_write(store, "a", Operation::remove, 0);
  do_write(store, "b", Operation::remove, 10);
  do_write(store, "c", Operation::disable, 20);
  do_write(store, "d", Operation::update, 20);
  do_write(store, "e", Operation::remove, 20, IntentState::failed);
  do_write(store, "f", Operation::remove, 20, IntentState::not_done);
  store.open_intent(make_intent("g", Operation::remove), at(30));
  std::vector<std::string> since_ten;
  for (const DoneWrite& write : store.done_since("a1", at(10))) since_ten.push_back(write.username);
  CHECK(since_ten == std::vector<std::string>{"b", "c", "d", "g"});
  CHECK(store.done_since("a1", at(100)).front().time == at(30));
}

TEST_CASE("A32: a user that was just created is remembered as such") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  do_write(store, "Ann", Operation::create, 10);
  do_write(store, "bob", Operation::create, 10, IntentState::failed);
  do_write(store, "carl", Operation::update, 10);
  CHECK(store.recent_creates("a1", at(5)) == std::map<std::string, Time>{{"ann", at(10)}});
  CHECK(store.recent_creates("a1", at(11)).empty());
}

TEST_CASE("A27, A56: a deletion leaves a tombstone until the user is created again") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  do_write(store, "Ann", Operation::remove, 1);
  do_write(store, "bob", Operation::remove, 1, IntentState::failed);
  do_write(store, "ann", Operation::create, 2, IntentState::not_done);
  auto tombstones = store.tombstones("a1");
  REQUIRE(tombstones.size() == 1);
  CHECK(tombstones.at("ann").deleted_at == at(1));
  CHECK(tombstones.at("ann").desired_digest == "digest-1");
  do_write(store, "ann", Operation::create, 3);
  CHECK(store.tombstones("a1").empty());
  do_write(store, "ann", Operation::remove, 4);
  tombstones = store.tombstones("a1");
  CHECK(tombstones.at("ann").deleted_at == at(4));
}
