#include "reconcile/cycle.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <sstream>

#include "policies/check.hpp"
#include "policies/ways.hpp"
#include "reconcile/impossible.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

namespace usersyncd {
namespace {

constexpr const char* told_notes = "notes";     // digests of those that were told, by line
constexpr std::chrono::days longest_window{7};  // of a rolling limit

// The policies' ways, except that the login we work with is nobody's to manage, and an account without a
// desired state is only watched: that nobody wrote down who belongs there does not mean that nobody does.
class CycleWays : public Ways {
 public:
  CycleWays(const Ways& ways, const StringSet& own_logins, bool has_desired)
      : ways_(ways), own_logins_(own_logins), has_desired_(has_desired) {}
  Chosen<DriftWay> drift(const User& user, Field field) const override { return ways_.drift(user, field); }
  Chosen<DeprovisionWay> deprovision(const User& user) const override { return ways_.deprovision(user); }
  Chosen<UnmanagedWay> unmanaged(const User& user) const override {
    if (std::binary_search(own_logins_.begin(), own_logins_.end(), key_of(user.username))) {
      return {UnmanagedWay::ignore, {std::string{own_user_rule}}};
    }
    auto chosen = ways_.unmanaged(user);
    if (!has_desired_ && chosen.way == UnmanagedWay::deprovision)
      return {UnmanagedWay::report, {"no-desired-state"}};
    return chosen;
  }

 private:
  const Ways& ways_;
  const StringSet& own_logins_;
  bool has_desired_;
};

// For an undo: only its own users, and nobody else is any of its business.
class UndoWays : public Ways {
 public:
  explicit UndoWays(const Ways& ways) : ways_(ways) {}
  Chosen<DriftWay> drift(const User& user, Field field) const override { return ways_.drift(user, field); }
  Chosen<DeprovisionWay> deprovision(const User& user) const override { return ways_.deprovision(user); }
  Chosen<UnmanagedWay> unmanaged(const User&) const override { return {UnmanagedWay::ignore, {}}; }

 private:
  const Ways& ways_;
};

std::string_view name_of(Purpose purpose) {
  constexpr std::array<std::string_view, 4> names{"poll", "plan", "apply", "undo"};
  return names[static_cast<std::size_t>(purpose)];
}

// A good list without anybody, of an account in which nobody is known.
bool is_nobody_seen(const Observed& observed) {
  return observed.observation.complete && observed.known.empty() && observed.observation.users.empty();
}

}  // namespace

std::string make_run_id(Time now, Random& random) {
  std::string id = format_time(std::chrono::floor<std::chrono::seconds>(now));
  std::erase_if(id, [](char c) { return c == '-' || c == ':'; });
  constexpr std::string_view letters = "0123456789abcdefghjkmnpqrstvwxyz";
  id += '-';
  for (int i = 0; i < 5; ++i) id += letters[static_cast<std::size_t>(random.uniform() * letters.size())];
  return id;
}

Cycle::Cycle(const AccountContext& account, Ports ports, std::string run, Purpose purpose,
             std::string settings)
    : account_(account),
      ports_(ports),
      run_(std::move(run)),
      purpose_(purpose),
      settings_(std::move(settings)) {}

Event Cycle::event(std::string_view name, Event::Level level) const {
  Event made;
  made.name = name;
  made.level = level;
  made.account = account_.id;
  made.run = run_;
  return made;
}

JudgeFacts Cycle::facts(const Desired& desired, const Observed& observed) {
  JudgeFacts facts;
  facts.now = ports_.clock.now();
  if (const auto pause = ports_.store.paused(account_.id)) facts.paused = pause->reason;
  facts.own_logins = account_.own_logins;
  facts.capabilities = account_.capabilities;
  facts.catalog = observed.observation.catalog;
  facts.impossible = impossible_operations(ports_.store, account_.id, facts.now);
  facts.users.reserve(observed.observation.users.size());
  for (const auto& user : observed.observation.users) {
    // Who is an admin has to be known even where the list does not tell; the freshest value wins.
    auto best = user;
    const auto known = observed.next.find(key_of(user.username));
    if (known != observed.next.end()) best.fields = overlay(known->second.user.fields, user.fields);
    facts.users.push_back(std::move(best));
  }
  const auto since = facts.now - longest_window;
  for (const auto& done : ports_.store.done_since(account_.id, since)) {
    facts.history.push_back(DoneAction{done.time, done.operation, done.username});
  }
  for (const auto& [key, known] : observed.next) {
    // Who was not known to be disabled before this look has no date yet: a plan saves none, and would name
    // another one each time.
    const bool since_before =
        known.disabled_since && *known.disabled_since < observed.observation.observed_at;
    if (since_before) facts.disabled_since[key] = *known.disabled_since;
  }
  facts.author = desired.author;
  for (const auto& approval : ports_.store.list_approvals(account_.id)) {
    if (approval.plan != plan_name_) continue;
    if (approval.state == Approval::State::rejected)
      facts.rejections[approval.action] =
          approval.actor + (approval.reason.empty() ? "" : " (" + approval.reason + ")");
    if (approval.state != Approval::State::approved) continue;
    facts.approvals[approval.action] =
        GivenApproval{approval.expires_at.value_or(Time::max()), approval.actor};
  }
  // A deleted user is created again only if somebody edited the entry since: the loop never undoes itself
  // (A56).
  const auto tombstones = ports_.store.tombstones(account_.id);
  for (const auto& entry : desired.users) {
    const auto stone = tombstones.find(key_of(entry.username));
    if (stone == tombstones.end() || stone->second.desired_digest != digest_of(entry)) continue;
    facts.tombstones[stone->first] = stone->second.deleted_at;
  }
  return facts;
}

Awaitable<Look> Cycle::look(const Desired& desired, const RuleSet& rules, bool settle, bool insist) {
  Look look;
  auto read = co_await reading();
  if (!read) {
    look.problems.push_back(read.error());
    co_return look;
  }
  const PolicyWays policy_ways{rules, account_.id, read->catalog};
  const CycleWays ways{policy_ways, account_.own_logins, !desired.revision.empty()};
  const bool seen = co_await observe(look, std::move(*read), desired, rules, ways, settle, insist);
  if (!seen) co_return look;
  const auto& catalog = look.observed.observation.catalog;
  const auto shrink = shrink_rule(rules, account_.id);
  const auto now = ports_.clock.now();
  auto unaccepted = DesiredGuard{account_, ports_.store, shrink}.check(desired, now);
  if (!unaccepted && is_nobody_seen(look.observed))
    unaccepted = EmptyListGuard{account_, ports_.store, shrink}.check(desired, settle, now);
  // A desired state can be large, and is copied only for those whom it freezes.
  std::optional<Desired> partly_frozen;
  if (look.observed.observation.complete && !check_against_catalog(desired, catalog).empty())
    partly_frozen = freeze_unknown(desired, catalog, look.invalid);
  judge(look, partly_frozen ? *partly_frozen : desired, rules, ways, std::move(unaccepted));
  note_quiet(look, desired);
  co_return look;
}

Awaitable<Look> Cycle::look_to_undo(const std::string& run, const std::vector<PastWrite>& writes,
                                    const Desired& desired, const RuleSet& rules) {
  plan_name_ = "undo " + run;
  auto inverse = invert(account_.id, run, writes);
  // Whoever undoes a run says what is wanted, as far as this plan goes.
  inverse.desired.author = account_.actor;
  Look look;
  auto read = co_await reading();
  if (!read) {
    look.problems.push_back(read.error());
    co_return look;
  }
  const PolicyWays policy_ways{rules, account_.id, read->catalog};
  const UndoWays ways{policy_ways};
  const bool seen = co_await observe(look, std::move(*read), inverse.desired, rules, ways, true, true);
  if (!seen) co_return look;
  const auto& observation = look.observed.observation;
  if (observation.complete) {
    const auto now = ports_.clock.now();
    keep_possible(inverse, writes, observation, look.observed.memory.found_by_lookup);
    const auto plan = make_plan(inverse.desired, observation, ways, look.observed.memory, now);
    name_what_is_left(inverse, plan);
    std::vector<Error> not_ours;
    const auto wanted = freeze_unknown(desired, observation.catalog, not_ours);
    const CycleWays next_ways{policy_ways, account_.own_logins, !desired.revision.empty()};
    const auto next = make_plan(wanted, after_plan(observation, plan), next_ways, PlanMemory{}, now);
    look.notes = contradictions(inverse, next);
    look.impossible = inverse.impossible.size();
    look.notes.insert(look.notes.end(), inverse.impossible.begin(), inverse.impossible.end());
  }
  judge(look, inverse.desired, rules, ways, std::nullopt);
  co_return look;
}

// False: the look ends here, for `problems`.
Awaitable<bool> Cycle::observe(Look& look, AccountReading reading, const Desired& desired,
                               const RuleSet& rules, const Ways& ways, bool settle, bool insist) {
  Observer observer{account_, ports_, run_};
  const auto shrink = shrink_rule(rules, account_.id);
  ShrinkGuard guard{account_, ports_.store, shrink};
  auto observed = co_await observer.observe(std::move(reading), desired, ways, guard, settle, insist);
  if (!observed) {
    look.problems.push_back(observed.error());
    co_return false;
  }
  look.observed = std::move(*observed);
  for (auto& problem : check_against_capabilities(rules, account_.capabilities, account_.id))
    look.problems.push_back(std::move(problem));
  co_return look.problems.empty();
}

void Cycle::judge(Look& look, const Desired& desired, const RuleSet& rules, const Ways& ways,
                  std::optional<Unaccepted> unaccepted) {
  auto& observation = look.observed.observation;
  auto plan = make_plan(desired, observation, ways, look.observed.memory, ports_.clock.now());
  if (observation.complete && !plan.complete) {
    // What looked like a good list mixes people up: nothing of it is remembered, either.
    observation.complete = false;
    observation.reasons = plan.reasons;
  }
  // What is released in one kind of plan is not released in another.
  for (auto& action : plan.actions) {
    if (!plan_name_.empty()) action.id = sha256_hex(plan_name_ + '\n' + action.id).substr(0, 32);
  }
  if (plan.complete) {
    plan.unaccepted = std::move(unaccepted);
    plan.notes.insert(plan.notes.end(), look.notes.begin(), look.notes.end());
  }
  const auto known_facts = facts(desired, look.observed);
  look.judged = Judge::judge(std::move(plan), rules, known_facts);
}

void Cycle::tell_drift(const DriftNews& news) {
  const auto tell = [&](const std::vector<KnownDrift>& drifts, std::string_view name) {
    for (const auto& known : drifts) {
      auto told = event(name, name == "drift.resolved" ? Event::Level::info : Event::Level::warning);
      told.username = known.drift.username;
      told.field = known.drift.kind;
      told.desired = known.drift.desired;
      told.actual = known.drift.actual;
      told.rule = known.drift.rule;
      told.reason = "since " + format_time(known.since);
      ports_.events.emit(told);
    }
  };
  tell(news.appeared, "drift.detected");
  tell(news.changed, "drift.changed");
  tell(news.resolved, "drift.resolved");
}

// A plan is told once: the audit log gets each decision, the log what is held, people what waits for them.
boost::json::object Cycle::tell_plan(const JudgedPlan& judged) {
  std::set<std::string> told_before;
  if (const auto last = ports_.store.load_plan(account_.id)) {
    boost::system::error_code bad;
    const auto document = boost::json::parse(*last, bad);
    if (const auto* actions = bad ? nullptr : document.find_pointer("/accounts/0/actions", bad);
        actions && actions->is_array()) {
      for (const auto& action : actions->get_array()) {
        told_before.insert(boost::json::serialize(action));
      }
    }
  }
  auto document = plan_document({&judged}, ports_.clock.now());
  const auto& actions = document.at("accounts").at(0).at("actions").get_array();
  for (std::size_t i = 0; i < judged.actions().size(); ++i) {
    if (told_before.contains(boost::json::serialize(actions[i]))) continue;
    const auto& action = judged.actions()[i];
    AuditEntry entry;
    entry.kind = AuditKind::decision;
    entry.time = ports_.clock.now();
    entry.run = run_;
    entry.account = account_.id;
    entry.actor = account_.actor;
    entry.username = action.action.username;
    entry.action = action.action.id;
    entry.detail = actions[i].get_object();
    entry.detail["desiredRevision"] = judged.plan().desired_revision;
    ports_.store.audit().append(entry);
    if (!is_held(action.verdict)) continue;
    auto held = event("plan.held", Event::Level::warning);
    held.username = action.action.username;
    held.field = name_of(action.action.operation);
    for (const auto& rule : action.rules) held.rule += (held.rule.empty() ? "" : ",") + rule;
    held.reason = std::string{name_of(action.verdict)} + ": " + action.reason;
    ports_.events.emit(held);
  }
  return document;
}

// Each note once, until it is no more: what breaks a rule already, who is frozen, what will happen by itself.
void Cycle::tell_notes(const Plan& plan) {
  std::set<std::string> told_before;
  if (const auto note = ports_.store.load_note(account_.id, told_notes)) {
    std::istringstream lines{*note};
    for (std::string line; std::getline(lines, line);) told_before.insert(line);
  }
  std::string told_now;
  for (const auto& note : plan.notes) {
    const auto digest = sha256_hex(note.rule + '\n' + note.username + '\n' + note.message).substr(0, 16);
    told_now += digest + '\n';
    if (told_before.contains(digest)) continue;
    auto told = event("plan.held", Event::Level::warning);
    told.username = note.username;
    told.rule = note.rule;
    told.reason = "note: " + note.message;
    ports_.events.emit(told);
  }
  if (told_now.empty() && told_before.empty()) return;
  ports_.store.save_note(account_.id, told_notes, told_now);
}

void Cycle::tell_failed_poll(const Look& look, AccountState& state) {
  const bool incomplete = look.problems.empty();
  std::string reason;
  for (const auto& problem : look.problems) reason += (reason.empty() ? "" : "; ") + problem.text();
  for (const auto& why : look.observed.observation.reasons) reason += (reason.empty() ? "" : "; ") + why;
  state.last_error = reason;
  state.list_complete = false;
  auto told = event(incomplete ? "poll.incomplete" : "poll.failed", Event::Level::error);
  told.reason = std::move(reason);
  ports_.events.emit(told);
}

void Cycle::start_run(const std::string& desired_revision) {
  Run run;
  run.id = run_;
  run.account = account_.id;
  run.kind = name_of(purpose_);
  run.actor = account_.actor;
  run.desired_revision = desired_revision;
  run.started_at = ports_.clock.now();
  ports_.store.start_run(run);
}

void Cycle::save_undo(const Look& look) {
  if (!look.judged || !look.observed.observation.complete) return;
  start_run(look.judged->plan().desired_revision);
  tell_plan(*look.judged);
  request_approvals(*look.judged);
}

void Cycle::save(const Look& look, const Desired& desired, std::optional<Time> next_poll) {
  // A quiet look that a power cut takes has told nobody anything new.
  auto together = ports_.store.begin(look.glanced ? Transaction::Kind::relaxed : Transaction::Kind::write);
  if (look.glanced)
    save_glance(look, next_poll);
  else
    save_look(look, desired, next_poll);
  together.commit();
}

AccountState Cycle::state_of_poll(std::optional<Time> next_poll) {
  auto state = ports_.store.load_state(account_.id);
  state.last_poll = ports_.clock.now();
  if (next_poll) state.next_poll = next_poll;
  // The provider was left alone for the rest of one run; from the next on, one write may try.
  if (state.breaker == "open") state.breaker = "half-open";
  return state;
}

void Cycle::save_look(const Look& look, const Desired& desired, std::optional<Time> next_poll) {
  const auto now = ports_.clock.now();
  start_run(desired.revision);

  auto state = state_of_poll(next_poll);
  if (!look.judged || !look.observed.observation.complete) {
    tell_failed_poll(look, state);
    if (!look.observed.shrink_id.empty()) request_shrink_approval(look.observed);
    ports_.store.save_state(account_.id, state);
    return;
  }
  const auto& plan = look.judged->plan();
  state.last_success = now;
  state.last_error.clear();
  state.list_complete = true;
  state.users = plan.live_users;
  state.held = summarize({&*look.judged}).held;

  Poll poll;
  poll.snapshot = &look.observed.next;
  poll.catalog = &look.observed.observation.catalog;
  poll.drifts = &plan.drifts;
  poll.state = state;
  std::map<std::string, const User*> seen;
  for (const auto& user : look.observed.observation.users) seen[key_of(user.username)] = &user;
  for (const auto& user : look.observed.memory.found_by_lookup) seen[key_of(user.username)] = &user;
  std::set<std::string> frozen;
  for (const auto& note : plan.notes) {
    if (note.rule == frozen_rule) frozen.insert(key_of(note.username));
  }
  // A field that nobody has is no secret of this user's.
  const auto tells = [&lacking = account_.capabilities.lacking](const Fields& fields, Field field) {
    return fields.has(field) || std::find(lacking.begin(), lacking.end(), field) != lacking.end();
  };
  poll.was_judged = [&](const std::string& username, const std::string& kind) {
    if (frozen.contains(key_of(username))) return false;
    const auto user = seen.find(key_of(username));
    // Who is missing from one list is not gone yet (A4).
    if (user == seen.end()) return !look.observed.next.contains(key_of(username));
    if (kind == "leaver") return user->second->fields.has(Field::enabled);
    if (kind == "unmanaged") return !look.observed.memory.unread.contains(key_of(username));
    const auto field = field_from_name(kind);
    return !field || tells(user->second->fields, *field);
  };
  const auto news = ports_.store.save_poll(account_.id, poll, now);
  auto ended = look.observed.outdated_overrides;
  for (const auto& override : ports_.store.load_overrides(account_.id)) {
    // What came out right in between has not been overridden several times running (A51).
    const auto user = seen.find(key_of(override.username));
    const auto* found = user == seen.end() ? nullptr : &user->second->fields.get(override.field);
    if (found && *found && same_value(override.field, **found, override.wanted)) ended.push_back(override);
  }
  for (const auto& override : ended)
    ports_.store.clear_override(account_.id, override.username, override.field);
  auto told = event("poll.ok");
  told.reason = std::to_string(plan.live_users) + " users";
  ports_.events.emit(told);
  tell_drift(news);
  const auto document = tell_plan(*look.judged);
  tell_notes(plan);

  const auto no_rule = std::optional<ShrinkRule>{};
  if (!plan.unaccepted) DesiredGuard{account_, ports_.store, no_rule}.accept(desired);
  if (!plan.unaccepted && is_nobody_seen(look.observed))
    EmptyListGuard{account_, ports_.store, no_rule}.accept(desired);
  request_approvals(*look.judged);
  ports_.store.save_plan(account_.id, boost::json::serialize(document), now);
  if (!look.quiet) ports_.store.forget_quiet(account_.id);
  remember_quiet(look);
}

// Whatever else waits for a person goes on waiting: there is no plan that could say otherwise.
void Cycle::request_shrink_approval(const Observed& observed) {
  auto wanted = ports_.store.list_approvals(account_.id);
  std::erase_if(wanted, [&](const Approval& approval) { return approval.plan != plan_name_; });
  std::string summary;
  for (const auto& reason : observed.observation.reasons) summary += reason;
  wanted.push_back(approval_of_shrinkage(observed.shrink_id, std::move(summary)));
  save_approvals(wanted);
}

Approval Cycle::approval_of_shrinkage(std::string id, std::string summary) const {
  Approval approval;
  approval.account = account_.id;
  approval.action = std::move(id);
  approval.username = "*";
  approval.operation = "shrink";
  approval.summary = std::move(summary);
  approval.requested_at = ports_.clock.now();
  return approval;
}

// Everything that needs a person, decided or not: the store forgets decisions on actions that are not planned
// any more, so that an approval never outlives the plan that it was given for (A18).
void Cycle::request_approvals(const JudgedPlan& judged_plan) {
  const auto now = ports_.clock.now();
  std::set<std::string> approved;
  for (const auto& known : ports_.store.list_approvals(account_.id)) {
    if (known.state == Approval::State::approved && known.plan == plan_name_) approved.insert(known.action);
  }
  std::vector<Approval> wanted;
  if (const auto& whole = judged_plan.plan().unaccepted)
    wanted.push_back(approval_of_shrinkage(whole->id, whole->message));
  for (const auto& judged : judged_plan.actions()) {
    const auto& ids = judged.waits_for;
    const bool waits = std::binary_search(ids.begin(), ids.end(), judged.action.id);
    if (!waits && !approved.contains(judged.action.id)) continue;
    Approval approval;
    approval.account = account_.id;
    approval.action = judged.action.id;
    approval.username = judged.action.username;
    approval.operation = name_of(judged.action.operation);
    approval.summary = judged.action.reason;
    approval.requested_at = now;
    wanted.push_back(std::move(approval));
  }
  save_approvals(wanted);
}

void Cycle::save_approvals(const std::vector<Approval>& wanted) {
  const auto now = ports_.clock.now();
  for (const auto& approval : ports_.store.save_approvals(account_.id, plan_name_, wanted, now)) {
    auto asked = event("approval.requested", Event::Level::warning);
    asked.username = approval.username;
    asked.field = approval.operation;
    asked.reason = "usersyncd approve " + approval.action + ": " + approval.summary;
    ports_.events.emit(asked);
  }
}

}  // namespace usersyncd
