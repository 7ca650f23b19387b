#include "policies/rules.hpp"

#include <algorithm>

#include "policies/read.hpp"

namespace usersyncd {
namespace {

std::vector<Rule> sorted(std::vector<Rule> rules) {
  const auto by_name = [](const Rule& left, const Rule& right) { return left.name < right.name; };
  const auto same_name = [](const Rule& left, const Rule& right) { return left.name == right.name; };
  std::stable_sort(rules.begin(), rules.end(), by_name);
  rules.erase(std::unique(rules.begin(), rules.end(), same_name), rules.end());
  return rules;
}

}  // namespace

const RuleSet& RuleSet::built_in() {
  static const RuleSet rules = only(read_default_rules());
  return rules;
}

RuleSet RuleSet::with_built_in(std::vector<Rule> rules) {
  std::erase_if(rules, [](const Rule& rule) { return rule.name == own_user_rule; });
  const auto& defaults = built_in().rules();
  rules.insert(rules.end(), defaults.begin(), defaults.end());
  return only(std::move(rules));
}

RuleSet RuleSet::only(std::vector<Rule> rules) {
  RuleSet set;
  set.rules_ = sorted(std::move(rules));
  return set;
}

bool concerns_account(const Match& match, const std::string& account) {
  const auto& accounts = match.accounts;
  return accounts.empty() || std::find(accounts.begin(), accounts.end(), account) != accounts.end();
}

std::optional<ShrinkRule> shrink_rule(const RuleSet& rules, const std::string& account) {
  std::optional<ShrinkRule> strictest;
  for (const auto& rule : rules.rules()) {
    const auto* shrink = std::get_if<Shrink>(&rule.effect);
    if (!shrink || !concerns_account(rule.match, account)) continue;
    const auto at_least = static_cast<std::size_t>(shrink->at_least);
    if (!strictest) {
      strictest = ShrinkRule{{shrink->percent, at_least}, shrink->confirm_after, {rule.name}};
      continue;
    }
    auto& [limit, confirm_after, names] = *strictest;
    limit.percent = std::min(limit.percent, shrink->percent);
    limit.at_least = std::min(limit.at_least, at_least);
    // To wait for a person is stricter than any number of polls.
    confirm_after = confirm_after && shrink->confirm_after
                        ? std::optional{std::max(*confirm_after, *shrink->confirm_after)}
                        : std::nullopt;
    names.push_back(rule.name);
  }
  return strictest;
}

}  // namespace usersyncd
