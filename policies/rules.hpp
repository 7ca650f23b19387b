#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "policies/window.hpp"
#include "sync/believe.hpp"
#include "sync/desired.hpp"
#include "sync/error.hpp"
#include "sync/plan.hpp"

// What policy files say, as values. Nothing here decides anything; see judge.hpp and ways.hpp.

namespace usersyncd {

/// What a rule speaks of. Everything that is given must match; what is empty matches all.
struct Match {
  std::vector<std::string> accounts;
  std::vector<std::string> users;  ///< globs, without regard to case
  std::vector<Operation> operations;
  std::vector<Field> fields;       ///< an action that changes one of them
  std::vector<std::string> roles;  ///< names or ids: given, taken, had or to be had
  bool own_login = false;          ///< only the daemon's own login; of the built-in rule `own-user` alone
};

struct Allow {};
struct Deny {};

/// A person has to release the action.
struct RequireApproval {
  bool not_by_author = false;  ///< and not who last changed the desired state, where that is known
};

/// A user is deleted only after having been disabled for so long.
struct DisabledFor {
  Duration duration{};
};

/// How many actions of the class that the rule matches may be done.
struct Limit {
  enum class Per { run, day, week };  ///< `day` and `week` are the last 24 hours and seven days, rolling
  std::optional<int> count;
  std::optional<int> percent;  ///< of the account's live users, rounded down
  int at_least = 0;
  Per per = Per::run;
};

/// How much a list may shrink before nobody believes it.
struct Shrink {
  int percent = 0;
  int at_least = 0;
  std::optional<int> confirm_after;  ///< further polls that see the same; unset: a person must accept it
};

/// So many enabled users keep a role or a scope; exactly one of the two is given.
struct Keep {
  std::optional<std::string> role;
  std::optional<std::string> scope;
  int at_least = 1;
};

/// Text fields and the globs that they must fit; e-mail addresses without regard to case.
struct Require {
  std::map<Field, std::string> globs;
};

/// Nobody has more than one of these roles.
struct ForbidTogether {
  std::vector<std::string> roles;
};

using Effect = std::variant<Allow, Deny, RequireApproval, DriftWay, DeprovisionWay, UnmanagedWay, DisabledFor,
                            Window, Limit, Shrink, Keep, Require, ForbidTogether>;

struct Rule {
  std::string name;
  Match match;
  Effect effect;
  Place place;
  bool built_in = false;
};

/// The rule that nobody can replace: the daemon never changes the login it works with.
inline constexpr std::string_view own_user_rule = "own-user";

/// Rules in force, sorted by name, each name once. The order in which they were written is gone.
class RuleSet {
 public:
  /// No rules at all. What is in force in the program always comes from read_policies.
  RuleSet() = default;

  /// The rules of `policies/default.yaml`.
  static const RuleSet& built_in();

  /// `rules` over the built-in ones: the same name replaces. Names must be unique and not `own-user`; the
  /// reader checks both with their places, and here a repeated name keeps the first.
  static RuleSet with_built_in(std::vector<Rule> rules);

  /// Exactly these rules, for tests and tools that must not depend on the built-in ones.
  static RuleSet only(std::vector<Rule> rules);

  const std::vector<Rule>& rules() const { return rules_; }

 private:
  std::vector<Rule> rules_;
};

/// The shrink limit for an account's list, if any: of several rules the strictest of each number.
struct ShrinkRule {
  ShrinkLimit limit;
  std::optional<int> confirm_after;  ///< unset: only a person's approval helps
  std::vector<std::string> rules;    ///< names, sorted
};
std::optional<ShrinkRule> shrink_rule(const RuleSet& rules, const std::string& account);

/// Whether `match` speaks of the account at all.
bool concerns_account(const Match& match, const std::string& account);

}  // namespace usersyncd
