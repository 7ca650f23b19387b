#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "reconcile/backoff.hpp"
#include "reconcile/cycle.hpp"
#include "reconcile/impossible.hpp"
#include "reconcile/parallel.hpp"
#include "sync/plan_text.hpp"

// The acting half of a cycle: users side by side, the steps on one user one after the other (A31).

namespace usersyncd {
namespace {

using Kind = ActionResult::Kind;

constexpr int trouble_until_open = 5;          // in a row, until the provider is left alone
constexpr std::size_t creates_until_list = 8;  // from so many creates on, one list verifies them all
constexpr std::size_t announced_for_each = 4;  // creates together, for each that may be under way

std::map<std::string, std::string> digests_of(const Desired& desired) {
  std::map<std::string, std::string> digests;
  for (const auto& entry : desired.users) digests[key_of(entry.username)] = digest_of(entry);
  return digests;
}

bool takes_access(Operation operation) {
  return operation == Operation::disable || operation == Operation::remove;
}

std::string_view event_name(Kind kind) {
  switch (kind) {
    case Kind::applied:
      return "action.applied";
    case Kind::unverified:
      return "action.unverified";
    case Kind::held:
      return "plan.held";
    case Kind::changed:
    case Kind::failed:
    case Kind::manual:
    case Kind::fatal:
      break;
  }
  return "action.failed";
}

}  // namespace

struct Cycle::Batch {
  std::vector<std::vector<std::size_t>>
      users;                  // indices into the plan's actions; who loses access comes last
  std::size_t announced = 0;  // of the users, those before it
  std::size_t announced_at_once = 1;
  bool verify_by_list = false;
  Acted acted;
};

std::size_t Acted::count(ActionResult::Kind kind) const {
  return static_cast<std::size_t>(
      std::count_if(steps.begin(), steps.end(), [&](const Step& step) { return step.result.kind == kind; }));
}

Cycle::Batch Cycle::make_batch(const Look& look, const std::set<std::string>* only) const {
  Batch batch;
  const auto& actions = look.judged->actions();
  std::size_t creates = 0;
  std::string last_key;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    if (actions[i].verdict != Verdict::apply || (only && !only->contains(actions[i].action.id))) continue;
    const auto key = key_of(actions[i].action.username);
    if (batch.users.empty() || key != last_key) batch.users.emplace_back();
    batch.users.back().push_back(i);
    last_key = key;
    if (actions[i].action.operation == Operation::create) ++creates;
  }
  const auto takes = [&](std::size_t i) { return takes_access(actions[i].action.operation); };
  std::stable_partition(batch.users.begin(), batch.users.end(), [&](const std::vector<std::size_t>& user) {
    return std::none_of(user.begin(), user.end(), takes);
  });
  // Of the steps on one user that is the first: it asks for the user to be just as the plan saw them.
  for (auto& user : batch.users) std::stable_partition(user.begin(), user.end(), takes);
  batch.verify_by_list = account_.capabilities.list_is_full && creates >= creates_until_list;
  return batch;
}

Awaitable<Acted> Cycle::act(const Look& look, const Desired& desired, const std::set<std::string>* only) {
  auto batch = make_batch(look, only);
  if (batch.users.empty()) co_return std::move(batch.acted);
  auto known = look.observed.next;
  Actor actor{account_, ports_, run_, known, digests_of(desired)};
  breaker_ = ports_.store.load_state(account_.id).breaker;
  const bool half_open = breaker_ != "closed";

  const auto one_user = [&](std::size_t group) { return act_on_user(look, batch, actor, group); };
  if (half_open) {
    // One try tells whether the provider has recovered; the others follow if it has.
    co_await act_on_user(look, batch, actor, 0);
    if (trouble_ > 0 && stop_sending_.empty()) {
      stop_sending_ = "the provider still fails";
      set_breaker("open", stop_sending_);
    }
  }
  batch.announced_at_once = announced_for_each * account_.max_in_flight;
  co_await for_each_limited(batch.users.size(), account_.max_in_flight, one_user);
  if (stop_sending_.empty() && ports_.clock.stopping()) stop_sending_ = "usersyncd is stopping";
  batch.acted.stopped = stop_sending_;
  actor.withdraw(stop_sending_);

  auto verified = co_await actor.verify_creates();
  if (batch.acted.steps.empty()) co_return std::move(batch.acted);
  auto together = ports_.store.begin();
  for (auto& step : batch.acted.steps) {
    const auto found = verified.find(step.judged->action.id);
    if (found == verified.end()) continue;
    step.result = found->second;
    note_trouble(step.result);
    conclude(*step.judged, step.result);
  }
  // An undo says nothing of what is wanted, so nothing of drift, either.
  if (purpose_ != Purpose::undo) save_drift_after(look, batch.acted);
  save_users_after(batch.acted);
  together.commit();
  co_return std::move(batch.acted);
}

// One wait for the disk for several creates. The more there are, the more have to be looked up after a kill.
void Cycle::announce_creates(const Look& look, Batch& batch, Actor& actor, std::size_t group) {
  if (group < batch.announced) return;
  batch.announced = std::min(batch.users.size(), group + batch.announced_at_once);
  std::vector<const Action*> creates;
  for (std::size_t i = group; i < batch.announced; ++i) {
    const auto& first = look.judged->actions()[batch.users[i].front()].action;
    if (batch.users[i].size() == 1 && first.operation == Operation::create) creates.push_back(&first);
  }
  actor.announce(creates);
}

Awaitable<void> Cycle::act_on_user(const Look& look, Batch& batch, Actor& actor, std::size_t group) {
  if (batch.users[group].empty() || !stop_sending_.empty() || ports_.clock.stopping()) co_return;
  if (group + account_.max_in_flight == batch.announced) {
    // Ahead, once the others have sent theirs, so that the disk and the provider work at the same time.
    co_await boost::asio::post(boost::asio::use_awaitable);
    announce_creates(look, batch, actor, batch.announced);
  }
  announce_creates(look, batch, actor, group);
  auto todo = std::move(batch.users[group]);
  batch.users[group].clear();
  for (const auto index : todo) {
    if (!stop_sending_.empty() || ports_.clock.stopping()) co_return;
    const auto& judged = look.judged->actions()[index];
    auto permit = look.judged->permit(index);
    if (!permit) co_return;
    auto outcome = co_await actor.perform(std::move(*permit), batch.verify_by_list);
    note_trouble(outcome);
    const bool later = batch.verify_by_list && judged.action.operation == Operation::create &&
                       outcome.kind == Kind::unverified && !outcome.trouble;
    batch.acted.steps.push_back(Acted::Step{&judged, outcome});
    if (!later) conclude(judged, outcome);
    // The next step on this user was planned for after this one.
    if (outcome.kind != Kind::applied || outcome.unanswered) co_return;
  }
}

// Five failures in a row that are not about the user open the breaker: the provider is left alone until a
// later run. What holds one action (a pause, a stop, the rate limit) holds all that were to follow.
void Cycle::note_trouble(const ActionResult& result) {
  const bool fatal = result.kind == Kind::fatal;
  if (result.kind == Kind::held && stop_sending_.empty()) stop_sending_ = result.message;
  if (!result.trouble && !fatal) {
    const bool answered = result.kind == Kind::applied || result.kind == Kind::failed;
    if (answered) trouble_ = 0;
    if (result.kind == Kind::applied && breaker_ != "closed") set_breaker("closed", "");
    return;
  }
  ++trouble_;
  if (!fatal && trouble_ < trouble_until_open) return;
  if (stop_sending_.empty()) set_breaker("open", result.message);
  stop_sending_ = result.message;
}

void Cycle::set_breaker(const std::string& position, const std::string& reason) {
  breaker_ = position;
  auto state = ports_.store.load_state(account_.id);
  const auto before = std::exchange(state.breaker, position);
  if (before == position) return;
  ports_.store.save_state(account_.id, state);
  const bool open = position == "open";
  if (open && before != "closed") return;  // a try that failed is no news
  auto told =
      event(open ? "breaker.open" : "breaker.closed", open ? Event::Level::error : Event::Level::info);
  told.reason = reason;
  ports_.events.emit(told);
}

void Cycle::conclude(const JudgedAction& judged, const ActionResult& result) {
  settle_failures(judged, result);
  const bool good = result.kind == Kind::applied;
  auto told = event(event_name(result.kind), good ? Event::Level::info : Event::Level::warning);
  told.username = judged.action.username;
  told.field = name_of(judged.action.operation);
  told.reason = result.message.empty() ? judged.action.reason : result.message;
  for (const auto& rule : judged.rules) told.rule += (told.rule.empty() ? "" : ",") + rule;
  ports_.events.emit(told);
}

// A user that fails backs off by itself; a value that the provider will not keep is counted.
void Cycle::settle_failures(const JudgedAction& judged, const ActionResult& result) {
  const auto& action = judged.action;
  for (Field field : result.overridden) {
    for (const auto& change : action.changes) {
      if (change.field != field || !change.to) continue;
      ports_.store.count_override(account_.id, action.username, field, *change.to, run_ + action.id);
    }
  }
  if (result.kind == Kind::applied) {
    ports_.store.clear_backoff(account_.id, action.username);
    for (const auto& change : action.changes)
      ports_.store.clear_override(account_.id, action.username, change.field);
  }
  // From now on the plan says so.
  if (result.for_nobody)
    return note_impossible(ports_.store, account_.id, action.operation, result.message, ports_.clock.now());
  const bool undone = result.kind == Kind::unverified && result.trouble;
  if (result.kind != Kind::failed && result.kind != Kind::manual && !undone) return;
  const auto backoffs = ports_.store.load_backoffs(account_.id);
  const auto before = backoffs.find(key_of(action.username));
  const auto* last = before == backoffs.end() ? nullptr : &before->second;
  ports_.store.save_backoff(
      account_.id, next_backoff(last, action.username, result.message, ports_.clock.now(), ports_.random));
}

// What was mended is no drift any more; the next poll will see for itself.
void Cycle::save_drift_after(const Look& look, const Acted& acted) {
  std::set<std::pair<std::string, std::string>> mended;
  for (const auto& step : acted.steps) {
    if (step.result.kind != Kind::applied) continue;
    const auto& action = step.judged->action;
    for (const auto& change : action.changes) mended.emplace(action.username, name_of(change.field));
    for (const auto* kind : {"missing", "leaver", "unmanaged"}) mended.emplace(action.username, kind);
  }
  if (mended.empty()) return;
  std::vector<Drift> left;
  for (const auto& drift : look.judged->plan().drifts) {
    if (!mended.contains({drift.username, drift.kind})) left.push_back(drift);
  }
  const auto was_judged = [&](const std::string& username, const std::string& kind) {
    return mended.contains({username, kind});
  };
  tell_drift(ports_.store.update_drift(account_.id, left, was_judged, ports_.clock.now()));
}

// As many users as there are now, until the next list counts them.
void Cycle::save_users_after(const Acted& acted) {
  auto state = ports_.store.load_state(account_.id);
  const auto before = state.users;
  for (const auto& step : acted.steps) {
    if (step.result.kind != Kind::applied) continue;
    const auto operation = step.judged->action.operation;
    if (operation == Operation::create) ++state.users;
    if (operation == Operation::remove && state.users > 0) --state.users;
  }
  if (state.users != before) ports_.store.save_state(account_.id, state);
}

void Cycle::finish(const Look& look, const Acted& acted) {
  const auto applied = acted.count(Kind::applied);
  const auto failed = acted.count(Kind::failed) + acted.count(Kind::manual) + acted.count(Kind::fatal);
  const auto unverified = acted.count(Kind::unverified);
  const auto summary = look.judged ? summarize({&*look.judged}) : PlanSummary{};
  const bool polled = look.judged && look.observed.observation.complete;
  const auto left = account_.enforce ? summary.to_apply() - applied - failed - unverified : 0;
  std::string result = polled ? "ok" : "failed";
  const auto unread = look.observed.memory.unread.size();
  if (failed + unverified + unread + left > 0) result = "degraded";

  boost::json::object counts;
  counts["planned"] = summary.to_apply();
  counts["applied"] = applied;
  counts["failed"] = failed;
  counts["unverified"] = unverified;
  counts["left"] = left;
  counts["held"] = summary.held;
  counts["inSync"] = summary.in_sync;
  // What came of each write is on the disk; after a power cut the run may be called interrupted.
  auto together = ports_.store.begin(Transaction::Kind::relaxed);
  ports_.store.finish_run(run_, account_.id, result, boost::json::serialize(counts), ports_.clock.now());
  together.commit();

  auto told = event("cycle.summary");
  told.reason = result + ": " + std::to_string(applied) + " applied, " + std::to_string(failed) +
                " failed, " + std::to_string(unverified) + " unverified";
  if (left > 0) told.reason += ", " + std::to_string(left) + " left";
  told.reason += "; plan: " + summary_line(summary);
  ports_.events.emit(told);
}

}  // namespace usersyncd
