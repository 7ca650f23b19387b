#include "policies/ways.hpp"

#include <algorithm>
#include <utility>

namespace usersyncd {
namespace {

// What is done where no rule chooses.
template <class Way>
constexpr Way unchosen = Way::report;

template <class Way>
Chosen<Way> choose(const AccountRules& rules, const Subject& subject) {
  std::optional<Way> certain;
  std::optional<Way> possible;
  std::vector<std::pair<Way, std::string>> speaking;
  for (const auto& entry : rules.entries()) {
    const auto* way = std::get_if<Way>(&entry.rule->effect);
    const Matched matched = way ? AccountRules::matches(entry, subject) : Matched::no;
    if (matched == Matched::no) continue;
    auto& strictest = matched == Matched::yes ? certain : possible;
    strictest = std::max(strictest.value_or(*way), *way);
    speaking.emplace_back(*way, entry.rule->name);
  }
  Chosen<Way> chosen{certain.value_or(unchosen<Way>), {}};
  if (possible) chosen.way = std::max(chosen.way, *possible);
  for (auto& [way, name] : speaking) {
    if (way == chosen.way) chosen.rules.push_back(std::move(name));
  }
  return chosen;
}

std::vector<Operation> operations_on(const User& user, Field field) {
  if (field != Field::enabled) return {Operation::update};
  const auto enabled = user.fields.flag(Field::enabled);
  if (!enabled) return {Operation::enable, Operation::disable};
  return {*enabled ? Operation::disable : Operation::enable};
}

Chosen<DriftWay> drift_way(const AccountRules& rules, Subject subject, const User& user, Field field) {
  subject.operations = operations_on(user, field);
  subject.fields = {field};
  return choose<DriftWay>(rules, subject);
}

template <class Way>
Chosen<Way> leaving_way(const AccountRules& rules, Subject subject) {
  subject.operations = {Operation::disable, Operation::remove};
  subject.fields = {Field::enabled};
  return choose<Way>(rules, subject);
}

// The names of rules that want a user to have been disabled for a time before it is deleted.
std::vector<std::string> disable_first(const AccountRules& rules, Subject subject) {
  subject.operations = {Operation::remove};
  subject.fields = {};
  std::vector<std::string> names;
  for (const auto& entry : rules.entries()) {
    if (!std::holds_alternative<DisabledFor>(entry.rule->effect)) continue;
    if (AccountRules::matches(entry, subject) != Matched::no) names.push_back(entry.rule->name);
  }
  return names;
}

template <class Way>
void object(const Chosen<Way>& chosen, Way most, std::vector<std::string>& against) {
  if (chosen.way <= most) return;
  against.insert(against.end(), chosen.rules.begin(), chosen.rules.end());
  if (chosen.rules.empty()) against.emplace_back();
}

}  // namespace

PolicyWays::PolicyWays(RuleSet rules, const std::string& account, Catalog catalog)
    : rules_(std::move(rules)), catalog_(std::move(catalog)), account_rules_(rules_, account, catalog_) {}

Chosen<DriftWay> PolicyWays::drift(const User& observed, Field field) const {
  return drift_way(account_rules_, account_rules_.subject_of(observed), observed, field);
}

Chosen<DeprovisionWay> PolicyWays::deprovision(const User& observed) const {
  const Subject subject = account_rules_.subject_of(observed);
  auto chosen = leaving_way<DeprovisionWay>(account_rules_, subject);
  if (chosen.way != DeprovisionWay::remove || observed.fields.flag(Field::enabled) == false) return chosen;
  const auto first = disable_first(account_rules_, subject);
  if (first.empty()) return chosen;
  chosen.way = DeprovisionWay::disable;
  chosen.rules.insert(chosen.rules.end(), first.begin(), first.end());
  chosen.rules = make_set(std::move(chosen.rules));
  return chosen;
}

Chosen<UnmanagedWay> PolicyWays::unmanaged(const User& observed) const {
  return leaving_way<UnmanagedWay>(account_rules_, account_rules_.subject_of(observed));
}

std::vector<std::string> ways_against(const AccountRules& rules, const Action& action) {
  std::vector<std::string> against;
  const Subject subject = rules.subject_of(action);
  const bool leaving = action.operation == Operation::disable || action.operation == Operation::remove;
  const bool drifting = action.cause == Cause::desired && action.operation != Operation::create;
  if (leaving) {
    const auto way = leaving_way<DeprovisionWay>(rules, subject);
    const bool remove = action.operation == Operation::remove;
    // `enabled: false` in the desired state is drift; still, `deprovision: report` means that nobody is
    // disabled.
    if (!drifting || !way.rules.empty())
      object(way, remove ? DeprovisionWay::remove : DeprovisionWay::disable, against);
  }
  if (action.cause == Cause::unmanaged)
    object(leaving_way<UnmanagedWay>(rules, subject), UnmanagedWay::deprovision, against);
  if (drifting) {
    for (const auto& change : action.changes)
      object(drift_way(rules, subject, action.before, change.field), DriftWay::enforce, against);
  }
  return make_set(std::move(against));
}

}  // namespace usersyncd
