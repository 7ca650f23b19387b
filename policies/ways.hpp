#pragma once

#include <string>

#include "policies/match.hpp"
#include "policies/rules.hpp"
#include "sync/observed.hpp"
#include "sync/plan.hpp"

namespace usersyncd {

/// The ways that the rules choose for one account. The most restrictive of the matching rules wins; where no
/// rule chooses, a difference is reported and nothing is done. A rule matched by role, on a user whose roles
/// are not known, can only restrict.
class PolicyWays : public Ways {
 public:
  PolicyWays(RuleSet rules, const std::string& account, Catalog catalog);
  PolicyWays(const PolicyWays&) = delete;
  PolicyWays& operator=(const PolicyWays&) = delete;

  Chosen<DriftWay> drift(const User& observed, Field field) const override;

  /// Where the way is delete and a rule wants the user to have been disabled before, an enabled user is
  /// disabled first.
  Chosen<DeprovisionWay> deprovision(const User& observed) const override;
  Chosen<UnmanagedWay> unmanaged(const User& observed) const override;

 private:
  RuleSet rules_;
  Catalog catalog_;
  AccountRules account_rules_;  ///< refers to both
};

/// Whether the ways allow what an action does, for plans that were made with other rules, or before it was
/// known which roles the user is to have. Empty: they do. Otherwise the rules that say `report` or `ignore`,
/// or a way that is less; a single empty name where no rule chose a way.
std::vector<std::string> ways_against(const AccountRules& rules, const Action& action);

}  // namespace usersyncd
