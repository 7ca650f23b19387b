#include <algorithm>
#include <chrono>

#include "policies/bench.hpp"
#include "policies/glob.hpp"

namespace usersyncd {
namespace {

// `count: 0` means none, whatever else is written (A16). The others are never switched off for small accounts
// (A15).
std::size_t allowed_by(const Limit& limit, std::size_t live_users) {
  if (limit.count == 0) return 0;
  std::optional<std::size_t> allowed;
  if (limit.count) allowed = static_cast<std::size_t>(*limit.count);
  if (limit.percent) {
    const auto share = static_cast<std::size_t>(*limit.percent) * live_users / 100;
    allowed = std::min(allowed.value_or(share), share);
  }
  return std::max(allowed.value_or(0), static_cast<std::size_t>(limit.at_least));
}

std::optional<Duration> span_of(Limit::Per per) {
  switch (per) {
    case Limit::Per::run:
      return std::nullopt;
    case Limit::Per::day:
      return std::chrono::hours{24};
    case Limit::Per::week:
      return std::chrono::hours{7 * 24};
  }
  return std::nullopt;
}

// What was done is known by operation and user only, so for a class by field or role every such action
// counts.
bool in_class(const Match& match, const DoneAction& done) {
  const auto& operations = match.operations;
  if (!operations.empty() &&
      std::find(operations.begin(), operations.end(), done.operation) == operations.end())
    return false;
  return match.users.empty() || done.username.empty() || glob_match_any(match.users, done.username);
}

// Times ahead of now, after a clock was put back, count as well.
std::size_t done_in_class(const Rule& rule, Limit::Per per, const JudgeFacts& facts) {
  const auto span = span_of(per);
  if (!span) return 0;
  return static_cast<std::size_t>(std::count_if(
      facts.history.begin(), facts.history.end(),
      [&](const DoneAction& done) { return facts.now < done.time + *span && in_class(rule.match, done); }));
}

std::string allowance(const Limit& limit, std::size_t live_users) {
  std::string text;
  if (limit.count) text += "count " + std::to_string(*limit.count);
  if (limit.percent)
    text += (text.empty() ? "" : ", ") + std::to_string(*limit.percent) + " % of " +
            std::to_string(live_users) + " users";
  if (limit.at_least > 0) text += ", at least " + std::to_string(limit.at_least);
  return text;
}

std::string span_text(Limit::Per per) {
  switch (per) {
    case Limit::Per::run:
      return "per run";
    case Limit::Per::day:
      return "in 24 h";
    case Limit::Per::week:
      return "in 7 d";
  }
  return {};
}

void apply_limit(std::vector<Case>& cases, const AccountRules::Entry& entry, const std::vector<bool>& left,
                 const Plan& plan, const JudgeFacts& facts) {
  const auto& limit = std::get<Limit>(entry.rule->effect);
  std::vector<Case*> counted;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (left[i] && AccountRules::matches(entry, cases[i].subject) != Matched::no)
      counted.push_back(&cases[i]);
  }
  const std::size_t allowed = allowed_by(limit, plan.live_users);
  const std::size_t done = done_in_class(*entry.rule, limit.per, facts);
  if (counted.empty() || counted.size() + done <= allowed) return;
  std::string sentence = "rule " + entry.rule->name + " allows " + std::to_string(allowed) + " " +
                         span_text(limit.per) + " (" + allowance(limit, plan.live_users) +
                         ") and the plan has " + std::to_string(counted.size());
  if (done > 0) sentence += ", after " + std::to_string(done) + " that were done";
  sentence += ": none of them goes";
  for (auto* item : counted) item->holds.push_back({Verdict::limited, entry.rule->name, sentence});
}

}  // namespace

void hold_by_limits(std::vector<Case>& cases, const AccountRules& rules, const Plan& plan,
                    const JudgeFacts& facts) {
  // All limits count the same actions, whatever another limit holds: so their order does not matter.
  std::vector<bool> left;
  for (const auto& item : cases) left.push_back(item.holds.empty() && !item.report);
  for (const auto& entry : rules.entries()) {
    if (std::holds_alternative<Limit>(entry.rule->effect)) apply_limit(cases, entry, left, plan, facts);
  }
}

}  // namespace usersyncd
