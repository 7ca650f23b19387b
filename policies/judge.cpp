#include "policies/judge.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

#include "policies/bench.hpp"
#include "policies/ways.hpp"

namespace usersyncd {
namespace {

// What speaks against an action, the most severe first.
constexpr std::array severity{Verdict::denied, Verdict::manual, Verdict::approval, Verdict::deferred,
                              Verdict::limited};

std::string joined(const std::set<std::string>& sentences) {
  std::string text;
  for (const auto& sentence : sentences) text += (text.empty() ? "" : "; ") + sentence;
  return text;
}

Case open_case(const Action& action, const AccountRules& rules, const std::set<std::string>& own_keys) {
  Case item{&action, rules.subject_of(action), {}, {}, {}};
  const auto& names = item.subject.usernames;
  item.subject.own_login =
      !own_keys.empty() && std::any_of(names.begin(), names.end(),
                                       [&](const auto& name) { return own_keys.contains(key_of(name)); });
  if (action.report_only) {
    item.report = action.way_rules;
  } else if (auto against = ways_against(rules, action); !against.empty()) {
    std::erase(against, std::string{});
    item.report = std::move(against);
  }
  return item;
}

JudgedAction judged(const Case& item, Verdict verdict, std::vector<std::string> rules, std::string reason) {
  std::erase(rules, std::string{});
  return {*item.action, verdict, make_set(std::move(rules)), std::move(reason)};
}

// The ids that a person has to approve.
std::vector<std::string> approvals_for(const Case& item) {
  std::vector<std::string> ids;
  for (const auto& hold : item.holds) {
    if (hold.verdict == Verdict::approval) ids.push_back(hold.approval);
  }
  return make_set(std::move(ids));
}

JudgedAction decide_held(const Case& item) {
  const auto holds_with = [&](Verdict verdict) {
    return std::any_of(item.holds.begin(), item.holds.end(),
                       [&](const Hold& hold) { return hold.verdict == verdict; });
  };
  Verdict verdict = *std::find_if(severity.begin(), severity.end(), holds_with);
  const bool early =
      std::any_of(item.holds.begin(), item.holds.end(), [](const Hold& hold) { return hold.early; });
  if (verdict == Verdict::approval && early) verdict = Verdict::deferred;
  std::vector<std::string> rules;
  std::set<std::string> sentences;
  for (const auto& hold : item.holds) {
    // Who is to do it by hand has to know what else the rules ask for.
    if (hold.verdict != verdict && verdict != Verdict::manual) continue;
    rules.push_back(hold.rule);
    sentences.insert(hold.sentence);
  }
  auto held = judged(item, verdict, std::move(rules), joined(sentences));
  if (verdict == Verdict::approval) held.waits_for = approvals_for(item);
  return held;
}

JudgedAction decide(const Case& item, const JudgeFacts& facts) {
  if (item.report) {
    const std::string why =
        item.action->report_only ? item.action->reason : "the rules in force only report it";
    return judged(item, Verdict::report, *item.report, why);
  }
  if (!item.holds.empty()) return decide_held(item);
  auto rules = item.action->way_rules;
  rules.insert(rules.end(), item.allowing.begin(), item.allowing.end());
  if (facts.paused) {
    const std::string why = facts.paused->empty() ? "" : ": " + *facts.paused;
    return judged(item, Verdict::paused, std::move(rules), "writes are paused" + why);
  }
  const auto given = facts.approvals.find(item.action->id);
  if (given != facts.approvals.end() && facts.now < given->second.until) {
    const std::string by = given->second.by.empty() ? "" : " by " + given->second.by;
    return judged(item, Verdict::apply, std::move(rules),
                  "approved" + by + " until " + format_time(given->second.until));
  }
  return judged(item, Verdict::apply, std::move(rules), "no rule holds it");
}

}  // namespace

bool is_same_author(std::string_view approver, std::string_view author) {
  if (approver.empty() || author.empty()) return false;
  const auto mailbox = [](std::string_view name) {
    auto local = name.substr(0, name.find('@'));
    // GitHub's addresses for those who hide theirs: 12345+bob@users.noreply.github.com.
    const auto digits = local.find_first_not_of("0123456789");
    if (digits != 0 && digits != std::string_view::npos && local[digits] == '+')
      local.remove_prefix(digits + 1);
    return key_of(local);
  };
  return mailbox(approver) == mailbox(author);
}

JudgedPlan Judge::judge(Plan plan, const RuleSet& rule_set, const JudgeFacts& facts) {
  const AccountRules rules(rule_set, plan.account, facts.catalog);
  std::set<std::string> own_keys;
  for (const auto& login : facts.own_logins) own_keys.insert(key_of(login));

  std::vector<Case> cases;
  cases.reserve(plan.actions.size());
  for (const auto& action : plan.actions) {
    cases.push_back(open_case(action, rules, own_keys));
    hold_by_facts(cases.back(), plan, facts);
    for (const auto& entry : rules.entries()) {
      if (AccountRules::matches(entry, cases.back().subject) != Matched::no)
        hold_by_rule(cases.back(), rules, entry, facts);
    }
  }
  hold_contradictions(cases);
  for (const auto& entry : rules.entries()) {
    if (std::holds_alternative<Keep>(entry.rule->effect)) hold_keepers(cases, rules, entry, facts);
  }
  hold_by_limits(cases, rules, plan, facts);

  std::vector<JudgedAction> actions;
  actions.reserve(cases.size());
  for (const auto& item : cases) actions.push_back(decide(item, facts));
  if (plan.complete) {
    for (auto& note : find_notes(rule_set, plan.account, facts)) plan.notes.push_back(std::move(note));
    std::sort(plan.notes.begin(), plan.notes.end());
  }
  return JudgedPlan(std::move(plan), std::move(actions));
}

JudgedPlan Judge::nothing_to_do(Plan plan) {
  if (!plan.actions.empty()) throw std::logic_error("a plan with actions was passed for one without");
  return JudgedPlan{std::move(plan), {}};
}

}  // namespace usersyncd
