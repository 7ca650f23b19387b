#include "policies/check.hpp"

#include <algorithm>

#include "config/nearest.hpp"

namespace usersyncd {
namespace {

RuleProblem problem(const Rule& rule, const std::string& message) {
  return {{ErrorKind::desired, "rule " + rule.name + " " + message, rule.place.text()}, rule.place};
}

// What a rule needs that the provider cannot do, in words; empty: nothing.
std::string lacking(const Rule& rule, const Capabilities& can) {
  const auto* deprovision = std::get_if<DeprovisionWay>(&rule.effect);
  const auto* unmanaged = std::get_if<UnmanagedWay>(&rule.effect);
  const auto* keep = std::get_if<Keep>(&rule.effect);
  const bool by_role = !rule.match.roles.empty() || (keep && keep->role) ||
                       std::holds_alternative<ForbidTogether>(rule.effect);
  if (deprovision && *deprovision == DeprovisionWay::remove && !can.remove)
    return "deprovisions by delete, but the provider cannot delete users; use disable or report";
  if (deprovision && *deprovision == DeprovisionWay::disable && !can.disable)
    return "deprovisions by disable, but the provider cannot disable users; use delete or report";
  if (unmanaged && *unmanaged == UnmanagedWay::deprovision && !can.disable && !can.remove)
    return "deprovisions unmanaged users, but the provider can neither disable nor delete users; use report";
  if (std::holds_alternative<DisabledFor>(rule.effect) && !can.disable)
    return "waits for users to have been disabled, but the provider cannot disable users";
  if (keep && keep->scope && !can.scopes) return "keeps a scope, but the provider has no scopes";
  if (by_role && !can.roles) return "names roles, but the provider has no roles";
  return {};
}

}  // namespace

std::vector<RuleProblem> check_against_capabilities(const RuleSet& rules, const Capabilities& capabilities,
                                                    const std::string& account) {
  std::vector<RuleProblem> errors;
  for (const auto& rule : rules.rules()) {
    if (rule.built_in || !concerns_account(rule.match, account)) continue;
    const auto message = lacking(rule, capabilities);
    if (!message.empty()) errors.push_back(problem(rule, message + " (account " + account + ")"));
  }
  return errors;
}

std::vector<RuleProblem> check_against_accounts(const RuleSet& rules,
                                                const std::vector<std::string>& account_ids) {
  std::vector<RuleProblem> errors;
  for (const auto& rule : rules.rules()) {
    for (const auto& account : rule.match.accounts) {
      if (std::find(account_ids.begin(), account_ids.end(), account) != account_ids.end()) continue;
      errors.push_back(problem(rule, "names the account " + account + ", which is not in the config; " +
                                         suggestion(account, account_ids)));
    }
  }
  return errors;
}

}  // namespace usersyncd
