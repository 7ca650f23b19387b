#include "reconcile/cycle.hpp"

// A plan that was shown, and what people decided since: see judge_also_by.

namespace usersyncd {

JudgedPlan Cycle::judge_by_then(Plan plan, const RuleSet& rules, JudgeFacts facts) {
  facts.approvals.clear();
  for (const auto& asked : ports_.store.list_approvals(account_.id)) {
    if (asked.plan == plan_name_ && earlier_->released.contains(asked.action))
      facts.approvals[asked.action] = GivenApproval{Time::max()};
  }
  const auto& whole = earlier_->unaccepted;
  const bool accepted_since =
      whole && !plan.unaccepted && ports_.store.approved_actions(account_.id, facts.now).contains(whole->id);
  if (accepted_since) plan.unaccepted = whole;
  return Judge::judge(std::move(plan), rules, facts);
}

}  // namespace usersyncd
