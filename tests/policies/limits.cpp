#include "bench.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

namespace {

RuleSet limit(const std::string& says, const std::string& match = "") {
  return only("  - { name: l, " + match + "effect: { limit: { " + says + " } } }\n");
}

/// The most disables that go through under `rule` in an account of `live` users.
std::size_t most(const RuleSet& rule, std::size_t live, const JudgeFacts& given = facts()) {
  std::size_t allowed = 0;
  for (std::size_t size = 1; size <= 22; ++size) {
    const auto judged = Judge::judge(plan_of(leavers(Operation::disable, size), live), rule, given);
    const auto applied = count(judged, Verdict::apply);
    CHECK((applied == size || applied == 0));  // a class goes as a whole or not at all
    CHECK(applied + count(judged, Verdict::limited) == size);
    allowed = std::max(allowed, applied);
  }
  return allowed;
}

}  // namespace

TEST_CASE("a limit allows the smaller of count and percent, but never less than atLeast") {
  struct Row {
    const char* says;
    std::size_t live;
    std::size_t allowed;
  };
  for (const Row& row :
       {Row{"count: 3", 100, 3}, Row{"count: 0", 100, 0}, Row{"percent: 20", 100, 20},
        Row{"percent: 20", 99, 19}, Row{"percent: 20", 4, 0}, Row{"percent: 0", 100, 0},
        Row{"percent: 20, atLeast: 5", 4, 5}, Row{"percent: 20, atLeast: 5", 26, 5},
        Row{"percent: 20, atLeast: 5", 30, 6}, Row{"count: 10, percent: 20", 100, 10},
        Row{"count: 10, percent: 20", 40, 8}, Row{"count: 10, percent: 20, atLeast: 9", 40, 9},
        Row{"percent: 5, atLeast: 1", 0, 1}, Row{"percent: 100", 7, 7}}) {
    CAPTURE(row.says);
    CAPTURE(row.live);
    CHECK(most(limit(row.says), row.live) == row.allowed);
  }
}

TEST_CASE("a limit that is exceeded holds its class and lets the others go") {
  auto actions = leavers(Operation::disable, 3);
  for (int i = 0; i < 9; ++i) actions.push_back(create(user("new" + std::to_string(i))));
  const auto judged =
      Judge::judge(plan_of(actions), limit("count: 2", "match: { operations: [disable] }, "), facts());
  CHECK(count(judged, Verdict::limited) == 3);
  CHECK(count(judged, Verdict::apply) == 9);
  CHECK(judged.actions().front().rules == std::vector<std::string>{"l"});
  CHECK(judged.actions().front().reason ==
        "rule l allows 2 per run (count 2) and the plan has 3: none of them goes");
}

TEST_CASE("limits count what is left: what is denied, waits or is only reported does not count") {
  auto actions = leavers(Operation::disable, 6);
  actions[5].report_only = true;
  const auto rule = only(
      "  - { name: l, effect: { limit: { count: 3 } } }\n"
      "  - { name: d, match: { users: [user0] }, effect: deny }\n"
      "  - { name: a, match: { users: [user1] }, effect: requireApproval }\n");
  auto given = facts();
  CHECK(count(Judge::judge(plan_of(actions), rule, given), Verdict::apply) == 3);
  given.approvals[actions[1].id] = given.now + Duration{1};
  CHECK(count(Judge::judge(plan_of(actions), rule, given), Verdict::limited) == 4);
}

TEST_CASE("every limit counts the same actions, whatever another limit holds") {
  auto actions = leavers(Operation::disable, 3);
  actions.push_back(create(user("new")));
  const auto rule = only(
      "  - { name: a, match: { operations: [disable] }, effect: { limit: { count: 2 } } }\n"
      "  - { name: b, effect: { limit: { count: 3 } } }\n");
  const auto judged = Judge::judge(plan_of(actions), rule, facts());
  CHECK(count(judged, Verdict::limited) == 4);
  CHECK(judged.actions().front().rules == std::vector<std::string>{"a", "b"});
}

TEST_CASE("taking a role away counts as an update") {
  std::vector<Action> actions;
  for (int i = 0; i < 3; ++i)
    actions.push_back(change(user("u" + std::to_string(i), {"A"}), Field::roles, StringSet{}));
  const auto rule = limit("count: 2", "match: { operations: [update] }, ");
  CHECK(count(Judge::judge(plan_of(actions), rule, facts()), Verdict::limited) == 3);
}

TEST_CASE("rolling limits count what was done, for as long as it is in the window") {
  struct Row {
    const char* per;
    Duration age;
    std::size_t allowed;
  };
  using std::chrono::hours;
  for (const Row& row :
       {Row{"run", hours{1}, 5}, Row{"24h", hours{1}, 2}, Row{"24h", hours{24} - Duration{1}, 2},
        Row{"24h", hours{24}, 5}, Row{"7d", hours{24}, 2}, Row{"7d", hours{168} - Duration{1}, 2},
        Row{"7d", hours{168}, 5}, Row{"24h", -hours{1}, 2}}) {
    CAPTURE(row.per);
    CAPTURE(row.age.count());
    auto given = facts();
    for (int i = 0; i < 3; ++i) given.history.push_back({given.now - row.age, Operation::disable, "gone"});
    CHECK(most(limit("count: 5, per: " + std::string(row.per)), 100, given) == row.allowed);
  }
}

TEST_CASE("of what was done, a limit counts its operations and its users, and whoever is not known") {
  auto given = facts();
  given.history = {{given.now, Operation::create, "user1"},
                   {given.now, Operation::disable, "user1"},
                   {given.now, Operation::disable, "other"},
                   {given.now, Operation::disable, ""}};
  CHECK(most(limit("count: 9, per: 24h"), 100, given) == 5);
  CHECK(most(limit("count: 9, per: 24h", "match: { operations: [disable] }, "), 100, given) == 6);
  CHECK(most(limit("count: 9, per: 24h", "match: { operations: [disable], users: [\"user*\"] }, "), 100,
             given) == 7);
  // What was done is known by operation and user only: for a class by field or role all of it counts.
  CHECK(most(limit("count: 9, per: 24h", "match: { fields: [enabled] }, "), 100, given) == 5);
  const auto judged =
      Judge::judge(plan_of(leavers(Operation::disable, 6)), limit("count: 9, per: 24h"), given);
  CHECK(judged.actions().front().reason.find("after 4 that were done") != std::string::npos);
}
