#pragma once

#include <string>
#include <vector>

#include "policies/rules.hpp"
#include "sync/capabilities.hpp"
#include "sync/error.hpp"

namespace usersyncd {

/// Rules of the user's that ask for what the provider behind `account` cannot do, each as an Error of kind
/// desired with the rule's place. What only shows when it is tried becomes a `manual` verdict instead.
std::vector<Error> check_against_capabilities(const RuleSet& rules, const Capabilities& capabilities,
                                              const std::string& account);

/// Accounts that rules name and the config does not have: such a rule would protect nothing.
std::vector<Error> check_against_accounts(const RuleSet& rules, const std::vector<std::string>& account_ids);

}  // namespace usersyncd
