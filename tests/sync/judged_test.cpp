#include "sync/judged.hpp"

#include <doctest/doctest.h>

#include <array>
#include <type_traits>

#include "judge.hpp"
#include "samples.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

// A20: nobody but a judged plan makes a permit, and nobody but the judge a judged plan.
static_assert(!std::is_default_constructible_v<Permit>);
static_assert(!std::is_copy_constructible_v<Permit> && !std::is_copy_assignable_v<Permit>);
static_assert(!std::is_constructible_v<Permit, const Action&> && !std::is_constructible_v<Permit, Action>);
static_assert(!std::is_aggregate_v<Permit> && !std::is_aggregate_v<JudgedPlan>);
static_assert(!std::is_default_constructible_v<JudgedPlan>);
static_assert(!std::is_copy_constructible_v<JudgedPlan> && !std::is_copy_assignable_v<JudgedPlan>);
static_assert(!std::is_constructible_v<JudgedPlan, Plan, std::vector<JudgedAction>>);

namespace {

constexpr std::array all_verdicts{Verdict::apply,   Verdict::approval, Verdict::denied, Verdict::deferred,
                                  Verdict::limited, Verdict::paused,   Verdict::report, Verdict::manual};

JudgedAction judged_action(Operation operation, Verdict verdict) {
  JudgedAction judged;
  judged.action.operation = operation;
  judged.action.username = "jdoe";
  judged.verdict = verdict;
  return judged;
}

Plan complete_plan() {
  Plan plan;
  plan.complete = true;
  return plan;
}

}  // namespace

TEST_CASE("verdicts: the contract's names, and which of them hold") {
  const std::array<std::string_view, 8> names{"apply",   "approval", "denied", "deferred",
                                              "limited", "paused",   "report", "manual"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(name_of(all_verdicts[i]) == names[i]);
    CHECK(is_held(all_verdicts[i]) == (i != 0 && names[i] != "report"));
  }
  CHECK(JudgedAction{}.verdict == Verdict::denied);
}

TEST_CASE("A20: a permit comes for a verdict of apply, and for no other") {
  std::vector<JudgedAction> actions;
  for (const auto verdict : all_verdicts) actions.push_back(judged_action(Operation::remove, verdict));
  const auto plan = Judge::judged(complete_plan(), actions);
  for (std::size_t i = 0; i < actions.size(); ++i) {
    CAPTURE(name_of(all_verdicts[i]));
    CHECK(plan.permit(i).has_value() == (all_verdicts[i] == Verdict::apply));
  }
  CHECK(&plan.permit(0)->action() == &plan.actions()[0].action);
  CHECK_THROWS_AS(plan.permit(actions.size()), std::out_of_range);
}

TEST_CASE("A20: what is not to be sent is never permitted, whatever the verdict says") {
  const auto permitted = [](const Plan& plan, auto&& spoil) {
    auto action = judged_action(Operation::disable, Verdict::apply);
    spoil(action.action);
    return Judge::judged(plan, {action}).permit(0).has_value();
  };
  const auto as_it_is = [](Action&) {};
  CHECK(permitted(complete_plan(), as_it_is));
  CHECK(!permitted(complete_plan(), [](Action& action) { action.report_only = true; }));
  CHECK(!permitted(complete_plan(), [](Action& action) { action.manual_only = true; }));
  CHECK(
      !permitted(complete_plan(), [](Action& action) { action.must_wait = "its last write is unresolved"; }));
  CHECK(!permitted(Plan{}, as_it_is));
}

TEST_CASE("summary: counts what would be applied by operation, and the held ones, over all accounts") {
  Plan plan;
  plan.in_sync = 3;
  std::vector<JudgedAction> actions;
  for (const auto operation : {Operation::create, Operation::update, Operation::update, Operation::enable,
                               Operation::disable, Operation::remove}) {
    actions.push_back(judged_action(operation, Verdict::apply));
  }
  for (const auto verdict : all_verdicts) {
    if (verdict != Verdict::apply) actions.push_back(judged_action(Operation::remove, verdict));
  }
  const auto one = Judge::judged(plan, actions);
  const auto two = Judge::judged(plan, {judged_action(Operation::create, Verdict::apply)});
  const auto summary = summarize({&one, &two});
  CHECK(summary.create == 2);
  CHECK(summary.update == 2);
  CHECK(summary.enable == 1);
  CHECK(summary.disable == 1);
  CHECK(summary.remove == 1);
  CHECK(summary.to_apply() == 7);
  CHECK(summary.held == 6);
  CHECK(summary.reported == 1);
  CHECK(summary.in_sync == 6);
  CHECK(summarize({}).to_apply() == 0);
}
