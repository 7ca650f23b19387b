#include "tests/store/fixture.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

Approval make_approval(const std::string& action) {
  Approval approval;
  approval.action = action;
  approval.plan = "plan-1";
  approval.username = "jdoe";
  approval.operation = "delete";
  approval.summary = "delete jdoe";
  return approval;
}

std::vector<std::string> actions(const std::vector<Approval>& approvals) {
  std::vector<std::string> ids;
  for (const Approval& approval : approvals) ids.push_back(approval.action);
  return ids;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("A63: a pause by another process is seen at once, and so is its end") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  CHECK(!store.paused("a1").has_value());
  Child pauser([&temp](const Report&) {
    Store other(temp.path(), Access::read_write);
    other.pause(Pause{"a1", "maintenance", "alice", at(1)});
  });
  pauser.wait();
  const auto pause = store.paused("a1");
  REQUIRE(pause.has_value());
  CHECK(pause->account == "a1");
  CHECK(pause->reason == "maintenance");
  CHECK(pause->actor == "alice");
  CHECK(pause->since == at(1));
  CHECK(!store.paused("a2").has_value());
  Child resumer([&temp](const Report&) {
    Store other(temp.path(), Access::read_write);
    other.resume("a1", "alice", at(2));
  });
  resumer.wait();
  CHECK(!store.paused("a1").has_value());
}

TEST_CASE(
    "all accounts can be paused at once, a pause survives a restart, and both ends are in the audit log") {
  const TempStore temp;
  {
    Store store(temp.path(), Access::read_write);
    store.pause(Pause{{}, "stop", "alice", at(1)});
    store.pause(Pause{"a1", "also", "bob", at(2)});
  }
  Store store(temp.path(), Access::read_write);
  CHECK(store.paused("a2")->reason == "stop");
  CHECK(!store.paused("a2")->account.has_value());
  CHECK(store.list_pauses().size() == 2);
  CHECK(store.resume("a1", "bob", at(3)));
  CHECK(!store.resume("a1", "bob", at(4)));
  CHECK(store.paused("a1")->reason == "stop");  // all are paused still
  CHECK(store.resume({}, "alice", at(5)));
  CHECK(!store.paused("a1").has_value());
  std::vector<std::string> lines;
  store.audit().for_each({}, [&lines](const AuditRow& row) { lines.push_back(row.line); });
  REQUIRE(lines.size() == 4);
  CHECK(contains(lines.front(), R"("account":null,"kind":"lifecycle","actor":"alice")"));
  CHECK(contains(lines.front(), R"("detail":{"event":"paused","reason":"stop"})"));
  CHECK(contains(lines.back(), R"("detail":{"event":"resumed"})"));
}

TEST_CASE("a repeated pause keeps its time and gets the new reason") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  store.pause(Pause{"a1", "first", "alice", at(1)});
  store.pause(Pause{"a1", "second", "bob", at(2)});
  CHECK(store.paused("a1")->since == at(1));
  CHECK(store.paused("a1")->reason == "second");
}

TEST_CASE("A18: an approval covers its action ids, until it runs out or the plan no longer has them") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const std::vector<Approval> both{make_approval("x"), make_approval("y")};
  CHECK(actions(store.save_approvals("a1", "plan-1", both, at(0))) == Ids{"x", "y"});
  CHECK(store.save_approvals("a1", "plan-1", both, at(1)).empty());
  CHECK(store.approved_actions("a1", at(1)).empty());

  const auto decided = store.decide(ApprovalDecision{"x", true, "alice", "ticket 7", at(100)}, at(2));
  REQUIRE(decided.has_value());
  CHECK(decided->account == "a1");
  CHECK(!store.decide(ApprovalDecision{"z", true, "alice", "", {}}, at(2)).has_value());
  CHECK(store.approved_actions("a1", at(99)) == std::set<std::string>{"x"});
  CHECK(store.approved_actions("a1", at(100)).empty());
  CHECK(store.approved_actions("a2", at(3)).empty());
  CHECK(store.save_approvals("a1", "plan-1", both, at(99)).empty());
  CHECK(actions(store.save_approvals("a1", "plan-1", both, at(100))) == Ids{"x"});  // it waits again

  store.decide(ApprovalDecision{"y", false, "bob", "no", {}}, at(101));
  CHECK(store.approved_actions("a1", at(101)).empty());
  CHECK(actions(store.save_approvals("a1", "plan-1", {make_approval("y2")}, at(102))) == Ids{"y2"});
  CHECK(actions(store.list_approvals("a1")) == Ids{"y2"});
  CHECK(store.list_approvals("a2").empty());

  // What an undo asks for is a plan of its own, and neither drops the other's; after a week nobody comes
  // back.
  CHECK(actions(store.save_approvals("a1", "undo r", {make_approval("y2")}, at(103))) == Ids{"y2"});
  CHECK(store.list_approvals("a1").size() == 2);
  CHECK(store.save_approvals("a1", "plan-1", {make_approval("y2")}, at(104)).empty());
  CHECK(store.list_approvals("a1").size() == 2);
  const auto week = std::chrono::days{7};
  store.save_approvals("a1", "", {}, at(102) + week - Duration{1});
  CHECK(store.list_approvals("a1").size() == 2);
  store.save_approvals("a1", "", {}, at(103) + week);
  CHECK(store.list_approvals("a1").empty());

  std::string first;
  store.audit().for_each({}, [&first](const AuditRow& row) {
    if (first.empty()) first = row.line;
  });
  CHECK(contains(first, R"("kind":"approval","actor":"alice","username":"jdoe","action":"x")"));
  CHECK(contains(
      first, R"("detail":{"decision":"approved","plan":"plan-1","operation":"delete","reason":"ticket 7")"));
}

TEST_CASE("a user's backoff is kept by key until it is cleared") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  store.save_backoff("a1", Backoff{"Ann", 1, at(10), "422"});
  store.save_backoff("a1", Backoff{"ann", 2, at(30), "422 again"});
  const auto backoffs = store.load_backoffs("a1");
  REQUIRE(backoffs.size() == 1);
  CHECK(backoffs.at("ann").failures == 2);
  CHECK(backoffs.at("ann").next_try == at(30));
  CHECK(backoffs.at("ann").reason == "422 again");
  CHECK(store.load_backoffs("a2").empty());
  store.clear_backoff("a1", "ANN");
  CHECK(store.load_backoffs("a1").empty());
}

TEST_CASE("A51: overrides of one wanted value are counted running; another value or a clear starts anew") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const auto count = [&store](const Value& wanted, const std::string& action) {
    return store.count_override("a1", "Ann", Field::email, wanted, action);
  };
  CHECK(count("a@x", "1") == 1);
  CHECK(count("a@x", "1") == 1);
  CHECK(count("a@x", "2") == 2);
  CHECK(count("a@x", "3") == 3);
  CHECK(count("b@x", "4") == 1);
  CHECK(store.count_override("a1", "ann", Field::roles, StringSet{"1", "2"}, "5") == 1);
  const auto overrides = store.load_overrides("a1");
  REQUIRE(overrides.size() == 2);
  CHECK(overrides.front().field == Field::email);
  CHECK(overrides.front().wanted == Value{"b@x"});
  CHECK(overrides.back().wanted == Value{StringSet{"1", "2"}});
  store.clear_override("a1", "ANN", Field::email);
  CHECK(store.load_overrides("a1").size() == 1);
  CHECK(count("b@x", "6") == 1);
}
