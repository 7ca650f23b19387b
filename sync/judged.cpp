#include "sync/judged.hpp"

#include <array>

namespace usersyncd {

std::string_view name_of(Verdict verdict) {
  constexpr std::array<std::string_view, 8> names{"apply",   "approval", "denied", "deferred",
                                                  "limited", "paused",   "report", "manual"};
  return names[static_cast<std::size_t>(verdict)];
}

JudgedPlan::JudgedPlan(Plan plan, std::vector<JudgedAction> actions)
    : plan_(std::move(plan)), actions_(std::move(actions)) {}

std::optional<Permit> JudgedPlan::permit(std::size_t index) const {
  const auto& judged = actions_.at(index);
  const auto& action = judged.action;
  if (judged.verdict != Verdict::apply || !plan_.complete) return std::nullopt;
  // Whatever a judge says, these were never meant to be sent.
  if (action.report_only || action.manual_only || !action.must_wait.empty()) return std::nullopt;
  return Permit{action};
}

PlanSummary summarize(const std::vector<const JudgedPlan*>& plans) {
  PlanSummary summary;
  for (const auto* plan : plans) {
    summary.in_sync += plan->plan().in_sync;
    if (plan->plan().unaccepted) ++summary.unaccepted;
    for (const auto& judged : plan->actions()) {
      if (is_held(judged.verdict)) ++summary.held;
      if (judged.verdict == Verdict::report) ++summary.reported;
      if (judged.verdict != Verdict::apply) continue;
      switch (judged.action.operation) {
        case Operation::create:
          ++summary.create;
          break;
        case Operation::update:
          ++summary.update;
          break;
        case Operation::enable:
          ++summary.enable;
          break;
        case Operation::disable:
          ++summary.disable;
          break;
        case Operation::remove:
          ++summary.remove;
          break;
      }
    }
  }
  return summary;
}

}  // namespace usersyncd
