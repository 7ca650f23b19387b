#include "policies/match.hpp"

#include <algorithm>

#include "policies/glob.hpp"

namespace usersyncd {
namespace {

template <class T>
bool share_any(const std::vector<T>& left, const std::vector<T>& right) {
  return std::find_first_of(left.begin(), left.end(), right.begin(), right.end()) != left.end();
}

bool any_fits(const std::vector<std::string>& globs, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return glob_match_any(globs, name); });
}

void add_roles(const AccountRules& rules, const std::optional<Value>& value, StringSet& to) {
  const auto* roles = value ? std::get_if<StringSet>(&*value) : nullptr;
  if (!roles) return;
  for (const auto& role : *roles) to.push_back(rules.role_key(role));
}

}  // namespace

AccountRules::AccountRules(const RuleSet& rules, const std::string& account, const Catalog& catalog)
    : catalog_(&catalog) {
  for (const auto& rule : rules.rules()) {
    if (concerns_account(rule.match, account)) entries_.push_back({&rule, role_keys(rule.match.roles)});
  }
}

std::string AccountRules::role_key(std::string_view role) const {
  const auto id = catalog_->role_id(role);
  return key_of(id ? *id : role);
}

StringSet AccountRules::role_keys(const std::vector<std::string>& roles) const {
  std::vector<std::string> keys;
  for (const auto& role : roles) keys.push_back(role_key(role));
  return make_set(std::move(keys));
}

Subject AccountRules::subject_of(const User& user) const {
  Subject subject;
  subject.usernames.push_back(user.username);
  subject.roles_known = user.fields.set_of(Field::roles) != nullptr;
  add_roles(*this, user.fields.get(Field::roles), subject.roles);
  subject.roles = make_set(std::move(subject.roles));
  return subject;
}

Subject AccountRules::subject_of(const Action& action) const {
  Subject subject = subject_of(action.before);
  subject.usernames = {action.username, action.before.username, action.after.username};
  std::erase(subject.usernames, std::string{});
  subject.operations.push_back(action.operation);
  // A new user had no roles; of any other, roles that were not read are unknown and not none.
  if (action.operation == Operation::create) subject.roles_known = true;
  for (const auto& change : action.changes) {
    subject.fields.push_back(change.field);
    if (change.field != Field::roles) continue;
    add_roles(*this, change.from, subject.roles);
    add_roles(*this, change.to, subject.roles);
  }
  if (action.operation == Operation::enable || action.operation == Operation::disable)
    subject.fields.push_back(Field::enabled);
  subject.roles = make_set(std::move(subject.roles));
  return subject;
}

Matched AccountRules::matches(const Entry& entry, const Subject& subject) {
  const Match& match = entry.rule->match;
  if (match.own_login && !subject.own_login) return Matched::no;
  if (!match.users.empty() && !any_fits(match.users, subject.usernames)) return Matched::no;
  if (!match.operations.empty() && !share_any(match.operations, subject.operations)) return Matched::no;
  if (!match.fields.empty() && !share_any(match.fields, subject.fields)) return Matched::no;
  if (entry.roles.empty() || share_any(entry.roles, subject.roles)) return Matched::yes;
  return subject.roles_known ? Matched::no : Matched::maybe;
}

User outcome_of(const Action& action) {
  User user = action.before;
  if (user.username.empty()) user.username = action.username;
  for (const auto& change : action.changes) {
    if (change.to) user.fields.set(change.field, *change.to);
  }
  return user;
}

}  // namespace usersyncd
