#include <algorithm>
#include <boost/json/serialize.hpp>

#include "simulate/performance.hpp"

// How a performance is judged once it is over: by the provider's own truth and by what the audit log holds.

namespace usersyncd::simulate {
namespace {

constexpr int overrides_until_left_alone = 3;  // contract, section 6.3

std::string joined(const sim::StringSet& words) {
  std::string text;
  for (const auto& word : words) text += word + ",";
  return text;
}

FieldTexts fields_of(const sim::User& user) {
  return {{"firstName", user.first_name},
          {"lastName", user.last_name},
          {"email", user.email},
          {"phone", user.phone},
          {"scope", user.scope},
          {"enabled", user.enabled ? "on" : "off"},
          {"roles", joined(user.roles)},
          {"accounts", joined(user.accounts)},
          {"jobTitle", boost::json::serialize(user.extra)}};
}

sim::StringSet ids_of(const std::vector<std::string>& roles, const sim::World& world) {
  sim::StringSet ids;
  for (const auto& name : roles) {
    const auto* role = world.find_role(name);
    ids.insert(role ? role->id : name);
  }
  return ids;
}

// What stands behind `"name":"` in a record of the audit log; its first such member.
std::string member(const std::string& line, const std::string& name) {
  const auto mark = "\"" + name + "\":\"";
  const auto start = line.find(mark);
  if (start == std::string::npos) return {};
  const auto end = line.find('"', start + mark.size());
  return line.substr(start + mark.size(), end - start - mark.size());
}

// Slashes may be escaped in JSON.
std::string unescaped(std::string text) {
  std::erase(text, '\\');
  return text;
}

}  // namespace

bool Performance::waits_for_a_person() {
  const auto approvals = process_->store().list_approvals(account_id);
  return std::any_of(approvals.begin(), approvals.end(),
                     [](const Approval& one) { return one.state == Approval::State::waiting; });
}

bool Performance::is_held(const std::string& key) const {
  const auto& look = process_->look();
  if (!look.judged) return false;
  return std::any_of(look.judged->actions().begin(), look.judged->actions().end(),
                     [&](const JudgedAction& judged) {
                       return key_of(judged.action.username) == key && judged.verdict != Verdict::apply &&
                              !judged.reason.empty();
                     });
}

// Only what there was reason to leave: on the program's word alone nothing is excused.
std::set<std::pair<std::string, std::string>> Performance::left_alone() const {
  std::set<std::pair<std::string, std::string>> fields;
  for (const auto& [place, why] : process_->look().observed.memory.overridden) {
    const auto cut = place.find('\n');
    const auto key = place.substr(0, cut);
    const auto field = place.substr(cut + 1);
    if (witness_.changes_outside(key, field) >= overrides_until_left_alone) fields.emplace(key, field);
  }
  return fields;
}

void Performance::judge_end(Ending& ending) {
  for (const auto& [key, user] : portal_.truth().users()) ending.users[key] = fields_of(user);
  if (!process_) return witness_.complain("the daemon does not run in the end");
  const bool shrunken = !process_->look().observed.shrink_id.empty();
  ending.held = shrunken && !story_.regime.approves && waits_for_a_person();
  if (!ending.held && !process_->settled()) {
    std::string why = process_->broken();
    for (const auto& problem : process_->look().problems) why += "; " + problem.text();
    for (const auto& reason : process_->look().observed.observation.reasons) why += "; " + reason;
    if (process_->look().judged) {
      for (const auto& judged : process_->look().judged->actions()) {
        why += "; " + std::string{name_of(judged.action.operation)} + " " + judged.action.username + ": " +
               std::string{name_of(judged.verdict)} + " " + judged.reason;
      }
    }
    return witness_.complain("not settled: " + why);
  }
  if (!ending.held) judge_users();
  ending.left_alone = left_alone();
  for (const auto& judged :
       process_->look().judged ? process_->look().judged->actions() : std::vector<JudgedAction>{}) {
    if (judged.reason.empty()) witness_.complain(judged.action.username + " is held without a reason");
    if (judged.verdict == Verdict::limited || judged.verdict == Verdict::approval) ending.held = true;
  }
  judge_audit();
}

void Performance::judge_users() {
  for (const auto& entry : story_.file_at(Duration::max()).entries) {
    if (!is_held(key_of(entry.username)) && !is_held(key_of(entry.previously))) judge_user(entry);
  }
}

void Performance::judge_user(const Entry& entry) {
  const auto* user = portal_.truth().find(entry.username);
  const auto wrong = [&](const std::string& what) {
    witness_.complain(entry.username + " is not as wanted, and nothing says why: " + what);
  };
  if (entry.absent) {
    if (user && user->enabled) wrong("still enabled");
    if (user && story_.regime.deletes) wrong("still there");
    return;
  }
  if (!user) return wrong("not there");
  if (user->first_name != entry.first_name || user->last_name != entry.last_name) wrong("name");
  if (key_of(user->email) != key_of(entry.email)) wrong("email");
  if (entry.phone && user->phone != *entry.phone) wrong("phone");
  if (entry.enabled && user->enabled != *entry.enabled) wrong("enabled");
  if (entry.roles && user->roles != ids_of(*entry.roles, portal_.truth())) wrong("roles");
}

void Performance::judge_audit() {
  const auto& ledger = stage_.ledger;
  auto& audit = process_->store().audit();
  const auto verification = audit.verify();
  if (verification.broken) {
    witness_.complain("the chain breaks at " + std::to_string(verification.broken->seq) + ": " +
                      verification.broken->reason);
  }
  std::map<std::string, int> logged;
  std::size_t intents = 0;
  audit.for_each({}, [&](const AuditRow& row) {
    if (row.kind == "intent") ++intents;
    if (row.kind == "exchange")
      ++logged[member(row.line, "method") + " " + unescaped(member(row.line, "url"))];
  });
  for (const auto& what : ledger.recorded) {
    if (--logged[what] < 0) witness_.complain("the audit log lost " + what);
  }
  std::map<std::string, int> unsure;
  for (const auto& what : ledger.unsure) ++unsure[what];
  for (const auto& [what, count] : logged) {
    if (count > unsure[what]) witness_.complain("the audit log holds what was never sent: " + what);
  }
  const auto told = ledger.recorded.size() + ledger.unsure.size();
  if (static_cast<std::size_t>(ledger.answered) != told) witness_.complain("an answer was not recorded");
  IntentFilter all;
  all.account = account_id;
  if (process_->store().list_intents(all).size() != intents) {
    witness_.complain("intents and their records in the audit log differ in number");
  }
}

}  // namespace usersyncd::simulate
