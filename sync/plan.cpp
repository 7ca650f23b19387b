#include "sync/plan.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <tuple>

#include "sync/plan_json.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, all_operations.size()> operation_names{"create", "update", "enable",
                                                                              "disable", "delete"};

// What one field's difference is to become, sorted by how it may be treated.
struct Split {
  std::vector<Change> enforce, report, manual;
  std::vector<std::string> enforce_rules, report_rules;
};

void add_rules(std::vector<std::string>& to, const std::vector<std::string>& from) {
  to.insert(to.end(), from.begin(), from.end());
  to = make_set(std::move(to));
}

std::string join(const std::vector<std::string>& items) {
  std::string joined;
  for (const auto& item : items) joined += (joined.empty() ? "" : ", ") + item;
  return joined;
}

bool contains(const StringSet& set, const std::string& item) {
  return std::binary_search(set.begin(), set.end(), item);
}

// The items of `found` that are to go and that our credential can neither see nor give. An absent catalogue
// hides nothing.
StringSet out_of_reach(Field field, const Value& wanted, const Value& found, const Catalog& catalog) {
  const auto* items = std::get_if<StringSet>(&found);
  const auto* kept = std::get_if<StringSet>(&wanted);
  StringSet hidden;
  if (!items || !kept) return hidden;
  for (const auto& item : *items) {
    if (contains(*kept, item)) continue;
    if (field == Field::roles && catalog.roles && !catalog.role_id(item)) hidden.push_back(item);
    if (field == Field::accounts && catalog.accounts && !contains(*catalog.accounts, item))
      hidden.push_back(item);
  }
  return hidden;
}

Value united(const Value& wanted, const StringSet& more) {
  auto items = std::get<StringSet>(wanted);
  items.insert(items.end(), more.begin(), more.end());
  return make_set(std::move(items));
}

// Named as the deciding rule where the provider has its own way with a value (A51).
constexpr const char* overriding_rule = "provider-overrides";

std::string overridden_key(const User& user, Field field) {
  return key_of(user.username) + '\n' + std::string{name_of(field)};
}

class Planner {
 public:
  Planner(const Desired& desired, const Observation& observed, const Ways& ways, const PlanMemory& memory,
          Time now)
      : desired_(desired), observed_(observed), ways_(ways), memory_(memory), now_(now) {}

  Plan run();

 private:
  void check_inputs();
  void index_live();
  void index_claims();
  StringSet names_of(const DesiredUser& wanted) const;
  std::vector<std::string> strangers_with_email(const Fields& fields) const;
  void plan_desired(const DesiredUser& wanted);
  void plan_nothing(const DesiredUser& wanted);
  bool note_if_unread(const std::string& username);
  void plan_disputed(const DesiredUser& wanted, const std::vector<const User*>& found);
  void plan_create(const DesiredUser& wanted);
  void plan_leaver(const DesiredUser& wanted, const User& live);
  void plan_present(const DesiredUser& wanted, const User& live);
  void plan_unmanaged(const User& live);
  void split_difference(const User& live, Field field, Value wanted, const std::optional<Value>& found,
                        Split& split);
  void emit_changes(const DesiredUser& wanted, const User& live, Split split);
  void emit(Action action);
  void drift(std::string username, std::string kind, std::string wanted, std::string found, std::string rule);
  Action action_on(const User& live, Operation operation, Cause cause, const Place& place) const;
  bool is_out(const User& live) const;
  void heed_overrides(Action& action) const;
  Action deprovision(const User& live, Cause cause, const Place& place, std::string why);

  const Desired& desired_;
  const Observation& observed_;
  const Ways& ways_;
  const PlanMemory& memory_;
  Time now_;
  Plan plan_;
  std::map<std::string, const User*> live_;
  std::set<std::string> entries_;  // keys of the usernames that entries have today
  std::map<std::string, std::vector<std::string>>
      claims_;                        // by key: the places of the entries that speak for it
  std::set<std::string> mistakable_;  // keys of unmanaged users who may be somebody that is to be created
};

Plan Planner::run() {
  plan_.account = desired_.account;
  plan_.desired_revision = desired_.revision;
  plan_.observed_at = observed_.observed_at;
  plan_.complete = observed_.complete;
  plan_.reasons = observed_.reasons;
  index_live();
  check_inputs();
  if (!plan_.complete) return std::move(plan_);

  index_claims();
  plan_.live_users = live_.size();
  for (const auto& wanted : desired_.users) plan_desired(wanted);
  for (const auto& [key, user] : live_) {
    if (!claims_.contains(key)) plan_unmanaged(*user);
  }
  std::stable_sort(plan_.actions.begin(), plan_.actions.end(), [](const Action& a, const Action& b) {
    const auto key_a = key_of(a.username), key_b = key_of(b.username);
    return std::tie(key_a, a.operation, a.id) < std::tie(key_b, b.operation, b.id);
  });
  std::sort(plan_.notes.begin(), plan_.notes.end());
  std::sort(plan_.drifts.begin(), plan_.drifts.end(), [](const Drift& a, const Drift& b) {
    return std::tie(a.username, a.kind, a.desired, a.actual) <
           std::tie(b.username, b.kind, b.desired, b.actual);
  });
  return std::move(plan_);
}

// A plan that mixes up accounts or people would be complete, plausible and wrong.
void Planner::check_inputs() {
  const auto refuse = [this](std::string reason) {
    plan_.complete = false;
    plan_.reasons.push_back(std::move(reason));
  };
  if (observed_.account != desired_.account) {
    refuse("observed account \"" + observed_.account + "\", but the desired state is of \"" +
           desired_.account + "\"");
  }
  std::set<std::string> keys, ids;
  for (const auto& user : observed_.users) {
    if (!keys.insert(key_of(user.username)).second)
      refuse("user \"" + user.username + "\" was observed twice");
  }
  for (const auto& [key, user] : live_) {
    if (!user->user_id.empty() && !ids.insert(user->user_id).second) {
      refuse("user id \"" + user->user_id + "\" was observed under two usernames, one of them \"" +
             user->username + "\"");
    }
  }
}

void Planner::index_live() {
  for (const auto& user : observed_.users) live_.try_emplace(key_of(user.username), &user);
  for (const auto& user : memory_.found_by_lookup) live_.try_emplace(key_of(user.username), &user);
}

void Planner::index_claims() {
  for (const auto& wanted : desired_.users) entries_.insert(key_of(wanted.username));
  for (const auto& wanted : desired_.users) {
    for (const auto& name : names_of(wanted)) claims_[name].push_back(wanted.place.text());
  }
}

StringSet Planner::names_of(const DesiredUser& wanted) const {
  return usersyncd::names_of(wanted, live_.contains(key_of(wanted.username)),
                             [this](const std::string& key) { return entries_.contains(key); });
}

void Planner::plan_desired(const DesiredUser& wanted) {
  if (!wanted.frozen.empty()) {
    plan_.notes.push_back({std::string{frozen_rule}, wanted.username,
                           "nothing is done to this user until the entry is mended: " + wanted.frozen});
    return;
  }
  for (auto& note : announcements(wanted, now_)) plan_.notes.push_back(std::move(note));
  const auto before = plan_.actions.size();
  std::vector<const User*> found;
  bool disputed = false;
  for (const auto& name : names_of(wanted)) {
    const auto live = live_.find(name);
    if (live != live_.end()) found.push_back(live->second);
    const bool matters = live != live_.end() || entries_.contains(name);
    if (matters && claims_.at(name).size() > 1) disputed = true;
  }
  if (disputed || found.size() > 1) {
    plan_disputed(wanted, found);
  } else if (found.empty()) {
    if (!wanted.absent) plan_create(wanted);
  } else if (wanted.absent) {
    plan_leaver(wanted, *found.front());
  } else {
    plan_present(wanted, *found.front());
  }
  if (plan_.actions.size() == before) plan_nothing(wanted);
}

// Nothing differs as far as we see; whoever could not be read may differ all the same.
void Planner::plan_nothing(const DesiredUser& wanted) {
  if (!note_if_unread(wanted.username)) ++plan_.in_sync;
}

bool Planner::note_if_unread(const std::string& username) {
  const auto unread = memory_.unread.find(key_of(username));
  if (unread == memory_.unread.end()) return false;
  plan_.notes.push_back({std::string{unread_rule}, username,
                         "not known to be as wanted: " + unread->second + "; the next poll tries again"});
  return true;
}

// One entry for two live users, or two entries for one: whoever is meant, nobody is touched (A49).
void Planner::plan_disputed(const DesiredUser& wanted, const std::vector<const User*>& found) {
  std::vector<std::string> people, places;
  for (const auto* user : found) people.push_back(user->username);
  for (const auto& name : names_of(wanted)) add_rules(places, claims_.at(name));
  User nobody;
  nobody.username = wanted.username;
  auto action =
      action_on(found.empty() ? nobody : *found.front(), Operation::update, Cause::rename, wanted.place);
  action.manual_only = true;
  action.after.username = wanted.username;
  action.reason = "it is not clear who \"" + wanted.username + "\" is: the entries at " + join(places) +
                  " speak for the users [" + join(people) +
                  "] at the provider; give each user exactly one entry, by `username` or by `previously`";
  drift(wanted.username, "ambiguous", "one user with one entry", "[" + join(people) + "]", "");
  emit(std::move(action));
}

Action Planner::action_on(const User& live, Operation operation, Cause cause, const Place& place) const {
  Action action;
  action.account = desired_.account;
  action.operation = operation;
  action.cause = cause;
  action.username = live.username;
  action.user_id = live.user_id;
  action.before = live;
  action.after = live;
  action.place = place;
  return action;
}

void Planner::emit(Action action) {
  for (const auto& change : action.changes) {
    if (change.to) action.after.fields.set(change.field, *change.to);
  }
  action.id = id_of(action);
  const auto key = key_of(action.username);
  if (const auto waits = memory_.waiting.find(key); waits != memory_.waiting.end()) {
    action.must_wait = waits->second;
  } else if (const auto unread = memory_.unread.find(key); unread != memory_.unread.end()) {
    action.must_wait = unread->second;
  } else if (action.operation == Operation::disable || action.operation == Operation::remove) {
    action.must_wait = memory_.no_removals;
  }
  plan_.actions.push_back(std::move(action));
}

void Planner::drift(std::string username, std::string kind, std::string wanted, std::string found,
                    std::string rule) {
  plan_.drifts.push_back(
      {std::move(username), std::move(kind), std::move(wanted), std::move(found), std::move(rule)});
}

void Planner::plan_create(const DesiredUser& wanted) {
  User live;
  live.username = wanted.username;
  auto action = action_on(live, Operation::create, Cause::desired, wanted.place);
  action.before = User{};
  const auto fields = effective_fields(wanted, observed_.catalog, now_);
  for (Field field : all_fields) {
    if (fields.has(field) && !is_so_anyway(field, *fields.get(field), observed_.lacking))
      action.changes.push_back({field, std::nullopt, fields.get(field)});
  }
  action.reason = "wanted by " + wanted.place.text() + ", not found at the provider";
  if (const auto strangers = strangers_with_email(fields); !strangers.empty()) {
    for (const auto& stranger : strangers) mistakable_.insert(key_of(stranger));
    action.manual_only = true;
    action.reason +=
        "; but [" + join(strangers) +
        "], whom no entry names, has the same e-mail: if that is the same person, name them under "
        "`previously`, else give them an entry of their own";
  }
  drift(wanted.username, "missing", "present", "absent", "");
  emit(std::move(action));
}

// The users that no entry speaks for and that have this e-mail. A new username without `previously`, here or
// at the provider, must not become a second account for the same person (A48).
std::vector<std::string> Planner::strangers_with_email(const Fields& fields) const {
  std::vector<std::string> strangers;
  const auto* email = fields.text(Field::email);
  if (!email || email->empty()) return strangers;
  for (const auto& [key, user] : live_) {
    const auto& theirs = user->fields.get(Field::email);
    if (!claims_.contains(key) && theirs && same_value(Field::email, *email, *theirs)) {
      strangers.push_back(user->username);
    }
  }
  return strangers;
}

// Whether nothing is left for a disable to do. Unknown is not enabled: whoever is, or is new to us, was read
// (A69), unless the provider never tells.
bool Planner::is_out(const User& live) const {
  const auto enabled = live.fields.flag(Field::enabled);
  return enabled == false || (!enabled && observed_.tells_enabled);
}

Action Planner::deprovision(const User& live, Cause cause, const Place& place, std::string why) {
  const auto way = ways_.deprovision(live);
  const auto operation = way.way == DeprovisionWay::remove ? Operation::remove : Operation::disable;
  auto action = action_on(live, operation, cause, place);
  action.report_only = way.way == DeprovisionWay::report;
  action.way_rules = way.rules;
  action.reason = std::move(why);
  const bool out = live.fields.flag(Field::enabled) == false;
  if (operation == Operation::disable && !out)
    action.changes.push_back({Field::enabled, live.fields.get(Field::enabled), Value{false}});
  else if (operation == Operation::disable)
    action.reason += "; disabled already";
  return action;
}

// Nobody keeps an access that is to be taken without a person being told, each time, that it is theirs.
void Planner::heed_overrides(Action& action) const {
  if (action.operation != Operation::disable || action.report_only) return;
  const auto overridden = memory_.overridden.find(overridden_key(action.before, Field::enabled));
  if (overridden == memory_.overridden.end()) return;
  action.manual_only = true;
  action.way_rules = {overriding_rule};
  action.reason = overridden->second + ": disable the user in the provider's portal";
}

void Planner::plan_leaver(const DesiredUser& wanted, const User& live) {
  auto action = deprovision(live, Cause::leaver, wanted.place, "state: absent in " + wanted.place.text());
  if (is_out(live) && action.operation == Operation::disable) return;
  heed_overrides(action);
  drift(live.username, "leaver", "absent", presence_of(live), join(action.way_rules));
  emit(std::move(action));
}

void Planner::plan_present(const DesiredUser& wanted, const User& live) {
  if (key_of(live.username) != key_of(wanted.username)) {
    auto rename = action_on(live, Operation::update, Cause::rename, wanted.place);
    rename.manual_only = true;
    rename.after.username = wanted.username;
    rename.reason = "rename \"" + live.username + "\" to \"" + wanted.username +
                    "\": usernames cannot be changed through the API, so a person has to do it";
    drift(live.username, "rename", wanted.username, live.username, "");
    emit(std::move(rename));
  }
  const auto fields = effective_fields(wanted, observed_.catalog, now_);
  Split split;
  for (auto& change : differences(fields, live, observed_.lacking))
    split_difference(live, change.field, *change.to, change.from, split);
  emit_changes(wanted, live, std::move(split));
}

void Planner::split_difference(const User& live, Field field, Value wanted, const std::optional<Value>& found,
                               Split& split) {
  const auto way = ways_.drift(live, field);
  if (way.way == DriftWay::ignore) return;
  const std::string name{name_of(field)};
  drift(live.username, name, plain(wanted), found ? plain(*found) : "", join(way.rules));

  const auto overridden = memory_.overridden.find(overridden_key(live, field));
  const bool immutable =
      std::find(observed_.immutable.begin(), observed_.immutable.end(), field) != observed_.immutable.end();
  const bool takes_access = field == Field::enabled && wanted == Value{false};
  if (way.way == DriftWay::report || (overridden != memory_.overridden.end() && !takes_access)) {
    split.report.push_back({field, found, wanted});
    add_rules(split.report_rules,
              overridden == memory_.overridden.end() ? way.rules : std::vector<std::string>{overriding_rule});
    return;
  }
  if (immutable || !found) {
    split.manual.push_back({field, found, wanted});
    return;
  }
  if (const auto hidden = out_of_reach(field, wanted, *found, observed_.catalog); !hidden.empty()) {
    // What we cannot take away stays in the set that we send, and is reported.
    split.report.push_back({field, found, wanted});
    add_rules(split.report_rules, {"credential-reach"});
    wanted = united(wanted, hidden);
    if (wanted == found) return;
  }
  split.enforce.push_back({field, found, std::move(wanted)});
  add_rules(split.enforce_rules, way.rules);
}

std::string describe(const std::vector<Change>& changes) {
  std::string text;
  for (const auto& change : changes) {
    text += text.empty() ? "" : "; ";
    text += std::string{name_of(change.field)} + " is " + (change.from ? show(*change.from) : "unknown") +
            ", wanted " + show(*change.to);
  }
  return text;
}

// Splits a user's differences into steps of one class each, so that a policy on one never decides the other.
void Planner::emit_changes(const DesiredUser& wanted, const User& live, Split split) {
  const auto emit_part = [&](std::vector<Change> changes, Operation operation,
                             const std::vector<std::string>& rules, bool report, bool manual) {
    if (changes.empty()) return;
    auto action = action_on(live, operation, Cause::desired, wanted.place);
    action.changes = std::move(changes);
    action.reason = describe(action.changes);
    action.way_rules = rules;
    action.report_only = report;
    action.manual_only = manual;
    heed_overrides(action);
    if (report && rules == std::vector<std::string>{"credential-reach"}) action.cause = Cause::credential;
    emit(std::move(action));
  };
  const auto emit_split = [&](std::vector<Change> changes, const std::vector<std::string>& rules, bool report,
                              bool manual) {
    std::vector<Change> rest, toggle;
    for (auto& change : changes)
      (change.field == Field::enabled ? toggle : rest).push_back(std::move(change));
    emit_part(std::move(rest), Operation::update, rules, report, manual);
    const bool on = !toggle.empty() && toggle.front().to == std::optional<Value>{Value{true}};
    emit_part(std::move(toggle), on ? Operation::enable : Operation::disable, rules, report, manual);
  };
  emit_split(std::move(split.enforce), split.enforce_rules, false, false);
  emit_split(std::move(split.report), split.report_rules, true, false);
  emit_split(std::move(split.manual), {}, false, true);
}

void Planner::plan_unmanaged(const User& live) {
  const auto way = ways_.unmanaged(live);
  if (way.way == UnmanagedWay::ignore) return;
  auto action = deprovision(live, Cause::unmanaged, {}, "found at the provider, not in the desired state");
  if (way.way == UnmanagedWay::deprovision && is_out(live) && action.operation == Operation::disable) {
    note_if_unread(live.username);
    return;
  }
  action.report_only = action.report_only || way.way == UnmanagedWay::report;
  add_rules(action.way_rules, way.rules);
  if (way.way == UnmanagedWay::report) action.way_rules = way.rules;
  heed_overrides(action);
  if (mistakable_.contains(key_of(live.username)) && !action.report_only) {
    action.manual_only = true;
    action.reason += "; has the e-mail of somebody who is to be created, so a person has to say who is who";
  }
  drift(live.username, "unmanaged", "absent", presence_of(live), join(way.rules));
  emit(std::move(action));
}

}  // namespace

std::string presence_of(const User& live) {
  return live.fields.flag(Field::enabled) == false ? "disabled" : "present";
}

std::string_view name_of(Operation operation) {
  return operation_names[static_cast<std::size_t>(operation)];
}

std::optional<Operation> operation_from_name(std::string_view name) {
  for (std::size_t i = 0; i < operation_names.size(); ++i) {
    if (operation_names[i] == name) return static_cast<Operation>(i);
  }
  return std::nullopt;
}

std::string id_of(const Action& action) {
  json::object says;
  says["account"] = action.account;
  says["operation"] = name_of(action.operation);
  says["username"] = key_of(action.username);
  says["userId"] = action.user_id;
  says["changes"] = to_json(action.changes);
  if (action.cause == Cause::rename) says["rename"] = action.after.username;
  return sha256_hex(json::serialize(says)).substr(0, 32);
}

Plan make_plan(const Desired& desired, const Observation& observed, const Ways& ways,
               const PlanMemory& memory, Time now) {
  return Planner{desired, observed, ways, memory, now}.run();
}

}  // namespace usersyncd
