#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/plan.hpp"

namespace usersyncd {

/// What may become of a planned action. `apply` is the only one that is ever sent.
enum class Verdict { apply, approval, denied, deferred, limited, paused, report, manual };
std::string_view name_of(Verdict verdict);

/// Held: wanted, and not done for a reason a person can act on. `report` is not held: nobody wants it done.
inline bool is_held(Verdict verdict) {
  return verdict != Verdict::apply && verdict != Verdict::report;
}

struct JudgedAction {
  Action action;
  Verdict verdict = Verdict::denied;
  std::vector<std::string> rules;  ///< the deciding rules, sorted
  std::string reason;              ///< one sentence for people
  /// For a verdict of `approval`: the ids that a person has to approve, its own among them if need be.
  std::vector<std::string> waits_for = {};
};

class JudgedPlan;

/// Permission to send one action. Only a judged plan can make one, and only for a verdict of `apply`: a
/// provider takes nothing else, so no write can leave that nobody judged (A20).
class Permit {
 public:
  const Action& action() const { return *action_; }
  Permit(Permit&&) = default;
  Permit& operator=(Permit&&) = default;
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

 private:
  friend class JudgedPlan;
  explicit Permit(const Action& action) : action_(&action) {}
  const Action* action_;  ///< owned by the JudgedPlan, which outlives its permits
};

/// A plan in which every action has its verdict. Only policies::Judge builds one.
class JudgedPlan {
 public:
  const Plan& plan() const { return plan_; }
  const std::vector<JudgedAction>& actions() const { return actions_; }

  /// Permission for the action at `index`; nothing unless its verdict is `apply`, the plan is complete and
  /// the action is one that may be sent at all.
  std::optional<Permit> permit(std::size_t index) const;

  JudgedPlan(JudgedPlan&&) = default;
  JudgedPlan& operator=(JudgedPlan&&) = default;
  JudgedPlan(const JudgedPlan&) = delete;
  JudgedPlan& operator=(const JudgedPlan&) = delete;

 private:
  friend class Judge;
  JudgedPlan(Plan plan, std::vector<JudgedAction> actions);
  Plan plan_;
  std::vector<JudgedAction> actions_;
};

/// The contract's counts: actions that would be applied by operation, the held ones, users in sync.
struct PlanSummary {
  std::size_t create = 0, update = 0, enable = 0, disable = 0, remove = 0, held = 0, reported = 0,
              in_sync = 0;
  std::size_t unaccepted = 0;  ///< plans that a person has to accept first, with or without actions
  std::size_t to_apply() const { return create + update + enable + disable + remove; }
};
PlanSummary summarize(const std::vector<const JudgedPlan*>& plans);

}  // namespace usersyncd
