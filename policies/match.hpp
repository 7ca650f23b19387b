#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/rules.hpp"
#include "sync/observed.hpp"
#include "sync/plan.hpp"
#include "sync/user.hpp"

// How a rule finds what it speaks of. Shared by the ways and the judge, so that both mean the same by a
// match.

namespace usersyncd {

/// `maybe`: the roles of the user are not known. A rule that holds takes it for a yes, a rule that lets for a
/// no.
enum class Matched { no, maybe, yes };

/// What a rule is matched against: a user with what is, or may be, done to it.
struct Subject {
  std::vector<std::string> usernames;  ///< before and after
  std::vector<Operation> operations;   ///< the operation, or those that may come of a way
  std::vector<Field> fields;           ///< that change
  StringSet roles;                     ///< role keys, had or to be had
  bool roles_known = true;
  bool own_login = false;
};

/// The rules that speak of one account, with role names as its catalogue knows them.
class AccountRules {
 public:
  struct Entry {
    const Rule* rule;
    StringSet roles;  ///< role keys of `match.roles`
  };

  /// Keeps references to `rules` and `catalog`.
  AccountRules(const RuleSet& rules, const std::string& account, const Catalog& catalog);

  const std::vector<Entry>& entries() const { return entries_; }

  /// By which roles are compared, however they are written: the canonical id where the catalogue knows it.
  std::string role_key(std::string_view role) const;
  StringSet role_keys(const std::vector<std::string>& roles) const;

  /// A user as observed, without any operation or field.
  Subject subject_of(const User& user) const;
  Subject subject_of(const Action& action) const;

  static Matched matches(const Entry& entry, const Subject& subject);

 private:
  std::vector<Entry> entries_;
  const Catalog* catalog_;
};

/// What would come out: `before` with the action's changes over it.
User outcome_of(const Action& action);

}  // namespace usersyncd
