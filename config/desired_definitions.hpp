#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/desired_entries.hpp"
#include "config/problems.hpp"

namespace usersyncd {

/// The role sets and defaults of one account. They are for all of its users, in whichever of its files both
/// stand: how entries are spread over files changes nothing.
class AccountDefinitions {
 public:
  explicit AccountDefinitions(Problems& problems) : problems_(&problems) {}

  /// Adds what one file defines. What was defined before may be said again; to say something else is a
  /// problem that names both places, and so is a default that names a role or an account twice.
  void add(const std::map<std::string, RoleSet>& sets, const DefaultsEntry& defaults);

  /// To be called when all files were added: only then is it known what is a role set.
  void finish();

  /// The grants that `written` stands for, sorted by role, each role once.
  std::vector<RoleGrant> expand(const std::vector<RoleGrant>& written) const;

  const DefaultsEntry& defaults() const { return defaults_; }
  /// What the roles of `defaults()` stand for.
  const std::vector<RoleGrant>& default_roles() const { return default_roles_; }

 private:
  void add_set(const std::string& name, const RoleSet& set);
  void refuse_other_case(const RoleGrant& grant) const;

  Problems* problems_;
  std::map<std::string, RoleSet> sets_;
  std::map<std::string, std::string> names_;  ///< of the sets, by key
  DefaultsEntry defaults_;
  std::vector<RoleGrant> default_roles_;
};

/// A problem for each role or account that one list names again, at its place.
void refuse_repeated(const std::vector<RoleGrant>& roles, Problems& problems);
void refuse_repeated(const std::vector<AccountGrant>& accounts, Problems& problems);

/// Adds a grant; of two for one role the longer one stays.
void add_grant(std::map<std::string, RoleGrant>& grants, const RoleGrant& grant);

}  // namespace usersyncd
