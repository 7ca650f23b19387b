#include "bench.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

TEST_CASE("A15: three users, a plan that removes all three, the default rules: nothing goes") {
  for (const auto operation : {Operation::disable, Operation::remove}) {
    auto given = facts();
    given.users = crowd(3);
    const auto judged = Judge::judge(plan_of(leavers(operation, 3), 3), RuleSet::built_in(), given);
    CHECK(count(judged, Verdict::apply) == 0);
  }
}

TEST_CASE("A16: a limit of zero blocks the first delete") {
  const auto rule =
      only("  - { name: none, match: { operations: [delete] }, effect: { limit: { count: 0 } } }\n");
  CHECK(judge_one(leaver(Operation::remove, user("ann", {}, false)), rule).verdict == Verdict::limited);
}

TEST_CASE("A17: nine deletes a cycle, ten a run, fifteen in 24 hours: the second cycle is withheld") {
  const auto rule = only(
      "  - { name: run, match: { operations: [delete] }, effect: { limit: { count: 10, per: run } } }\n"
      "  - { name: day, match: { operations: [delete] }, effect: { limit: { count: 15, per: 24h } } }\n");
  auto given = facts();
  const auto first = Judge::judge(plan_of(leavers(Operation::remove, 9)), rule, given);
  CHECK(count(first, Verdict::apply) == 9);
  for (int i = 0; i < 9; ++i)
    given.history.push_back({given.now, Operation::remove, "gone" + std::to_string(i)});
  given.now += std::chrono::hours{1};
  const auto second = Judge::judge(plan_of(leavers(Operation::remove, 9)), rule, given);
  CHECK(count(second, Verdict::limited) == 9);
  CHECK(second.actions().front().rules == std::vector<std::string>{"day"});
  given.now += std::chrono::hours{24};
  CHECK(count(Judge::judge(plan_of(leavers(Operation::remove, 9)), rule, given), Verdict::apply) == 9);
}

TEST_CASE("A18: an approval for twelve ids releases neither a thirteenth, nor another, nor a changed one") {
  const auto rule = only("  - { name: ask, effect: requireApproval }\n");
  auto actions = leavers(Operation::remove, 13);
  auto given = facts();
  for (std::size_t i = 0; i < 12; ++i) given.approvals[actions[i].id] = given.now + std::chrono::hours{24};
  const auto judged = Judge::judge(plan_of(actions), rule, given);
  CHECK(count(judged, Verdict::apply) == 12);
  CHECK(judged.actions().back().verdict == Verdict::approval);

  const auto other = change(actions[0].before, Field::phone, Value{"1"});
  CHECK(judge_one(other, rule, given).verdict == Verdict::approval);
  given.now += std::chrono::hours{24};
  CHECK(count(Judge::judge(plan_of(actions), rule, given), Verdict::approval) == 13);
}

TEST_CASE("A21: with deprovision report, a plan made under other rules disables and deletes nobody") {
  const auto rule = rules(
      "  - { name: leavers, effect: { deprovision: report } }\n"
      "  - { name: deletes-need-a-person, effect: allow }\n");
  for (const auto operation : {Operation::disable, Operation::remove}) {
    for (const auto cause : {Cause::desired, Cause::leaver, Cause::unmanaged}) {
      const auto judged = judge_one(on(operation, user("ann"), cause), rule);
      CHECK(judged.verdict == Verdict::report);
      CHECK_FALSE(judged.rules.empty());
    }
  }
}

TEST_CASE("A21: a delete is not let through by rules that only disable") {
  auto given = facts();
  const auto gone = leaver(Operation::remove, user("ann", {}, false));
  given.approvals[gone.id] = given.now + Duration{1};
  CHECK(judge_one(gone, RuleSet::built_in(), given).verdict == Verdict::report);
}

TEST_CASE("A25: steps on one user that contradict each other are denied, all of them") {
  const auto ann = user("ann");
  const auto phone = change(ann, Field::phone, Value{"1"});
  const std::vector<std::pair<Action, Action>> pairs{
      {on(Operation::enable, ann), on(Operation::disable, ann)},
      {leaver(Operation::remove, ann), phone},
      {create(ann), leaver(Operation::remove, ann)},
      {phone, change(user("ANN"), Field::phone, Value{"2"})},
  };
  for (const auto& pair : pairs) {
    CAPTURE(name_of(pair.first.operation));
    CAPTURE(name_of(pair.second.operation));
    const auto judged = Judge::judge(plan_of({pair.first, pair.second}), only(""), facts());
    CHECK(count(judged, Verdict::denied) == 2);
  }
  const auto fine = Judge::judge(plan_of({phone, on(Operation::disable, ann)}), only(""), facts());
  CHECK(count(fine, Verdict::apply) == 2);
  auto reported = change(ann, Field::email, Value{"a@b"});
  reported.report_only = true;
  CHECK(count(Judge::judge(plan_of({phone, reported}), only(""), facts()), Verdict::apply) == 1);
}

TEST_CASE("A48: a create for somebody whose e-mail address is there under another name waits for a person") {
  auto given = facts();
  given.users.push_back(user("ann.smith"));
  auto second = user("asmith");
  second.fields.set(Field::email, Value{"Ann.Smith@Example.com"});
  const auto made = create(second);
  const auto judged = judge_one(made, RuleSet::built_in(), given);
  CHECK(judged.verdict == Verdict::approval);
  CHECK(judged.reason.find("\"ann.smith\"") != std::string::npos);
  given.approvals[made.id] = given.now + Duration{1};
  CHECK(judge_one(made, RuleSet::built_in(), given).verdict == Verdict::apply);
}

TEST_CASE("A49: steps that two entries want of one and the same user are denied") {
  auto one = user("ann");
  auto two = user("anne");
  one.user_id = two.user_id = "17";
  auto left = change(one, Field::phone, Value{"1"});
  auto right = change(two, Field::phone, Value{"2"});
  left.user_id = right.user_id = "17";
  CHECK(count(Judge::judge(plan_of({left, right}), only(""), facts()), Verdict::denied) == 2);
}

TEST_CASE("A53: the daemon's own login, protected users and the last admin are not touched by any plan") {
  auto given = facts();
  given.own_logins = {"Bot"};
  for (const auto operation : {Operation::disable, Operation::remove, Operation::enable, Operation::update}) {
    const auto own =
        judge_one(on(operation, user("bot")), rules("  - { name: sure, effect: allow }\n"), given);
    const bool leaving = operation == Operation::remove;  // the built-in way does not even want a delete
    CHECK(own.verdict == (leaving ? Verdict::report : Verdict::denied));
    if (!leaving) CHECK(own.rules == std::vector<std::string>{"own-user"});
  }
  const auto guarded =
      rules("  - { name: break-glass, match: { users: [\"breakglass-*\"] }, effect: deny }\n");
  CHECK(judge_one(leaver(Operation::disable, user("BreakGlass-1")), guarded, given).verdict ==
        Verdict::denied);

  given.users = {user("boss", {}, true, "ACCOUNT_ADMIN"), user("ann")};
  for (const auto& action :
       {leaver(Operation::disable, given.users[0]), change(given.users[0], Field::scope, Value{"ACCOUNT"})}) {
    const auto judged = judge_one(action, RuleSet::built_in(), given);
    CHECK(judged.verdict == Verdict::denied);
    CHECK(judged.rules == std::vector<std::string>{"last-admin"});
  }
  CHECK(judge_one(leaver(Operation::disable, given.users[1]), RuleSet::built_in(), given).verdict ==
        Verdict::apply);
}

TEST_CASE("A66: a plan is judged the same whenever it is asked, and pause only turns apply into paused") {
  const auto actions = leavers(Operation::disable, 8);
  auto given = facts();
  const auto shown = verdicts(Judge::judge(plan_of(actions), RuleSet::built_in(), given));
  const auto applied = verdicts(Judge::judge(plan_of(actions), RuleSet::built_in(), given));
  CHECK(shown == applied);
  CHECK(std::count(shown.begin(), shown.end(), Verdict::limited) == 8);
  given.paused = "freeze";
  CHECK(count(Judge::judge(plan_of(actions), RuleSet::built_in(), given), Verdict::limited) == 8);
  const auto one = judge_one(actions[0], RuleSet::built_in(), given);
  CHECK(one.verdict == Verdict::paused);
  CHECK(one.reason == "writes are paused: freeze");
}

TEST_CASE("A68: by default a leaver is disabled; a delete needs a rule, a wait and a person") {
  const PolicyWays by_default(RuleSet::built_in(), account, Catalog{});
  CHECK(by_default.deprovision(user("ann")).way == DeprovisionWay::disable);

  const auto rule = rules(
      "  - { name: leavers, effect: { deprovision: delete } }\n"
      "  - { name: wait, match: { operations: [delete] }, effect: { disabledFor: 30d } }\n");
  const auto gone = leaver(Operation::remove, user("ann", {}, false));
  auto given = facts();
  // The person is asked when the wait is over: an approval given before would have run out by then.
  CHECK(judge_one(gone, rule, given).verdict == Verdict::deferred);
  given.approvals[gone.id] = given.now + Duration{1};
  CHECK(judge_one(gone, rule, given).verdict == Verdict::deferred);
  given.disabled_since["ann"] = given.now - std::chrono::hours{24 * 30};
  CHECK(judge_one(gone, rule, given).verdict == Verdict::apply);
  given.approvals.clear();
  CHECK(judge_one(gone, rule, given).verdict == Verdict::approval);
}
