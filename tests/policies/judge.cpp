#include "policies/judge.hpp"

#include "bench.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

namespace {

const User ann = user("ann", {"Reporting"});
const User off = user("off", {"Reporting"}, false);

std::vector<std::string> names(std::initializer_list<const char*> list) {
  return {list.begin(), list.end()};
}

}  // namespace

TEST_CASE("each holding effect, on what it speaks of and on what it does not") {
  struct Row {
    const char* rule;
    Action action;
    Verdict verdict;
  };
  const auto grant = change(ann, Field::roles, make_set({"Reporting", "Admin"}));
  const auto call = change(ann, Field::phone, Value{"1"});
  const std::vector<Row> rows{
      {"effect: deny", call, Verdict::denied},
      {"effect: allow", call, Verdict::apply},
      {"match: { users: [\"A?N\"] }, effect: deny", call, Verdict::denied},
      {"match: { users: [bob] }, effect: deny", call, Verdict::apply},
      {"match: { accounts: [\"5500001\"] }, effect: deny", call, Verdict::denied},
      {"match: { accounts: [\"5500002\"] }, effect: deny", call, Verdict::apply},
      {"match: { operations: [update] }, effect: deny", call, Verdict::denied},
      {"match: { operations: [delete] }, effect: deny", call, Verdict::apply},
      {"match: { fields: [phone] }, effect: deny", call, Verdict::denied},
      {"match: { fields: [email] }, effect: deny", call, Verdict::apply},
      {"match: { fields: [enabled] }, effect: deny", leaver(Operation::disable, ann), Verdict::denied},
      {"match: { roles: [Admin] }, effect: deny", grant, Verdict::denied},
      {"match: { roles: [Reporting] }, effect: deny", call, Verdict::denied},
      {"match: { roles: [Admin] }, effect: deny", call, Verdict::apply},
      {"match: { roles: [Admin] }, effect: deny", create(user("new", {"Admin"})), Verdict::denied},
      {"match: { roles: [Admin], operations: [delete] }, effect: deny", grant, Verdict::apply},
      {"effect: requireApproval", call, Verdict::approval},
      {"effect: { disabledFor: 30d }", leaver(Operation::remove, off), Verdict::deferred},
      {"effect: { disabledFor: 30d }", leaver(Operation::disable, ann), Verdict::apply},
      {"effect: { window: { hours: \"13:00-14:00\", timezone: UTC } }", call, Verdict::deferred},
      {"effect: { window: { hours: \"12:00-14:00\", timezone: UTC } }", call, Verdict::apply},
      {"effect: { require: { email: \"*@EXAMPLE.com\" } }", create(user("new")), Verdict::apply},
      {"effect: { require: { email: \"*@other.com\" } }", create(user("new")), Verdict::denied},
      {"effect: { require: { phone: \"+1*\" } }", create(user("new")), Verdict::denied},
      {"effect: { require: { phone: \"+1*\" } }", call, Verdict::denied},
      {"effect: { require: { email: \"*@other.com\" } }", call, Verdict::apply},
      {"effect: { require: { email: \"*@other.com\" } }", leaver(Operation::remove, ann), Verdict::apply},
      {"effect: { require: { scope: account } }", change(ann, Field::scope, Value{"ACCOUNT"}),
       Verdict::denied},
      {"effect: { forbidTogether: [Reporting, Admin] }", grant, Verdict::denied},
      {"effect: { forbidTogether: [reporting, ordering, admin] }", grant, Verdict::denied},
      {"effect: { forbidTogether: [Ordering, Admin] }", grant, Verdict::apply},
      {"effect: { forbidTogether: [A, B] }",
       change(user("x", {"A", "B"}), Field::roles, make_set({"A", "B", "C"})), Verdict::apply},
      {"effect: { forbidTogether: [A, B, C] }",
       change(user("x", {"A", "B", "C"}), Field::roles, make_set({"A", "B"})), Verdict::apply},
      {"effect: { forbidTogether: [A, B] }", create(user("x", {"A", "B"})), Verdict::denied},
      {"effect: { drift: report }", call, Verdict::report},
      {"effect: { unmanaged: ignore }", on(Operation::remove, ann, Cause::unmanaged), Verdict::report},
  };
  for (const auto& row : rows) {
    CAPTURE(row.rule);
    CAPTURE(name_of(row.action.operation));
    const auto judged = judge_one(row.action, only("  - { name: r, " + std::string(row.rule) + " }\n"));
    CAPTURE(judged.reason);
    CHECK(name_of(judged.verdict) == name_of(row.verdict));
    CHECK_FALSE(judged.reason.empty());
    if (row.verdict != Verdict::apply) CHECK(judged.rules == names({"r"}));
  }
}

TEST_CASE("roles that are not known are taken for those that a rule holds") {
  User unread = ann;
  unread.fields.erase(Field::roles);
  const auto rule = only("  - { name: r, match: { roles: [Admin] }, effect: requireApproval }\n");
  CHECK(judge_one(leaver(Operation::disable, unread), rule).verdict == Verdict::approval);
  CHECK(judge_one(change(unread, Field::roles, StringSet{"Reporting"}), rule).verdict == Verdict::approval);
  User made = user("new");
  made.fields.erase(Field::roles);
  CHECK(judge_one(create(made), rule).verdict == Verdict::apply);
}

TEST_CASE("a way by role holds also for a role that the user is only to have") {
  const auto rule = rules("  - { name: r, match: { roles: [Admin] }, effect: { drift: report } }\n");
  CHECK(judge_one(change(ann, Field::roles, StringSet{"Admin"}), rule).verdict == Verdict::report);
  CHECK(judge_one(change(ann, Field::roles, StringSet{"Ordering"}), rule).verdict == Verdict::apply);
}

TEST_CASE("nobody is asked for a delete whose day has not come") {
  const auto rule = only(
      "  - { name: wait, match: { operations: [delete] }, effect: { disabledFor: 30d } }\n"
      "  - { name: ask, match: { operations: [delete] }, effect: requireApproval }\n");
  auto known = facts();
  const auto judged = [&] { return judge_one(leaver(Operation::remove, off), rule, known); };
  known.disabled_since["off"] = known.now - std::chrono::hours{24 * 29};
  CHECK(judged().verdict == Verdict::deferred);
  CHECK(judged().waits_for.empty());
  CHECK(judged().reason.find("approve") == std::string::npos);
  known.disabled_since["off"] = known.now - std::chrono::hours{24 * 30};
  CHECK(judged().verdict == Verdict::approval);
  CHECK(judged().waits_for.size() == 1);
}

TEST_CASE("what somebody rejected stays held, and nobody is told how to release it") {
  const auto rule = only("  - { name: ask, effect: requireApproval }\n");
  auto known = facts();
  const auto action = change(ann, Field::phone, Value{"1"});
  CHECK(judge_one(action, rule, known).reason.find("usersyncd approve") != std::string::npos);
  known.rejections[judge_one(action, rule, known).action.id] = "eve (not now)";
  const auto rejected = judge_one(action, rule, known);
  CHECK(rejected.verdict == Verdict::approval);
  CHECK(rejected.reason.find("rejected by eve (not now)") != std::string::npos);
  CHECK(rejected.reason.find("usersyncd approve") == std::string::npos);
}

TEST_CASE("what the provider did for nobody is for a person") {
  auto given = facts();
  given.impossible[Operation::remove] = "the provider cannot delete users: it answered 405";
  const auto remove = judge_one(leaver(Operation::remove, off), only(""), given);
  CHECK(remove.verdict == Verdict::manual);
  CHECK(remove.reason == "the provider cannot delete users: it answered 405: a person has to do it by hand");
  CHECK(judge_one(leaver(Operation::disable, ann), only(""), given).verdict == Verdict::apply);
}

TEST_CASE("a delete waits until the user was disabled for as long as the rule says") {
  const auto rule = only("  - { name: wait, effect: { disabledFor: 30d } }\n");
  auto known = facts();
  const auto verdict = [&](const User& of) { return judge_one(leaver(Operation::remove, of), rule, known); };
  CHECK(verdict(off).reason.find("not known to be disabled before this poll") != std::string::npos);
  known.disabled_since["off"] = known.now - std::chrono::hours{24 * 30} + Duration{1};
  CHECK(verdict(off).verdict == Verdict::deferred);
  CHECK(verdict(off).reason.find("not before 2026-11-18T12:00:00.001Z") != std::string::npos);
  known.disabled_since["off"] -= Duration{1};
  CHECK(verdict(off).verdict == Verdict::apply);
  known.disabled_since["ann"] = known.now - std::chrono::hours{24 * 90};
  CHECK(verdict(ann).verdict == Verdict::deferred);  // somebody enabled her again
}

TEST_CASE("outside a window the reason names the next opening") {
  const auto rule = only(
      "  - { name: hours, effect: { window: { days: [fri], hours: \"08:00-18:00\", timezone: "
      "America/New_York } } }\n");
  const auto judged = judge_one(leaver(Operation::disable, ann), rule);
  CHECK(judged.reason ==
        "outside the window of rule hours (fri 08:00-18:00 America/New_York); it opens next at "
        "2026-11-20T13:00:00Z");
}

TEST_CASE("the most severe speaks, with all the rules that say so and no others") {
  const auto rule = only(
      "  - { name: d2, effect: deny }\n  - { name: d1, match: { operations: [disable] }, effect: deny }\n"
      "  - { name: a, effect: requireApproval }\n  - { name: l, effect: { limit: { count: 0 } } }\n");
  const auto judged = judge_one(leaver(Operation::disable, ann), rule);
  CHECK(judged.verdict == Verdict::denied);
  CHECK(judged.rules == names({"d1", "d2"}));
}

TEST_CASE("what goes names the rules that chose its way and those that let it") {
  auto action = leaver(Operation::disable, ann);
  action.way_rules = {"leavers"};
  auto given = facts();
  given.approvals[action.id] = given.now + Duration{1};
  const auto judged = judge_one(action,
                                only("  - { name: ask, effect: requireApproval }\n"
                                     "  - { name: sure, effect: allow }\n"),
                                given);
  CHECK(judged.verdict == Verdict::apply);
  CHECK(judged.rules == names({"ask", "leavers", "sure"}));
  CHECK(judged.reason == "approved until 2026-11-18T12:00:00.001Z");
}

TEST_CASE("what the provider cannot do is for a person, who is told what else the rules ask for") {
  struct Row {
    Action action;
    Verdict verdict;
  };
  auto given = facts();
  auto& can = given.capabilities;
  can.create = can.disable = can.remove = can.roles = can.accounts = can.scopes = false;
  can.immutable = {Field::email};
  const std::vector<Row> rows{
      {create(user("new")), Verdict::manual},
      {leaver(Operation::remove, off), Verdict::manual},
      {leaver(Operation::disable, ann), Verdict::manual},
      {on(Operation::enable, off), Verdict::manual},
      {change(ann, Field::roles, StringSet{}), Verdict::manual},
      {change(ann, Field::accounts, StringSet{}), Verdict::manual},
      {change(ann, Field::scope, Value{"ACCOUNT_ADMIN"}), Verdict::manual},
      {change(ann, Field::email, Value{"b@example.com"}), Verdict::manual},
      {change(ann, Field::phone, Value{"1"}), Verdict::apply},
  };
  for (const auto& row : rows) {
    CAPTURE(name_of(row.action.operation));
    CHECK(judge_one(row.action, only(""), given).verdict == row.verdict);
  }
  const auto remove = leaver(Operation::remove, off);
  const auto told = judge_one(remove, only("  - { name: wait, effect: { disabledFor: 30d } }\n"), given);
  CHECK(told.verdict == Verdict::manual);
  CHECK(told.reason.find("disabled for 30d") != std::string::npos);
  CHECK(judge_one(remove, only("  - { name: never, effect: deny }\n"), given).verdict == Verdict::denied);
  given.capabilities = {};
  given.capabilities.update = false;
  CHECK(judge_one(change(ann, Field::phone, Value{"1"}), only(""), given).verdict == Verdict::manual);
  given.capabilities.immutable = {Field::email};
  CHECK(judge_one(create(user("new")), only(""), given).verdict == Verdict::apply);
  given.capabilities.lacking = {Field::phone};
  const auto lacking = judge_one(change(ann, Field::phone, Value{"1"}), only(""), given);
  CHECK(lacking.verdict == Verdict::manual);
  CHECK(lacking.reason.find("cannot change phone") != std::string::npos);
}

TEST_CASE("a write that needs the provider's id of a user is for a person where no id is told") {
  auto given = facts();
  given.capabilities.by_id = {Operation::update};
  auto action = change(ann, Field::phone, Value{"1"});
  action.user_id.clear();
  const auto told = judge_one(action, only(""), given);
  CHECK(told.verdict == Verdict::manual);
  CHECK(told.reason.find("whose id it does not tell") != std::string::npos);
  action.must_wait = "could not be read";
  CHECK(judge_one(action, only(""), given).verdict == Verdict::deferred);
  action.must_wait.clear();
  action.user_id = "u1";
  CHECK(judge_one(action, only(""), given).verdict == Verdict::apply);
  auto leaves = leaver(Operation::disable, ann);
  leaves.user_id.clear();
  CHECK(judge_one(leaves, only(""), given).verdict == Verdict::apply);
}

TEST_CASE("facts that hold one action: a wait, a confirmation, a tombstone, a person's work") {
  auto action = create(user("new"));
  auto given = facts();
  given.unconfirmed[action.id] = "missing from one list only";
  CHECK(judge_one(action, only(""), given).verdict == Verdict::deferred);
  CHECK(judge_one(action, only(""), given).reason == "missing from one list only");

  given = facts();
  given.tombstones["new"] = at("2026-11-17T00:00:00Z");
  CHECK(judge_one(action, only(""), given).verdict == Verdict::denied);
  CHECK(judge_one(change(user("new"), Field::phone, Value{"1"}), only(""), given).verdict == Verdict::apply);

  action.must_wait = "backing off";
  CHECK(judge_one(action, only("")).verdict == Verdict::deferred);
  action.must_wait.clear();
  action.manual_only = true;
  CHECK(judge_one(action, only("")).verdict == Verdict::manual);
  action.report_only = true;
  CHECK(judge_one(action, only("  - { name: r, effect: deny }\n")).verdict == Verdict::report);
}

TEST_CASE("keep counts the enabled users that would be left") {
  const std::vector<User> admins{user("a", {"Admin"}), user("b", {"Admin"}), user("c", {"Admin"}),
                                 user("d", {"Admin"}, false)};
  auto given = facts();
  given.users = admins;
  const auto keep = only("  - { name: k, effect: { keep: { role: admin, atLeast: 2 } } }\n");
  const auto verdicts_of = [&](std::vector<Action> actions) {
    return verdicts(Judge::judge(plan_of(std::move(actions)), keep, given));
  };
  const auto demote = [](const User& who) { return change(who, Field::roles, StringSet{}); };
  const auto apply = Verdict::apply;
  const auto denied = Verdict::denied;
  CHECK(verdicts_of({leaver(Operation::disable, admins[0])}) == std::vector{apply});
  CHECK(verdicts_of({leaver(Operation::disable, admins[0]), demote(admins[1])}) ==
        std::vector{denied, denied});
  CHECK(verdicts_of({leaver(Operation::remove, admins[0]), demote(admins[1]),
                     change(admins[2], Field::phone, Value{"1"})}) == std::vector{denied, denied, apply});
  CHECK(verdicts_of({leaver(Operation::remove, admins[3])}) == std::vector{apply});
  // Whoever is to become an admin counts from when they are one.
  CHECK(verdicts_of({leaver(Operation::remove, admins[0]), demote(admins[1]),
                     create(user("new", {"Admin"}))}) == std::vector{denied, denied, apply});
  given.users.clear();
  CHECK(verdicts_of({leaver(Operation::disable, admins[0])}) == std::vector{denied});
}

TEST_CASE("keep takes a user who may be an admin for one when it removes, and for none when it counts") {
  User unread = user("x");
  unread.fields.erase(Field::roles);
  auto given = facts();
  given.users = {unread, user("a", {"Admin"})};
  const auto keep = only("  - { name: k, effect: { keep: { role: Admin, atLeast: 2 } } }\n");
  CHECK(judge_one(leaver(Operation::disable, unread), keep, given).verdict == Verdict::denied);
  CHECK(judge_one(change(unread, Field::phone, Value{"1"}), keep, given).verdict == Verdict::apply);
  User unsaid = user("y", {"Admin"});
  unsaid.fields.erase(Field::enabled);
  given.users = {unsaid, user("a", {"Admin"}), user("b", {"Admin"})};
  CHECK(judge_one(leaver(Operation::remove, given.users[1]), keep, given).verdict == Verdict::denied);
  given.capabilities.disable = false;  // then everybody is enabled
  CHECK(judge_one(leaver(Operation::remove, given.users[1]), keep, given).verdict == Verdict::apply);
}

TEST_CASE("keep by scope speaks only where there are scopes, and of the users that it is matched to") {
  auto given = facts();
  given.users = {user("boss", {}, true, "account_admin")};
  const auto fire = leaver(Operation::disable, given.users[0]);
  CHECK(judge_one(fire, RuleSet::built_in(), given).rules == names({"last-admin"}));
  given.capabilities.scopes = false;
  CHECK(judge_one(fire, RuleSet::built_in(), given).verdict == Verdict::apply);
  const auto some =
      only("  - { name: k, match: { users: [\"bg-*\"] }, effect: { keep: { role: A, atLeast: 1 } } }\n");
  given.users = {user("bg-1", {"A"}), user("z", {"A"})};
  CHECK(judge_one(leaver(Operation::disable, given.users[0]), some, given).verdict == Verdict::denied);
  CHECK(judge_one(leaver(Operation::disable, given.users[1]), some, given).verdict == Verdict::apply);
}

TEST_CASE("users that break a rule already are noted, and so are rules that cannot see") {
  auto given = facts();
  given.catalog.roles = std::vector<Role>{{"r1", "Billing"}, {"r2", "Ordering"}};
  given.users = {user("ann", {"r1", "r2"}), user("bob", {"r1"})};
  given.users[1].fields.set(Field::email, Value{"bob@gmail.com"});
  const auto notes = find_notes(
      only("  - { name: eyes, effect: { forbidTogether: [Billing, Ordering] } }\n"
           "  - { name: keep, effect: { keep: { role: Billing, atLeast: 3 } } }\n"
           "  - { name: new-only, match: { operations: [create] }, effect: { require: { email: nobody } } }\n"
           "  - { name: ours, effect: { require: { email: \"*@example.com\" } } }\n"
           "  - { name: typo, match: { roles: [Admn] }, effect: deny }\n"),
      account, given);
  REQUIRE(notes.size() == 4);
  CHECK(notes[0] == Note{"eyes", "ann", "has [r1, r2] together"});
  CHECK(notes[1] == Note{"keep", "", "there are 2 enabled users with role Billing, fewer than 3"});
  CHECK(notes[2].username == "bob");
  CHECK(notes[3].message.find("the role Admn is not known in this account (policy.yaml:7:5)") == 0);
}

TEST_CASE("what breaks a rule already stands among the notes of the judged plan") {
  auto given = facts();
  given.users.push_back(user("bob"));
  given.users.back().fields.set(Field::email, Value{"bob@gmail.com"});
  const auto ours = rules("  - { name: ours, effect: { require: { email: \"*@example.com\" } } }\n");
  auto plan = plan_of({});
  plan.notes = {{"validUntil", "zoe", "will be disabled"}};
  const auto judged = Judge::judge(plan, ours, given);
  REQUIRE(judged.plan().notes.size() == 2);
  CHECK(judged.plan().notes[0].username == "bob");
  CHECK(judged.plan().notes[1].username == "zoe");
}

TEST_CASE("an approval by who last changed the desired state does not count where a rule says so") {
  const auto action = change(user("ann"), Field::phone, Value{"1"});
  const auto strict = rules("  - { name: eyes, effect: { requireApproval: { notByAuthor: true } } }\n");
  const auto plain = rules("  - { name: eyes, effect: requireApproval }\n");
  auto given = facts();
  const auto verdict = [&](const RuleSet& with, const std::string& by, const std::string& author) {
    given.approvals[action.id] = GivenApproval{given.now + Duration{1}, by};
    given.author = author;
    return judge_one(action, with, given).verdict;
  };
  CHECK(verdict(strict, "alice", "alice") == Verdict::approval);
  CHECK(verdict(strict, "Alice", "alice@example.com") == Verdict::approval);
  CHECK(verdict(strict, "bob", "alice@example.com") == Verdict::apply);
  CHECK(verdict(strict, "alice", "") == Verdict::apply);
  CHECK(verdict(strict, "", "alice") == Verdict::apply);
  CHECK(verdict(plain, "alice", "alice") == Verdict::apply);
  given.author.clear();
  CHECK(judge_one(action, strict, given).reason == "approved by alice until 2026-11-18T12:00:00.001Z");
  given.approvals[action.id] = GivenApproval{given.now + Duration{1}, "alice"};
  given.author = "alice";
  const auto held = judge_one(action, strict, given);
  CHECK(held.reason.find("alice, who gave it, is who last changed the desired state") != std::string::npos);
  CHECK(held.waits_for == std::vector<std::string>{action.id});
  CHECK(is_same_author("a", "a@b"));
  CHECK_FALSE(is_same_author("a", "ab"));
  CHECK(is_same_author("bob", "12345+Bob@users.noreply.github.com"));
  CHECK_FALSE(is_same_author("bob", "x+bob@example.com"));
  CHECK_FALSE(is_same_author("bob", "12345@example.com"));
  CHECK(is_same_author("bob", "1+bob@example.com"));
  CHECK_FALSE(is_same_author("bob", "+bob@example.com"));
  CHECK_FALSE(is_same_author("ob", "1bob@example.com"));
  CHECK_FALSE(is_same_author("", "@example.com"));
  CHECK_FALSE(is_same_author("", ""));
}

TEST_CASE("who may not approve is named where the rule asks for it, and only there") {
  const auto action = change(user("ann"), Field::phone, Value{"1"});
  const auto strict = rules("  - { name: eyes, effect: { requireApproval: { notByAuthor: true } } }\n");
  const auto plain = rules("  - { name: eyes, effect: requireApproval }\n");
  const auto says = [&](const RuleSet& with, const std::string& author) {
    auto given = facts();
    given.author = author;
    return judge_one(action, with, given).reason.find("and not by alice, who last changed") !=
           std::string::npos;
  };
  CHECK(says(strict, "alice"));
  CHECK_FALSE(says(plain, "alice"));
  auto nobody = facts();
  CHECK(judge_one(action, strict, nobody).reason.find("and not by") == std::string::npos);

  CHECK(find_notes(strict, account, nobody).size() == 1);
  CHECK(find_notes(strict, account, nobody).at(0).rule == "eyes");
  CHECK(find_notes(plain, account, nobody).empty());
  nobody.author = "alice";
  CHECK(find_notes(strict, account, nobody).empty());
}

TEST_CASE("whether one e-mail address may have two users is for anybody to say") {
  auto given = facts();
  given.users.push_back(user("ann"));
  auto wanted = user("new");
  wanted.fields.set(Field::email, Value{"ann@example.com"});
  const auto action = create(wanted);
  given.author = "alice";
  given.approvals[action.id] = GivenApproval{given.now + Duration{1}, "alice"};
  CHECK(judge_one(action, rules(""), given).verdict == Verdict::apply);
}

TEST_CASE("A55: what a person has to accept first holds every action, and is what they wait for") {
  auto plan = plan_of({change(user("ann"), Field::phone, Value{"1"}), create(user("new")),
                       leaver(Operation::remove, user("bob"))});
  plan.unaccepted = Unaccepted{"loss-1", "believable-list", "the desired state lost 7 of 10 users"};
  auto can = facts();
  const auto judged =
      Judge::judge(plan, rules("  - { name: leavers, effect: { deprovision: delete } }\n"), can);
  CHECK(verdicts(judged) == std::vector<Verdict>(3, Verdict::approval));
  CHECK(judged.actions()[0].waits_for == std::vector<std::string>{"loss-1"});
  CHECK(judged.actions()[0].rules == std::vector<std::string>{"believable-list"});
  // The delete needs a person of its own besides.
  CHECK(judged.actions()[2].waits_for == make_set({"loss-1", judged.actions()[2].action.id}));
  for (std::size_t i = 0; i < 3; ++i) CHECK_FALSE(judged.permit(i).has_value());
  CHECK(summarize({&judged}).unaccepted == 1);
  CHECK(summarize({&judged}).to_apply() == 0);
}

TEST_CASE("an incomplete plan has no actions and so no permits") {
  Plan plan;
  plan.account = account;
  const auto judged = Judge::judge(plan, RuleSet::built_in(), facts());
  CHECK(judged.actions().empty());
}
