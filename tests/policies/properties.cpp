#include <cstdlib>
#include <random>

#include "bench.hpp"
#include "tests/support/random_cases.hpp"

using namespace usersyncd;
using namespace usersyncd::testing;

namespace {

constexpr std::uint32_t first_seed = 20261121;

/// Draws rules, plans and facts that are small enough to clash often.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}

  std::size_t below(std::size_t bound) { return engine_() % bound; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  std::mt19937& engine() { return engine_; }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> role_names{"Admin", "Reporting", "Ordering"};

Operation some_operation(Dice& dice) {
  return all_operations.at(dice.below(all_operations.size()));
}

StringSet some_roles(Dice& dice) {
  StringSet roles;
  for (const auto& role : role_names) {
    if (dice.chance(35)) roles.push_back(role);
  }
  return make_set(roles);
}

User some_user(Dice& dice, std::size_t index) {
  User made;
  made.username = "user" + std::to_string(index);
  made.fields.set(Field::email, Value{made.username + (dice.chance(80) ? "@example.com" : "@else.org")});
  if (dice.chance(85)) made.fields.set(Field::roles, some_roles(dice));
  if (dice.chance(85)) made.fields.set(Field::enabled, dice.chance(70));
  if (dice.chance(85)) made.fields.set(Field::scope, Value{dice.chance(30) ? "ACCOUNT_ADMIN" : "ACCOUNT"});
  return made;
}

Action some_action(Dice& dice, const User& before) {
  const Operation operation = some_operation(dice);
  if (operation == Operation::create) return create(before);
  const Cause cause = std::vector{Cause::desired, Cause::leaver, Cause::unmanaged}[dice.below(3)];
  Action action = on(operation, before, operation == Operation::update ? Cause::desired : cause);
  if (operation == Operation::update && dice.chance(70))
    action.changes.push_back({Field::roles, before.fields.get(Field::roles), some_roles(dice)});
  if (operation == Operation::update && dice.chance(40))
    action.changes.push_back({Field::email, before.fields.get(Field::email), Value{"x@else.org"}});
  action.report_only = dice.chance(8);
  action.manual_only = dice.chance(5);
  if (dice.chance(5)) action.must_wait = "backing off";
  return finished(action);
}

Match some_match(Dice& dice) {
  Match match;
  if (dice.chance(10)) match.accounts = {dice.chance(60) ? account : "7"};
  if (dice.chance(30))
    match.users = {std::vector<std::string>{"user0", "user?", "USER1", "*2"}[dice.below(4)]};
  if (dice.chance(40)) match.operations = {some_operation(dice), some_operation(dice)};
  if (dice.chance(15)) match.fields = {dice.chance(50) ? Field::roles : Field::email};
  if (dice.chance(20)) match.roles = {dice.pick(role_names)};
  return match;
}

Effect some_limit(Dice& dice) {
  Limit limit;
  if (dice.chance(60)) limit.count = static_cast<int>(dice.below(4));
  if (!limit.count || dice.chance(40)) limit.percent = static_cast<int>(dice.below(101));
  if (dice.chance(40)) limit.at_least = static_cast<int>(dice.below(3));
  limit.per = std::vector{Limit::Per::run, Limit::Per::day, Limit::Per::week}[dice.below(3)];
  return limit;
}

Effect some_effect(Dice& dice) {
  static const Window closed = std::get<Window>(
      only("  - { name: w, effect: { window: { hours: \"13:00-14:00\", timezone: UTC } } }\n")
          .rules()[0]
          .effect);
  switch (dice.below(13)) {
    case 0:
      return Deny{};
    case 1:
      return RequireApproval{};
    case 2:
      return Allow{};
    case 3:
      return std::vector{DriftWay::enforce, DriftWay::report, DriftWay::ignore}[dice.below(3)];
    case 4:
      return std::vector{DeprovisionWay::remove, DeprovisionWay::disable,
                         DeprovisionWay::report}[dice.below(3)];
    case 5:
      return std::vector{UnmanagedWay::deprovision, UnmanagedWay::report,
                         UnmanagedWay::ignore}[dice.below(3)];
    case 6:
      return DisabledFor{std::chrono::hours{24 * 30}};
    case 7:
      return closed;
    case 8:
      return Keep{dice.pick(role_names), std::nullopt, static_cast<int>(1 + dice.below(2))};
    case 9:
      return Keep{std::nullopt, "ACCOUNT_ADMIN", 1};
    case 10:
      return Require{{{Field::email, "*@example.com"}}};
    case 11:
      return ForbidTogether{{"Admin", "Ordering"}};
    default:
      return some_limit(dice);
  }
}

Rule some_rule(Dice& dice, std::string name) {
  Rule rule{std::move(name), some_match(dice), some_effect(dice), {}, false};
  if (std::holds_alternative<Keep>(rule.effect)) rule.match = {};
  return rule;
}

/// A judgement to be: everything that Judge::judge takes.
struct Scene {
  std::vector<Rule> rules;
  Plan plan;
  JudgeFacts given;

  JudgedPlan judge() const { return Judge::judge(plan, RuleSet::only(rules), given); }
  JudgedPlan judge_with(const Rule& more) const {
    auto all = rules;
    all.push_back(more);
    return Judge::judge(plan, RuleSet::only(std::move(all)), given);
  }
};

JudgeFacts some_facts(Dice& dice, const std::vector<Action>& actions) {
  JudgeFacts given;
  given.now = at("2026-11-18T12:00:00Z");
  for (const auto& action : actions) {
    if (dice.chance(30)) given.approvals[action.id] = given.now + Duration{1};
    if (dice.chance(5)) given.unconfirmed[action.id] = "seen once only";
  }
  if (dice.chance(30)) given.disabled_since["user0"] = given.now - std::chrono::hours{24 * 40};
  for (std::size_t i = dice.below(4); i > 0; --i)
    given.history.push_back({given.now - std::chrono::hours{dice.below(200)}, some_operation(dice), ""});
  if (dice.chance(5)) given.own_logins = {"user1"};
  if (dice.chance(10)) given.capabilities.remove = false;
  return given;
}

Scene some_scene(Dice& dice) {
  std::vector<User> users;
  std::vector<Action> actions;
  for (std::size_t i = dice.chance(20) ? 3 : 2; i > 0; --i) {
    users.push_back(some_user(dice, i - 1));
    actions.push_back(some_action(dice, users.back()));
  }
  if (dice.chance(10)) actions.push_back(some_action(dice, users[0]));
  Scene scene;
  scene.given = some_facts(dice, actions);
  scene.plan = plan_of(std::move(actions), users.size());
  scene.given.users = std::move(users);
  scene.rules = {{"drift", {}, DriftWay::enforce, {}, true},
                 {"leavers", {}, DeprovisionWay::remove, {}, true},
                 {"unmanaged", {}, UnmanagedWay::deprovision, {}, true}};
  for (std::size_t i = dice.below(3); i > 0; --i)
    scene.rules.push_back(some_rule(dice, "r" + std::to_string(i)));
  return scene;
}

// A property puts each scene to the test in so many rounds, each a plan of its own to be judged. What must
// never break has at least 100,000 of them in every full run of the tests.
constexpr std::uint32_t rounds = 8;
constexpr std::uint32_t scenes_of_new_rules = 6'000;
constexpr std::uint32_t scenes_of_order = 3'500;
constexpr std::uint32_t scenes_of_report = 3'500;
static_assert(rounds * (scenes_of_new_rules + scenes_of_order + scenes_of_report) >= 100'000);

/// Runs `property` on that many random scenes; a failure names the seed, which is all it takes to see it
/// again.
template <class Property>
void for_each_scene(std::uint32_t all_scenes, std::uint32_t stream, Property property) {
  const auto scenes = usersyncd::test::random_cases(all_scenes);
  MESSAGE("seeds from " << first_seed + stream << ", " << scenes * rounds << " rounds");
  for (std::uint32_t i = 0; i < scenes; ++i) {
    const std::uint32_t seed = first_seed + stream + i;
    CAPTURE(seed);
    Dice dice(seed);
    auto scene = some_scene(dice);
    property(dice, scene);
  }
}

bool is_limit(const Rule& rule) {
  return std::holds_alternative<Limit>(rule.effect);
}
bool was_counted(Verdict verdict) {
  return verdict == Verdict::apply || verdict == Verdict::limited;
}

bool leaves(const JudgedAction& judged) {
  return judged.action.operation == Operation::disable || judged.action.operation == Operation::remove;
}

std::size_t count_going(const JudgedPlan& judged, Operation operation) {
  const auto& actions = judged.actions();
  return static_cast<std::size_t>(
      std::count_if(actions.begin(), actions.end(), [&](const JudgedAction& item) {
        return item.verdict == Verdict::apply && item.action.operation == operation;
      }));
}

/// A permit exists for what is to be applied and for nothing else; whatever the verdict, it has its reason.
bool is_sound(const JudgedPlan& judged) {
  for (std::size_t i = 0; i < judged.actions().size(); ++i) {
    const auto& item = judged.actions()[i];
    const bool applies = item.verdict == Verdict::apply;
    if (judged.permit(i).has_value() != applies || item.reason.empty()) return false;
    if (!std::is_sorted(item.rules.begin(), item.rules.end())) return false;
  }
  return true;
}

/// What of `operation` was done in the 24 hours before `now`.
std::size_t done_today(const JudgeFacts& given, Operation operation) {
  return static_cast<std::size_t>(
      std::count_if(given.history.begin(), given.history.end(), [&](const DoneAction& done) {
        return done.operation == operation && done.time > given.now - std::chrono::hours{24};
      }));
}

}  // namespace

TEST_CASE(
    "A20: adding a rule with a new name never releases an action that was held, and a permit needs a "
    "verdict") {
  for_each_scene(scenes_of_new_rules, 0, [](Dice& dice, Scene& scene) {
    std::erase_if(scene.rules, is_limit);
    const auto before = verdicts(scene.judge());
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const auto judged = scene.judge_with(some_rule(dice, "a-new-name"));
      REQUIRE(is_sound(judged));
      const auto after = verdicts(judged);
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] != Verdict::apply) REQUIRE(after[i] != Verdict::apply);
      }
    }
  });
}

// Limits are counted over what is left, so a rule that takes an action out of a class can bring the rest of
// the class within its limit. That, and nothing else, may let go what a limit held; a new limit never does.
TEST_CASE(
    "limits are never exceeded; only a rule that takes others out of a class brings the rest within them") {
  for_each_scene(3'000, 1'000'000, [](Dice& dice, Scene& scene) {
    const Operation operation = some_operation(dice);
    Limit limit;
    limit.count = static_cast<int>(dice.below(3));
    limit.per = dice.chance(50) ? Limit::Per::run : Limit::Per::day;
    Match match;
    match.operations = {operation};
    scene.rules.push_back({"budget", match, limit, {}, false});
    const auto before = verdicts(scene.judge());
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const auto rule = some_rule(dice, "a-new-name");
      const auto judged = scene.judge_with(rule);
      const auto after = verdicts(judged);
      bool took_out = false;
      for (std::size_t i = 0; i < before.size(); ++i)
        took_out |= was_counted(before[i]) && !was_counted(after[i]);
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] == Verdict::apply || after[i] != Verdict::apply) continue;
        REQUIRE(before[i] == Verdict::limited);
        REQUIRE(took_out);
        REQUIRE_FALSE(is_limit(rule));
      }
      const auto goes = count_going(judged, operation);
      const auto spent = limit.per == Limit::Per::day ? done_today(scene.given, operation) : 0;
      REQUIRE((goes == 0 || goes + spent <= static_cast<std::size_t>(*limit.count)));
    }
  });
}

TEST_CASE("verdicts depend neither on the order of rules, nor on their names, nor on the order of actions") {
  for_each_scene(scenes_of_order, 2'000'000, [](Dice& dice, Scene& scene) {
    const auto first = verdicts(scene.judge());
    std::vector<std::string> names;
    for (const auto& rule : scene.rules) names.push_back(rule.name);
    for (std::uint32_t round = 0; round < rounds; ++round) {
      std::shuffle(names.begin(), names.end(), dice.engine());
      for (std::size_t i = 0; i < names.size(); ++i) scene.rules[i].name = names[i];
      std::shuffle(scene.rules.begin(), scene.rules.end(), dice.engine());
      std::reverse(scene.plan.actions.begin(), scene.plan.actions.end());
      auto again = verdicts(scene.judge());
      if (round % 2 == 0) std::reverse(again.begin(), again.end());
      REQUIRE(again == first);
    }
  });
}

TEST_CASE("A21: with deprovision report no disable and no delete ever goes, whatever else is written") {
  for_each_scene(scenes_of_report, 3'000'000, [](Dice& dice, Scene& scene) {
    scene.rules.push_back({"never", {}, DeprovisionWay::report, {}, false});
    for (std::uint32_t round = 0; round < rounds; ++round) {
      const auto judged = scene.judge_with(some_rule(dice, "a-new-name"));
      for (const auto& action : judged.actions()) {
        if (leaves(action)) REQUIRE(action.verdict == Verdict::report);
      }
    }
  });
}

// Two things the judge holds that the ways let into a plan: what follows from a role that the user is only to
// have, and `enabled: false` in the desired state where the rules say that nobody is to be disabled.
TEST_CASE("plans made by the rules are judged by the rules alike: what a way lets is not reported only") {
  for_each_scene(400, 5'000'000, [](Dice& dice, Scene& scene) {
    Observation seen;
    seen.account = account;
    seen.complete = true;
    seen.users = scene.given.users;
    const bool by_role = std::any_of(scene.rules.begin(), scene.rules.end(),
                                     [](const Rule& rule) { return !rule.match.roles.empty(); });
    for (std::uint32_t round = 0; round < rounds; ++round) {
      Desired desired;
      desired.account = account;
      for (std::size_t i = 0; i < 3; ++i) {
        DesiredUser wanted;
        wanted.username = "user" + std::to_string(i);
        wanted.absent = dice.chance(40);
        wanted.fields = some_user(dice, i).fields;
        wanted.fields.erase(Field::roles);
        if (dice.chance(75)) desired.users.push_back(std::move(wanted));
      }
      const auto set = RuleSet::only(scene.rules);
      const PolicyWays ways(set, account, Catalog{});
      const auto judged =
          Judge::judge(make_plan(desired, seen, ways, PlanMemory{}, scene.given.now), set, scene.given);
      for (const auto& action : judged.actions()) {
        const bool by_entry =
            action.action.cause == Cause::desired && action.action.operation == Operation::disable;
        if (action.verdict == Verdict::report && !by_role && !by_entry) REQUIRE(action.action.report_only);
      }
    }
  });
}
