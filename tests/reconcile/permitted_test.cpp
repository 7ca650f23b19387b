#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/reconcile/harness.hpp"

// Random accounts, wishes and rules through the whole cycle: what reaches the provider is what was permitted.

namespace usersyncd::test {
namespace {

constexpr std::uint64_t stories = 400;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 2'862'933'555'777'941'757U + 3'037'000'493U) {}
  std::size_t below(std::size_t limit) {
    state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    return (state_ >> 33) % limit;
  }
  bool chance(std::size_t percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

Rule random_rule(Dice& dice, std::size_t number) {
  auto made = rule("rule-" + std::to_string(number), Deny{});
  switch (dice.below(7)) {
    case 0:
      made.match.users = {"p" + std::to_string(dice.below(10)) + "*"};
      break;
    case 1:
      made.effect = RequireApproval{};
      made.match.operations = {dice.chance(50) ? Operation::create : Operation::disable};
      break;
    case 2: {
      Limit limit;
      limit.count = static_cast<int>(dice.below(4));
      made.effect = limit;
      break;
    }
    case 3:
      made.effect = DriftWay::report;
      made.match.fields = {Field::first_name};
      break;
    case 4:
      made.effect = UnmanagedWay::deprovision;
      made.name = "unmanaged";
      break;
    case 5:
      made.effect = DeprovisionWay::report;
      break;
    default:
      made.effect = DeprovisionWay::remove;
      made.name = "leavers";
      break;
  }
  return made;
}

void make_story(Harness& h, Dice& dice) {
  for (std::size_t i = 0; i < 10; ++i) {
    const auto name = "p" + std::to_string(i);
    if (!dice.chance(80)) {
      if (dice.chance(60)) h.want(wanted(name));
      continue;
    }
    auto& user = h.world.add(name);
    user.fields.set(Field::enabled, Value{dice.chance(80)});
    auto entry = wanted_as(user);
    if (dice.chance(40)) entry.fields.set(Field::first_name, Value{std::string{"Changed"}});
    if (dice.chance(30)) set_roles(entry, dice.chance(50) ? StringSet{} : StringSet{"reporting"});
    if (dice.chance(20)) entry.fields.set(Field::enabled, Value{dice.chance(50)});
    if (dice.chance(20)) entry = wanted_absent(name);
    if (!dice.chance(15)) h.want(entry);
  }
  std::map<std::string, Rule> rules;
  for (std::size_t i = 0; i < dice.below(4); ++i) {
    auto one = random_rule(dice, i);
    rules[one.name] = one;
  }
  std::vector<Rule> list;
  for (const auto& [name, one] : rules) list.push_back(one);
  h.rules = free_rules(std::move(list));
}

Call::Kind kind_of(Operation operation) {
  if (operation == Operation::create) return Call::Kind::create;
  return operation == Operation::remove ? Call::Kind::remove : Call::Kind::update;
}

}  // namespace

TEST_CASE(
    "A14 A21: what is written is what was permitted, per class, in random accounts under random rules") {
  std::size_t permitted_in_all = 0, held_in_all = 0;
  for (std::uint64_t seed = 1; seed <= stories; ++seed) {
    CAPTURE(seed);
    Dice dice{seed};
    Harness h;
    make_story(h, dice);
    h.cycle();
    REQUIRE(h.look.judged);
    std::map<Call::Kind, std::size_t> permitted, written;
    std::set<std::string> permitted_ids;
    bool report_only = false;
    for (const auto& one : h.rules.rules()) {
      const auto* way = std::get_if<DeprovisionWay>(&one.effect);
      report_only = report_only || (way && *way == DeprovisionWay::report);
    }
    for (const auto& judged : h.look.judged->actions()) {
      if (judged.verdict != Verdict::apply) {
        ++held_in_all;
        continue;
      }
      ++permitted[kind_of(judged.action.operation)];
      permitted_ids.insert(judged.action.id);
      // A wish to be disabled is no deprovisioning; a leaver's is, and so is that of an unmanaged user.
      const bool deprovisions =
          judged.action.cause == Cause::leaver || judged.action.cause == Cause::unmanaged;
      CHECK_FALSE((report_only && deprovisions));
    }
    for (const auto& call : h.world.calls) {
      if (!is_write(call.kind)) continue;
      ++written[call.kind];
      CHECK(permitted_ids.contains(call.context.action));
    }
    CHECK(written == permitted);
    permitted_in_all += permitted_ids.size();
  }
  // A test in which nothing is ever sent, or nothing is ever held, would show nothing.
  CHECK(permitted_in_all > stories);
  CHECK(held_in_all > stories);
}

}  // namespace usersyncd::test
