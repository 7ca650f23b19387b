#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "policies/bench.hpp"

namespace usersyncd {
namespace {

Matched has_what_is_kept(const AccountRules& rules, const Keep& keep, const User& user) {
  if (keep.scope) {
    const auto* scope = user.fields.text(Field::scope);
    if (!scope) return Matched::maybe;
    return key_of(*scope) == key_of(*keep.scope) ? Matched::yes : Matched::no;
  }
  const Subject subject = rules.subject_of(user);
  if (!subject.roles_known) return Matched::maybe;
  const auto key = rules.role_key(*keep.role);
  return std::binary_search(subject.roles.begin(), subject.roles.end(), key) ? Matched::yes : Matched::no;
}

// Whether a user counts: enabled, with the role or scope, and one that the rule's match speaks of.
Matched keeps(const AccountRules& rules, const AccountRules::Entry& entry, const User& user,
              const Capabilities& can) {
  if (AccountRules::matches(entry, rules.subject_of(user)) == Matched::no) return Matched::no;
  const Matched has = has_what_is_kept(rules, std::get<Keep>(entry.rule->effect), user);
  const auto enabled = user.fields.flag(Field::enabled);
  if (enabled == false) return Matched::no;
  // Where nobody can be disabled, everybody is enabled.
  if (!enabled && can.disable) return std::min(has, Matched::maybe);
  return has;
}

bool takes_away(const AccountRules& rules, const AccountRules::Entry& entry, const Action& action,
                const Capabilities& can) {
  if (action.operation == Operation::create || action.report_only) return false;
  const Matched before = keeps(rules, entry, action.before, can);
  User after = outcome_of(action);
  if (action.operation == Operation::disable || action.operation == Operation::remove)
    after.fields.set(Field::enabled, false);
  return keeps(rules, entry, after, can) < before;
}

// `last-admin` is in force only where there are scopes.
bool speaks(const AccountRules::Entry& entry, const Capabilities& can) {
  const auto& keep = std::get<Keep>(entry.rule->effect);
  return !keep.scope || can.scopes;
}

std::set<std::string> certain_keepers(const AccountRules& rules, const AccountRules::Entry& entry,
                                      const JudgeFacts& facts) {
  std::set<std::string> keys;
  for (const auto& user : facts.users) {
    if (keeps(rules, entry, user, facts.capabilities) == Matched::yes) keys.insert(key_of(user.username));
  }
  return keys;
}

bool contradict(const Action& left, const Action& right) {
  const auto whole = [](Operation operation) {
    return operation == Operation::create || operation == Operation::remove;
  };
  const auto switches = [](Operation operation) {
    return operation == Operation::enable || operation == Operation::disable;
  };
  return left.operation == right.operation || whole(left.operation) || whole(right.operation) ||
         (switches(left.operation) && switches(right.operation));
}

}  // namespace

std::size_t count_keepers(const AccountRules& rules, const AccountRules::Entry& entry,
                          const JudgeFacts& facts) {
  return certain_keepers(rules, entry, facts).size();
}

void hold_keepers(std::vector<Case>& cases, const AccountRules& rules, const AccountRules::Entry& entry,
                  const JudgeFacts& facts) {
  if (!speaks(entry, facts.capabilities)) return;
  const auto& keep = std::get<Keep>(entry.rule->effect);
  std::vector<Case*> removing;
  for (auto& item : cases) {
    if (takes_away(rules, entry, *item.action, facts.capabilities)) removing.push_back(&item);
  }
  auto remaining = certain_keepers(rules, entry, facts);
  const std::size_t before = remaining.size();
  for (const auto* item : removing) remaining.erase(key_of(item->action->before.username));
  if (remaining.size() >= static_cast<std::size_t>(keep.at_least)) return;
  const std::string what = keep.scope ? "scope " + *keep.scope : "role " + *keep.role;
  const std::string sentence = "rule " + entry.rule->name + " keeps at least " +
                               std::to_string(keep.at_least) + " enabled users with " + what +
                               "; there are " + std::to_string(before) + " and the plan would leave " +
                               std::to_string(remaining.size());
  for (auto* item : removing) item->holds.push_back({Verdict::denied, entry.rule->name, sentence});
}

void hold_contradictions(std::vector<Case>& cases) {
  std::map<std::string, std::vector<Case*>> by_name;
  std::map<std::string, std::vector<Case*>> by_id;
  for (auto& item : cases) {
    const Action& action = *item.action;
    if (action.report_only || action.manual_only) continue;
    by_name[key_of(action.username)].push_back(&item);
    if (!action.user_id.empty()) by_id[action.user_id].push_back(&item);
  }
  const auto deny = [](const std::vector<Case*>& group, const std::string& sentence, auto&& clash) {
    std::set<Case*> clashing;
    for (auto* left : group) {
      for (auto* right : group) {
        if (left != right && clash(*left->action, *right->action)) clashing.insert(left);
      }
    }
    for (auto* item : clashing) item->holds.push_back({Verdict::denied, "", sentence});
  };
  for (const auto& [name, group] : by_name)
    deny(group, "the plan holds steps on this user that contradict each other", contradict);
  for (const auto& [id, group] : by_id) {
    deny(group, "two entries stand for one and the same user", [](const Action& left, const Action& right) {
      return key_of(left.username) != key_of(right.username);
    });
  }
}

}  // namespace usersyncd
