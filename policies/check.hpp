#pragma once

#include <string>
#include <vector>

#include "policies/rules.hpp"
#include "sync/capabilities.hpp"
#include "sync/error.hpp"

namespace usersyncd {

/// What is wrong with a rule, an Error of kind desired, and where the rule stands.
struct RuleProblem : Error {
  Place place;
};

/// Rules of the user's that ask for what the provider behind `account` cannot do. What only shows when it is
/// tried becomes a `manual` verdict instead.
std::vector<RuleProblem> check_against_capabilities(const RuleSet& rules, const Capabilities& capabilities,
                                                    const std::string& account);

/// Accounts that rules name and the config does not have: such a rule would protect nothing.
std::vector<RuleProblem> check_against_accounts(const RuleSet& rules,
                                                const std::vector<std::string>& account_ids);

}  // namespace usersyncd
