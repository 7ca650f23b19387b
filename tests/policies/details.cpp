#include "bench.hpp"
#include "policies/check.hpp"
#include "policies/match.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

// Each of these was once a change in the code that no other test noticed.

namespace {

const User ann = user("ann", {"Reporting"});

Verdict verdict_of(Action action, const std::string& rule, const JudgeFacts& given = facts()) {
  return judge_one(std::move(action), only("  - { name: r, " + rule + " }\n"), given).verdict;
}

DriftWay drift_way(const std::string& rule, const User& of, Field field) {
  const PolicyWays ways(rules("  - { name: r, " + rule + " }\n"), account, Catalog{});
  return ways.drift(of, field).way;
}

DeprovisionWay leaving_way(const std::string& rule) {
  const PolicyWays ways(rules("  - { name: r, " + rule + " }\n"), account, Catalog{});
  return ways.deprovision(ann).way;
}

std::vector<std::string> messages(const std::vector<Note>& notes) {
  std::vector<std::string> found;
  for (const auto& note : notes) found.push_back(note.username + ": " + note.message);
  return found;
}

}  // namespace

TEST_CASE("a way of drift speaks of the operation that would mend it") {
  User unsaid = ann;
  unsaid.fields.erase(Field::enabled);
  const std::string update = "match: { operations: [update] }, effect: { drift: ignore }";
  const std::string enable = "match: { operations: [enable] }, effect: { drift: ignore }";
  const std::string disable = "match: { operations: [disable] }, effect: { drift: ignore }";
  const User off = user("off", {}, false);
  CHECK(drift_way(update, ann, Field::phone) == DriftWay::ignore);
  CHECK(drift_way(update, ann, Field::enabled) == DriftWay::enforce);
  CHECK(drift_way(disable, ann, Field::enabled) == DriftWay::ignore);
  CHECK(drift_way(disable, off, Field::enabled) == DriftWay::enforce);
  CHECK(drift_way(enable, off, Field::enabled) == DriftWay::ignore);
  CHECK(drift_way(enable, ann, Field::enabled) == DriftWay::enforce);
  CHECK(drift_way(enable, unsaid, Field::enabled) == DriftWay::ignore);
  CHECK(drift_way(disable, unsaid, Field::enabled) == DriftWay::ignore);
}

TEST_CASE("a way of leaving speaks of disable, of delete and of the field enabled") {
  for (const char* match : {"operations: [disable]", "operations: [delete]", "fields: [enabled]"}) {
    CAPTURE(match);
    CHECK(leaving_way("match: { " + std::string(match) + " }, effect: { deprovision: report }") ==
          DeprovisionWay::report);
  }
  for (const char* match : {"operations: [update]", "fields: [phone]"}) {
    CAPTURE(match);
    CHECK(leaving_way("match: { " + std::string(match) + " }, effect: { deprovision: report }") ==
          DeprovisionWay::disable);
  }
}

TEST_CASE("where no rule chooses a way, the judge reports, and names no rule") {
  for (const auto& action : {leaver(Operation::disable, ann), change(ann, Field::phone, Value{"1"}),
                             on(Operation::remove, ann, Cause::unmanaged)}) {
    const auto judged = judge_one(action, RuleSet::only({}));
    CHECK(judged.verdict == Verdict::report);
    CHECK(judged.rules.empty());
    CHECK(judged.reason == "the rules in force only report it");
  }
  auto reported = leaver(Operation::disable, ann);
  reported.report_only = true;
  CHECK(judge_one(reported, RuleSet::built_in()).reason == "a test wants it");
}

TEST_CASE("`drift: report` is about differences: neither leavers nor creates are held by it") {
  CHECK(verdict_of(leaver(Operation::disable, ann), "effect: { drift: report }") == Verdict::apply);
  CHECK(verdict_of(create(user("new")), "effect: { drift: report }") == Verdict::apply);
}

TEST_CASE("a rule about users speaks of somebody who is to be created; one about fields of every switch") {
  CHECK(verdict_of(create(user("new")), "match: { users: [new] }, effect: deny") == Verdict::denied);
  CHECK(outcome_of(create(user("new"))).username == "new");
  for (const auto operation : {Operation::disable, Operation::enable}) {
    auto bare = leaver(operation, ann);
    bare.changes.clear();
    CHECK(verdict_of(bare, "match: { fields: [enabled] }, effect: deny") == Verdict::denied);
  }
  CHECK(verdict_of(change(ann, Field::phone, Value{"1"}), "match: { fields: [enabled] }, effect: deny") ==
        Verdict::apply);
  CHECK(verdict_of(change(ann, Field::accounts, StringSet{"Admin"}),
                   "match: { roles: [Admin] }, effect: deny") == Verdict::apply);
}

TEST_CASE("keep finds a role among others, in whatever case and order") {
  auto given = facts();
  given.users = {user("boss", {"Billing", "admin", "Zoo"})};
  CHECK(verdict_of(leaver(Operation::disable, given.users[0]),
                   "effect: { keep: { role: ADMIN, atLeast: 1 } }", given) == Verdict::denied);
}

TEST_CASE("keep does not count a removal that is reported only") {
  auto given = facts();
  given.users = {user("a", {"Admin"}), user("b", {"Admin"}), user("c", {"Admin"})};
  std::vector<Action> actions{leaver(Operation::disable, given.users[0]),
                              leaver(Operation::disable, given.users[1])};
  actions[1].report_only = true;
  const auto keep = only("  - { name: k, effect: { keep: { role: Admin, atLeast: 2 } } }\n");
  CHECK(verdicts(Judge::judge(plan_of(actions), keep, given)) ==
        std::vector{Verdict::apply, Verdict::report});
}

TEST_CASE("A48: no e-mail and an empty one are nobody's e-mail") {
  auto given = facts();
  given.users.push_back(user("old"));
  given.users.back().fields.set(Field::email, Value{""});
  auto without = user("new"), empty = user("newer");
  without.fields.erase(Field::email);
  empty.fields.set(Field::email, Value{""});
  CHECK(judge_one(create(without), only(""), given).verdict == Verdict::apply);
  CHECK(judge_one(create(empty), only(""), given).verdict == Verdict::apply);
}

TEST_CASE("A16: a count of none is none, whatever else the limit says") {
  const auto allowed = [](const Limit& limit) {
    auto rules = only("").rules();
    rules.push_back({"l", {}, limit, {}, false});
    return judge_one(leaver(Operation::disable, ann), RuleSet::only(rules)).verdict;
  };
  Limit limit;
  CHECK(allowed(limit) == Verdict::limited);
  limit.at_least = 5;
  CHECK(allowed(limit) == Verdict::apply);
  limit.count = 0;
  CHECK(allowed(limit) == Verdict::limited);
}

TEST_CASE("a limit says all that it allows, and what was done already") {
  auto given = facts();
  given.history = {{given.now, Operation::disable, "gone"}};
  const auto judged = Judge::judge(
      plan_of(leavers(Operation::disable, 10), 40),
      only("  - { name: l, effect: { limit: { count: 10, percent: 20, atLeast: 1, per: 24h } } }\n"), given);
  CHECK(judged.actions().front().reason ==
        "rule l allows 8 in 24 h (count 10, 20 % of 40 users, at least 1) and the plan has 10, after 1 that "
        "were done: none of them goes");
}

TEST_CASE("a fact that holds names no rule; an approval that is over is not spoken of") {
  auto waiting = leaver(Operation::disable, ann);
  waiting.must_wait = "backing off";
  CHECK(judge_one(waiting, only("")).rules.empty());
  const auto action = change(ann, Field::phone, Value{"1"});
  auto given = facts();
  CHECK(judge_one(action, only(""), given).reason == "no rule holds it");
  given.approvals[action.id] = given.now;
  CHECK(judge_one(action, only(""), given).reason == "no rule holds it");
}

TEST_CASE(
    "no file replaces the rule on the daemon's own login, and the strictest shrink rule may come last") {
  const auto set = RuleSet::with_built_in({{std::string{own_user_rule}, {}, Allow{}, {}, false}});
  for (const auto& rule : set.rules()) {
    if (rule.name == own_user_rule) CHECK(rule.built_in);
  }
  const auto strictest =
      shrink_rule(rules("  - { name: believable-list, effect: { shrink: { percent: 9, atLeast: 9 } } }\n"
                        "  - { name: c, effect: { shrink: { percent: 50, atLeast: 3 } } }\n"),
                  account);
  CHECK(strictest->limit.at_least == 3);
}

TEST_CASE("each thing that the provider cannot do is told of the rules that need it, and of no others") {
  const auto set = rules(
      "  - { name: bosses, effect: { keep: { role: A, atLeast: 1 } } }\n"
      "  - { name: eyes, effect: { forbidTogether: [A, B] } }\n"
      "  - { name: gone, effect: { deprovision: disable } }\n"
      "  - { name: none, effect: { deprovision: report } }\n"
      "  - { name: some, match: { roles: [A] }, effect: deny }\n");
  const auto places = [&](const Capabilities& can) {
    std::vector<std::string> found;
    for (const auto& error : check_against_capabilities(set, can, account)) found.push_back(error.where);
    return found;
  };
  Capabilities no_roles, no_disable;
  no_roles.roles = no_disable.disable = false;
  CHECK(places(no_roles) ==
        std::vector<std::string>{"policy.yaml:3:5", "policy.yaml:4:5", "policy.yaml:7:5"});
  CHECK(places(no_disable) == std::vector<std::string>{"policy.yaml:5:5"});
}

TEST_CASE("notes: roles that nobody knows, keepers at the limit, scopes where there are none, in order") {
  auto given = facts();
  given.catalog.roles = std::vector<Role>{{"r1", "Billing"}};
  given.users = {user("zoe", {"r1"}), user("bob", {"r1"})};
  const auto of = [&](const std::string& effect) {
    return messages(find_notes(only("  - { name: r, effect: " + effect + " }\n"), account, given));
  };
  CHECK(of("{ keep: { role: Billing, atLeast: 2 } }").empty());
  CHECK(of("{ keep: { role: Boss, atLeast: 1 } }").size() == 2);
  CHECK(of("{ forbidTogether: [Billing, Boss] }").size() == 1);
  CHECK(of("{ require: { email: \"*@else.org\" } }") ==
        std::vector<std::string>{
            "bob: email \"bob@example.com\" does not fit \"*@else.org\"",
            "zoe: email \"zoe@example.com\" does not fit \"*@else.org\"",
        });
  const std::string scoped = "{ keep: { scope: ACCOUNT_ADMIN, atLeast: 1 } }";
  CHECK(of(scoped) ==
        std::vector<std::string>{": there are 0 enabled users with scope ACCOUNT_ADMIN, fewer than 1"});
  given.capabilities.scopes = false;
  CHECK(of(scoped).empty());
}
