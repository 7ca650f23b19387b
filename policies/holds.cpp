#include <algorithm>
#include <type_traits>

#include "policies/bench.hpp"
#include "policies/glob.hpp"

namespace usersyncd {
namespace {

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

bool changes_field(const Action& action, Field field) {
  return std::any_of(action.changes.begin(), action.changes.end(),
                     [&](const Change& change) { return change.field == field; });
}

// What of the action the provider cannot do, in words; empty: it can do all of it.
std::string beyond(const Action& action, const Capabilities& can) {
  const auto& immutable = can.immutable;
  for (const auto& change : action.changes) {
    const bool fixed = action.operation != Operation::create &&
                       std::find(immutable.begin(), immutable.end(), change.field) != immutable.end();
    const bool unknown = (change.field == Field::roles && !can.roles) ||
                         (change.field == Field::accounts && !can.accounts) ||
                         (change.field == Field::scope && !can.scopes) ||
                         std::find(can.lacking.begin(), can.lacking.end(), change.field) != can.lacking.end();
    if (fixed || unknown) return "change " + std::string{name_of(change.field)};
  }
  // Who could not be read may have an id.
  const bool nameless =
      action.operation != Operation::create && action.user_id.empty() && action.must_wait.empty();
  if (nameless && std::find(can.by_id.begin(), can.by_id.end(), action.operation) != can.by_id.end())
    return std::string{name_of(action.operation)} + " a user whose id it does not tell";
  switch (action.operation) {
    case Operation::create:
      return can.create ? "" : "create users";
    case Operation::update:
      return can.update ? "" : "update users";
    case Operation::enable:
      return can.disable ? "" : "enable users";
    case Operation::disable:
      return can.disable ? "" : "disable users";
    case Operation::remove:
      return can.remove ? "" : "delete users";
  }
  return "do this";
}

// A create for somebody who is there under another name makes a second account for one person (A48).
const User* same_email(const Action& action, const std::vector<User>& users) {
  if (action.operation != Operation::create) return nullptr;
  const User made = outcome_of(action);
  const auto* email = made.fields.text(Field::email);
  if (!email || email->empty()) return nullptr;
  const auto found = std::find_if(users.begin(), users.end(), [&](const User& user) {
    const auto* other = user.fields.text(Field::email);
    return other && key_of(*other) == key_of(*email);
  });
  return found == users.end() ? nullptr : &*found;
}

void ask_for_approval(Case& item, const std::string& rule, std::string why, const JudgeFacts& facts,
                      bool not_by_author = false) {
  const auto given = facts.approvals.find(item.action->id);
  const bool approved = given != facts.approvals.end() && facts.now < given->second.until;
  const bool own_work = approved && not_by_author && is_same_author(given->second.by, facts.author);
  if (approved && !own_work) {
    item.allowing.push_back(rule);
    return;
  }
  if (own_work)
    why += ", and " + given->second.by + ", who gave it, is who last changed the desired state";
  else if (not_by_author && !facts.author.empty())
    why += ", and not by " + facts.author + ", who last changed the desired state";
  const auto rejected = facts.rejections.find(item.action->id);
  why += rejected == facts.rejections.end() ? "; to release it: usersyncd approve " + item.action->id
                                            : "; rejected by " + rejected->second;
  item.holds.push_back({Verdict::approval, rule, std::move(why), item.action->id});
}

/// Adds what each effect says against the action; effects about ways, lists and whole plans have their say
/// elsewhere.
class Speaker {
 public:
  Speaker(Case& item, const AccountRules& rules, const std::string& name, const JudgeFacts& facts)
      : item_(item), rules_(rules), name_(name), facts_(facts) {}

  void operator()(const Allow&) { item_.allowing.push_back(name_); }
  void operator()(const Deny&) { hold(Verdict::denied, "rule " + name_ + " denies it"); }
  void operator()(const RequireApproval& rule) {
    ask_for_approval(item_, name_, "rule " + name_ + " asks for a person's approval", facts_,
                     rule.not_by_author);
  }
  void operator()(const DisabledFor& rule);
  void operator()(const Window& window);
  void operator()(const Require& require);
  void operator()(const ForbidTogether& forbidden);
  template <class Elsewhere>
  void operator()(const Elsewhere&) {}

 private:
  void hold(Verdict verdict, std::string sentence) {
    item_.holds.push_back({verdict, name_, std::move(sentence)});
  }
  void hold_early(std::string sentence) {
    item_.holds.push_back({Verdict::deferred, name_, std::move(sentence), {}, true});
  }
  bool removes() const {
    return item_.action->operation == Operation::remove || item_.action->operation == Operation::disable;
  }

  Case& item_;
  const AccountRules& rules_;
  const std::string& name_;
  const JudgeFacts& facts_;
};

void Speaker::operator()(const DisabledFor& rule) {
  const Action& action = *item_.action;
  if (action.operation != Operation::remove) return;
  const std::string must = quoted(action.username) + " must have been disabled for " +
                           format_duration(rule.duration) + " before it is deleted (rule " + name_ + ")";
  const auto since = facts_.disabled_since.find(key_of(action.username));
  const auto enabled = action.before.fields.flag(Field::enabled);
  if (enabled == false && since == facts_.disabled_since.end())
    return hold_early(must + " and is not known to be disabled before this poll");
  if (enabled == true || since == facts_.disabled_since.end())
    return hold_early(must + " and is not known to be disabled");
  const Time due = since->second + rule.duration;
  if (facts_.now < due) hold_early(must + ": not before " + format_time(due));
}

void Speaker::operator()(const Window& window) {
  if (is_open(window, facts_.now)) return;
  const auto next = next_opening(window, facts_.now);
  hold(Verdict::deferred,
       "outside the window of rule " + name_ + " (" + show(window) + "); " +
           (next ? "it opens next at " + format_time(*next) : "it does not open in four weeks"));
}

void Speaker::operator()(const Require& require) {
  if (removes()) return;
  const Action& action = *item_.action;
  const User after = outcome_of(action);
  for (const auto& [field, glob] : require.globs) {
    const std::string broken = broken_by(Require{{{field, glob}}}, after);
    const bool missing = action.operation == Operation::create && !after.fields.text(field);
    if (missing)
      hold(Verdict::denied, "rule " + name_ + " requires " + std::string{name_of(field)} + " to be given");
    if (!broken.empty() && changes_field(action, field))
      hold(Verdict::denied, broken + ", as rule " + name_ + " requires");
  }
}

void Speaker::operator()(const ForbidTogether& forbidden) {
  const Action& action = *item_.action;
  if (removes() || !changes_field(action, Field::roles)) return;
  const StringSet after = roles_among(rules_, forbidden, outcome_of(action));
  const StringSet before = roles_among(rules_, forbidden, action.before);
  const bool gives = !std::includes(before.begin(), before.end(), after.begin(), after.end());
  if (after.size() < 2 || !gives) return;
  hold(Verdict::denied, quoted(action.username) + " would have " + show(Value{after}) + ", which rule " +
                            name_ + " forbids together");
}

}  // namespace

void hold_by_facts(Case& item, const Plan& plan, const JudgeFacts& facts) {
  const Action& action = *item.action;
  const auto hold = [&](Verdict verdict, std::string sentence) {
    item.holds.push_back({verdict, "", std::move(sentence)});
  };
  if (plan.unaccepted)
    item.holds.push_back(
        {Verdict::approval, plan.unaccepted->rule, plan.unaccepted->message, plan.unaccepted->id});
  if (action.manual_only) {
    const auto& rules = action.way_rules;
    item.holds.push_back({Verdict::manual, rules.empty() ? "" : rules.front(), action.reason});
  }
  if (const auto what = beyond(action, facts.capabilities); !what.empty())
    hold(Verdict::manual, "the provider cannot " + what + ": a person has to do it by hand");
  if (const auto no = facts.impossible.find(action.operation); no != facts.impossible.end())
    hold(Verdict::manual, no->second + ": a person has to do it by hand");
  if (!action.must_wait.empty()) hold(Verdict::deferred, action.must_wait);
  if (const auto waits = facts.unconfirmed.find(action.id); waits != facts.unconfirmed.end())
    hold(Verdict::deferred, waits->second);
  const auto grave = facts.tombstones.find(key_of(action.username));
  if (action.operation == Operation::create && grave != facts.tombstones.end())
    hold(Verdict::denied,
         quoted(action.username) + " was deleted at " + format_time(grave->second) +
             " and its entry has not changed since; edit the entry to have it created again");
  if (const auto* other = same_email(action, facts.users))
    ask_for_approval(item, "", "its e-mail address belongs to " + quoted(other->username) + " already",
                     facts);
}

void hold_by_rule(Case& item, const AccountRules& rules, const AccountRules::Entry& entry,
                  const JudgeFacts& facts) {
  std::visit(Speaker{item, rules, entry.rule->name, facts}, entry.rule->effect);
}

std::string broken_by(const Require& require, const User& user) {
  for (const auto& [field, glob] : require.globs) {
    const auto* text = user.fields.text(field);
    if (!text) continue;
    const bool fits = field == Field::email ? glob_match_folded(glob, *text) : glob_match(glob, *text);
    if (!fits) return std::string{name_of(field)} + " " + quoted(*text) + " does not fit " + quoted(glob);
  }
  return {};
}

StringSet roles_among(const AccountRules& rules, const ForbidTogether& forbidden, const User& user) {
  const StringSet listed = rules.role_keys(forbidden.roles);
  const StringSet had = rules.subject_of(user).roles;
  StringSet both;
  std::set_intersection(listed.begin(), listed.end(), had.begin(), had.end(), std::back_inserter(both));
  return both;
}

}  // namespace usersyncd
