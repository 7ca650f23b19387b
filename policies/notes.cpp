#include <algorithm>
#include <tuple>

#include "policies/bench.hpp"

namespace usersyncd {
namespace {

/// Collects what one rule has to say of the users as they are.
class NoteTaker {
 public:
  NoteTaker(const AccountRules& rules, const JudgeFacts& facts, std::vector<Note>& notes)
      : rules_(rules), facts_(facts), notes_(notes) {}

  void look_at(const AccountRules::Entry& entry) {
    note_unknown_roles(*entry.rule);
    note_unknown_author(*entry.rule);
    if (std::holds_alternative<Keep>(entry.rule->effect)) note_keepers(entry);
    const bool speaks_of_users = std::holds_alternative<Require>(entry.rule->effect) ||
                                 std::holds_alternative<ForbidTogether>(entry.rule->effect);
    if (!speaks_of_users) return;
    // A rule about operations or fields speaks of actions, not of users as they are.
    if (!entry.rule->match.operations.empty() || !entry.rule->match.fields.empty()) return;
    for (const auto& user : facts_.users) {
      if (AccountRules::matches(entry, rules_.subject_of(user)) != Matched::no) note_user(*entry.rule, user);
    }
  }

 private:
  void note_unknown_roles(const Rule& rule) {
    if (!facts_.catalog.roles) return;
    auto named = rule.match.roles;
    if (const auto* keep = std::get_if<Keep>(&rule.effect); keep && keep->role) named.push_back(*keep->role);
    if (const auto* forbidden = std::get_if<ForbidTogether>(&rule.effect))
      named.insert(named.end(), forbidden->roles.begin(), forbidden->roles.end());
    for (const auto& role : named) {
      if (facts_.catalog.role_id(role)) continue;
      notes_.push_back({rule.name, "",
                        "the role " + role + " is not known in this account (" + rule.place.text() +
                            "), so the rule does not see it"});
    }
  }

  void note_unknown_author(const Rule& rule) {
    const auto* approval = std::get_if<RequireApproval>(&rule.effect);
    if (!approval || !approval->not_by_author || !facts_.author.empty()) return;
    notes_.push_back({rule.name, "",
                      "who last changed the desired state is not known, so anybody's approval counts; name a "
                      "file that says it under `desired.author` in the config"});
  }

  void note_keepers(const AccountRules::Entry& entry) {
    const auto& keep = std::get<Keep>(entry.rule->effect);
    const std::size_t there = count_keepers(rules_, entry, facts_);
    if ((keep.scope && !facts_.capabilities.scopes) || there >= static_cast<std::size_t>(keep.at_least))
      return;
    notes_.push_back({entry.rule->name, "",
                      "there are " + std::to_string(there) + " enabled users with " +
                          (keep.scope ? "scope " + *keep.scope : "role " + *keep.role) + ", fewer than " +
                          std::to_string(keep.at_least)});
  }

  void note_user(const Rule& rule, const User& user) {
    if (const auto* require = std::get_if<Require>(&rule.effect)) {
      const auto broken = broken_by(*require, user);
      if (!broken.empty()) notes_.push_back({rule.name, user.username, broken});
    }
    if (const auto* forbidden = std::get_if<ForbidTogether>(&rule.effect)) {
      const auto both = roles_among(rules_, *forbidden, user);
      if (both.size() > 1)
        notes_.push_back({rule.name, user.username, "has " + show(Value{both}) + " together"});
    }
  }

  const AccountRules& rules_;
  const JudgeFacts& facts_;
  std::vector<Note>& notes_;
};

}  // namespace

std::vector<Note> find_notes(const RuleSet& rule_set, const std::string& account, const JudgeFacts& facts) {
  const AccountRules rules(rule_set, account, facts.catalog);
  std::vector<Note> notes;
  NoteTaker taker(rules, facts, notes);
  for (const auto& entry : rules.entries()) taker.look_at(entry);
  std::sort(notes.begin(), notes.end(), [](const Note& left, const Note& right) {
    return std::tie(left.rule, left.username, left.message) <
           std::tie(right.rule, right.username, right.message);
  });
  return notes;
}

}  // namespace usersyncd
