#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policies/judge.hpp"
#include "policies/match.hpp"

// The judge's own parts: each says what speaks against actions, none decides. Included by this folder only.

namespace usersyncd {

/// One thing that speaks against an action.
struct Hold {
  Verdict verdict;
  std::string rule;  ///< empty: no rule but a fact, as that the provider cannot do it
  std::string sentence;
  std::string approval = {};  ///< for a verdict of `approval`: the id that a person has to approve
  bool early = false;         ///< the action is not due at all yet, so that nobody need be asked for it
};

/// An action before the judge.
struct Case {
  const Action* action;
  Subject subject;
  std::vector<Hold> holds;
  std::vector<std::string> allowing;  ///< rules that let it: `allow`, or an approval that was given
  std::optional<std::vector<std::string>> report;  ///< set: nobody wants it done, by these rules
};

/// Holds of one action by what is known of it: waits, abilities of the provider, tombstones, confirmations,
/// and what of the whole plan a person has to accept first.
void hold_by_facts(Case& item, const Plan& plan, const JudgeFacts& facts);

/// Holds of one action by one rule whose match fits.
void hold_by_rule(Case& item, const AccountRules& rules, const AccountRules::Entry& entry,
                  const JudgeFacts& facts);

/// Denies steps on one user that contradict each other (A25), and steps on one user under two names (A49).
void hold_contradictions(std::vector<Case>& cases);

/// Denies what would leave too few users with a role or scope. All planned removals count together, also
/// those that are held for another reason: so a new rule that holds one of them never lets another go.
void hold_keepers(std::vector<Case>& cases, const AccountRules& rules, const AccountRules::Entry& entry,
                  const JudgeFacts& facts);

/// How many enabled users certainly have the role or scope of a `keep` rule.
std::size_t count_keepers(const AccountRules& rules, const AccountRules::Entry& entry,
                          const JudgeFacts& facts);

/// Holds the class of every limit that is exceeded by what is left.
void hold_by_limits(std::vector<Case>& cases, const AccountRules& rules, const Plan& plan,
                    const JudgeFacts& facts);

/// What of `require` the user breaks, in words; empty: nothing.
std::string broken_by(const Require& require, const User& user);

/// Which roles of `forbidden` the user has.
StringSet roles_among(const AccountRules& rules, const ForbidTogether& forbidden, const User& user);

}  // namespace usersyncd
