#include "config/desired_definitions.hpp"

#include <optional>
#include <set>
#include <utility>

#include "sync/plan.hpp"

namespace usersyncd {
namespace {

// What two definitions have to agree in; the order of a list says nothing.
std::map<std::string, std::optional<Time>> content_of(const std::vector<RoleGrant>& roles) {
  std::map<std::string, std::optional<Time>> content;
  for (const RoleGrant& grant : roles) content.emplace(grant.role, grant.until);
  return content;
}

std::set<std::string> content_of(const std::vector<AccountGrant>& accounts) {
  std::set<std::string> content;
  for (const AccountGrant& grant : accounts) content.insert(grant.account);
  return content;
}

std::set<std::string> content_of(const std::vector<Written<std::string>>& roles) {
  std::set<std::string> content;
  for (const auto& role : roles) content.insert(role.value);
  return content;
}

const std::string& content_of(const std::string& text) {
  return text;
}

bool content_of(bool flag) {
  return flag;
}

template <class T>
void refuse_difference(const std::string& what, const Written<T>& first, const Written<T>& second,
                       Problems& problems) {
  if (content_of(first.value) == content_of(second.value)) return;
  problems.add(second.place, what + " is not the same as at " + first.place.text() +
                                 "; it is for all users of the account, in whichever file they stand");
}

/// It may be in another file than the problem.
std::string where_stands(const RoleSet& set) {
  return "the set is at " + set.place.text();
}

const std::string& name_of(const RoleGrant& grant) {
  return grant.role;
}

const std::string& name_of(const AccountGrant& grant) {
  return grant.account;
}

template <class Grant>
void refuse_repetition(const char* what, const std::vector<Grant>& grants, Problems& problems) {
  std::map<std::string, Place> seen;
  for (const Grant& grant : grants) {
    const auto [first, is_new] = seen.emplace(name_of(grant), grant.place);
    if (!is_new)
      problems.add(grant.place, std::string("the ") + what + " `" + name_of(grant) +
                                    "` is written twice; the first is at " + first->second.text());
  }
}

template <class T>
void merge(const char* key, std::optional<Written<T>>& known, const std::optional<Written<T>>& more,
           Problems& problems) {
  if (known && more) refuse_difference(std::string("the default `") + key + "`", *known, *more, problems);
  if (!known) known = more;
}

}  // namespace

void refuse_repeated(const std::vector<RoleGrant>& roles, Problems& problems) {
  refuse_repetition("role", roles, problems);
}

void refuse_repeated(const std::vector<AccountGrant>& accounts, Problems& problems) {
  refuse_repetition("account", accounts, problems);
}

void AccountDefinitions::add(const std::map<std::string, RoleSet>& sets, const DefaultsEntry& defaults) {
  for (const auto& [name, set] : sets) add_set(name, set);
  if (defaults.roles) refuse_repeated(defaults.roles->value, *problems_);
  if (defaults.accounts) refuse_repeated(defaults.accounts->value, *problems_);
  merge("roles", defaults_.roles, defaults.roles, *problems_);
  merge("accounts", defaults_.accounts, defaults.accounts, *problems_);
  merge("scope", defaults_.scope, defaults.scope, *problems_);
  merge("enabled", defaults_.enabled, defaults.enabled, *problems_);
}

void AccountDefinitions::add_set(const std::string& name, const RoleSet& set) {
  if (set.value.empty())
    problems_->add(set.place, "the role set `" + name + "` is empty; a user with it would lose every role");
  const auto [same, is_new_set] = sets_.emplace(name, set);
  if (!is_new_set) return refuse_difference("the role set `" + name + "`", same->second, set, *problems_);
  const auto [other, is_new_name] = names_.emplace(key_of(name), name);
  if (!is_new_name)
    problems_->add(set.place, "the role sets `" + other->second + "` and `" + name +
                                  "` differ in case only; the first is at " +
                                  sets_.at(other->second).place.text());
}

void AccountDefinitions::finish() {
  for (const auto& [name, set] : sets_) {
    for (const auto& role : set.value) {
      const auto inner = sets_.find(role.value);
      if (inner != sets_.end())
        problems_->add(role.place, "`" + role.value + "` is a role set; a role set holds roles only; " +
                                       where_stands(inner->second));
    }
  }
  if (defaults_.roles) default_roles_ = expand(defaults_.roles->value);
}

std::vector<RoleGrant> AccountDefinitions::expand(const std::vector<RoleGrant>& written) const {
  std::map<std::string, RoleGrant> grants;
  for (const RoleGrant& grant : written) {
    const auto set = sets_.find(grant.role);
    if (set == sets_.end()) {
      refuse_other_case(grant);
      add_grant(grants, grant);
      continue;
    }
    for (const auto& role : set->second.value) add_grant(grants, {role.value, grant.until, grant.place});
  }
  std::vector<RoleGrant> result;
  for (auto& [role, grant] : grants) result.push_back(std::move(grant));
  return result;
}

/// Roles are found without regard to case, so this could be meant either way.
void AccountDefinitions::refuse_other_case(const RoleGrant& grant) const {
  const auto name = names_.find(key_of(grant.role));
  if (name != names_.end())
    problems_->add(grant.place, "`" + grant.role + "` differs from the role set `" + name->second +
                                    "` in case only; " + where_stands(sets_.at(name->second)));
}

void add_grant(std::map<std::string, RoleGrant>& grants, const RoleGrant& grant) {
  const auto [existing, is_new] = grants.emplace(grant.role, grant);
  RoleGrant& kept = existing->second;
  if (!is_new && kept.until && (!grant.until || *grant.until > *kept.until)) kept = grant;
}

}  // namespace usersyncd
