#include "reconcile/actor.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "reconcile/in_doubt.hpp"
#include "sync/believe.hpp"
#include "sync/plan_json.hpp"

namespace usersyncd {
namespace {

using Kind = ActionResult::Kind;
using Outcome = WriteOutcome::Kind;

UserKey key_for(const Action& action) {
  return UserKey{action.username, action.user_id};
}

/// The id that the answer to a create told; empty: none. Some providers let a user be read by nothing else.
std::string told_id(const WriteOutcome& outcome) {
  return outcome.user ? outcome.user->user.user_id : std::string{};
}

ActionResult result(Kind kind, std::string message) {
  ActionResult made;
  made.kind = kind;
  made.message = std::move(message);
  return made;
}

// Nothing was sent, because the look before it failed. A stop or a rate limit is not about the user; what
// else can go wrong may be about the provider.
ActionResult unreadable(const Error& error) {
  auto made = result(Kind::failed, "not sent, the user could not be read: " + error.text());
  if (error.kind == ErrorKind::stopped || error.kind == ErrorKind::rate_limited) made.kind = Kind::held;
  if (error.kind == ErrorKind::auth) made.kind = Kind::fatal;
  made.trouble = made.kind == Kind::failed;
  return made;
}

// Why an action that was to be sent is not, after all. Whatever the provider does not show would be taken
// away by being left out.
std::optional<ActionResult> objection_to(Evidence evidence) {
  if (evidence == Evidence::changed) return result(Kind::changed, "changed by somebody else since the plan");
  if (evidence == Evidence::incomplete) {
    return result(
        Kind::failed,
        "not sent: read by itself, the user lacks roles, accounts or the like that the list showed");
  }
  return std::nullopt;
}

std::string field_list(const std::vector<Field>& fields) {
  std::string text;
  for (Field field : fields) text += (text.empty() ? "" : ", ") + std::string{name_of(field)};
  return text;
}

}  // namespace

Actor::Actor(const AccountContext& account, Ports ports, std::string run, Snapshot& known,
             std::map<std::string, std::string> desired_digests)
    : account_(account),
      ports_(ports),
      run_(std::move(run)),
      known_(known),
      desired_digests_(std::move(desired_digests)) {}

Awaitable<ActionResult> Actor::perform(Permit permit, bool verify_later) {
  if (permit.action().operation == Operation::create)
    co_return co_await create(std::move(permit), verify_later);
  co_return co_await change(std::move(permit));
}

ExchangeContext Actor::context(const Action& action, int attempt) const {
  return ExchangeContext{run_, account_.id, action.username, action.id, attempt};
}

// Asked before every single write, so that a pause or a stop lets none leave after it.
std::optional<std::string> Actor::may_not_write() const {
  if (!account_.enforce) return "the account is in observe mode, or its config was reloaded";
  if (ports_.clock.stopping()) return "usersyncd is stopping";
  if (const auto pause = ports_.store.paused(account_.id)) return "paused by " + pause->actor;
  return std::nullopt;
}

std::int64_t Actor::open_intent(const Action& action, int attempt) {
  NewIntent intent;
  intent.run = run_;
  intent.account = account_.id;
  intent.username = action.username;
  intent.user_id = action.user_id;
  intent.operation = action.operation;
  intent.action = action.id;
  intent.attempt = attempt;
  intent.actor = account_.actor;
  if (action.operation != Operation::create) intent.before = action.before;
  if (action.operation != Operation::remove) intent.after = action.after;
  intent.body = boost::json::serialize(to_json(action.changes));
  intent.place = action.place.text();
  intent.reason = action.reason;
  if (const auto digest = desired_digests_.find(key_of(action.username)); digest != desired_digests_.end()) {
    intent.desired_digest = digest->second;
  }
  return ports_.store.open_intent(intent, ports_.clock.now());
}

void Actor::announce(const std::vector<const Action*>& creates) {
  if (creates.empty() || may_not_write()) return;
  std::map<const Action*, std::int64_t> opened;
  auto together = ports_.store.begin();
  for (const auto* action : creates) opened[action] = open_intent(*action, 1);
  together.commit();
  announced_.merge(opened);
}

void Actor::withdraw(const std::string& reason) {
  if (announced_.empty()) return;
  auto together = ports_.store.begin();
  for (const auto& [action, intent] : announced_) {
    close(*action, intent, IntentState::not_done, "not sent: " + reason);
  }
  together.commit();
  announced_.clear();
}

std::int64_t Actor::intent_of_create(const Action& action, int attempt) {
  const auto announced = announced_.extract(&action);
  return announced ? announced.mapped() : open_intent(action, attempt);
}

// `found` is the user as read after the write; without it, what is known of them stays.
void Actor::close(const Action& action, std::int64_t intent, IntentState state, const std::string& message,
                  const User* found) {
  const auto key = key_of(action.username);
  const auto now = ports_.clock.now();
  IntentEnd end;
  end.state = state;
  end.message = message;
  if (found) {
    const auto before = known_.find(key);
    auto known = remember(before == known_.end() ? nullptr : &before->second, *found, true, now);
    if (const auto digest = desired_digests_.find(key); digest != desired_digests_.end()) {
      known.desired_digest = digest->second;
    }
    known_[key] = known;
    end.known = std::move(known);
  }
  end.forget_user = state == IntentState::done && action.operation == Operation::remove;
  if (end.forget_user) known_.erase(key);
  ports_.store.close_intent(intent, end, now);
}

// A refused rate costs time: the write is known not to have been done and may be sent again, within limits.
Awaitable<bool> Actor::wait_for_another_try(Duration wait, int attempt, Duration started) {
  const auto spent = ports_.clock.steady() - started;
  if (attempt >= 1000 || spent + wait > account_.retry_for) co_return false;
  co_return co_await ports_.clock.sleep_for(wait);
}

Awaitable<ActionResult> Actor::create(Permit permit, bool verify_later) {
  const Action& action = permit.action();
  const auto started = ports_.clock.steady();
  for (int attempt = 1;; ++attempt) {
    if (const auto reason = may_not_write()) co_return result(Kind::held, *reason);
    const auto intent = intent_of_create(action, attempt);
    auto outcome = co_await ports_.provider.create(permit, context(action, attempt));
    switch (outcome.kind) {
      case Outcome::accepted:
      case Outcome::already_so:
        if (!verify_later) co_return co_await verify_create(action, intent, told_id(outcome));
        pending_.push_back(Pending{&action, intent, told_id(outcome)});
        co_return result(Kind::unverified, "sent, to be verified by a list");
      case Outcome::exists:
      case Outcome::unknown:
        co_return co_await look_up_create(action, intent, std::move(outcome));
      case Outcome::try_later:
        break;
      case Outcome::refused:
      case Outcome::unsupported:
      case Outcome::credential:
      case Outcome::not_sent:
        co_return refused(action, intent, outcome);
    }
    close(action, intent, IntentState::not_done, outcome.message);
    const bool again = co_await wait_for_another_try(outcome.wait, attempt, started);
    if (!again) co_return result(Kind::held, outcome.message);
  }
}

// The answer to a create got lost, or says that somebody of that name exists: only a look can tell who it is.
Awaitable<ActionResult> Actor::look_up_create(const Action& action, std::int64_t intent,
                                              WriteOutcome outcome) {
  const auto reading = co_await ports_.provider.read_user(key_for(action), context(action));
  if (reading && *reading && is_same_person(action, (*reading)->user)) {
    const auto message = outcome.kind == Outcome::exists ? adopted_message : std::string_view{};
    co_return created(action, intent, **reading, std::string{message});
  }
  if (reading && *reading) {
    close(action, intent, IntentState::failed,
          "the username belongs to somebody with another e-mail address");
    co_return result(Kind::failed,
                     "\"" + action.username + "\" exists with another e-mail address; nothing was done");
  }
  // Whoever says that there is somebody of that name has made nobody, whether we can look or not.
  const bool can_look = account_.capabilities.reads_by_name;
  if (outcome.kind == Outcome::exists && (reading || !can_look)) {
    close(action, intent, IntentState::failed, outcome.message);
    co_return result(Kind::failed, outcome.message);
  }
  co_return may_still_arrive(intent, outcome.message);
}

// What was sent may be on its way still: nothing is sent again before a later look has found that it did not
// come about.
ActionResult Actor::may_still_arrive(std::int64_t intent, const std::string& message) {
  const auto over = ports_.in_doubt.put(intent, 2 * account_.request_timeout, message);
  auto open = result(Kind::unverified, "outcome unknown (" + message + "); looked up again after " +
                                           format_time(over) + " before anything is sent");
  open.trouble = true;
  return open;
}

// The provider has answered, so that the next look tells.
ActionResult Actor::not_read_back(std::int64_t intent) {
  const std::string message = "sent, but could not be read back";
  ports_.in_doubt.put(intent, Duration{0}, message);
  return result(Kind::unverified, message);
}

ActionResult Actor::created(const Action& action, std::int64_t intent, const RemoteUser& found,
                            const std::string& message) {
  const auto differing = unverified_fields(action, found.user);
  close(action, intent, IntentState::done, message, &found.user);
  if (differing.empty()) return result(Kind::applied, "");
  auto made = result(Kind::applied, "created; " + field_list(differing) + " came out differently");
  return made;
}

ActionResult Actor::not_visible_yet(const Action& action, std::int64_t intent, const std::string& told_id) {
  const std::string message = "accepted, but not visible yet";
  // Where nothing else finds the user, the later looks need the id. Elsewhere the name is surer.
  const bool by_name = account_.capabilities.reads_by_name;
  ports_.in_doubt.put(intent, account_.visibility_grace, message, by_name ? std::string{} : told_id);
  return result(Kind::unverified,
                message + "; looked up again before \"" + action.username + "\" is sent again");
}

Awaitable<ActionResult> Actor::verify_create(const Action& action, std::int64_t intent, std::string user_id) {
  UserKey key = key_for(action);
  key.user_id = std::move(user_id);
  auto reading = co_await ports_.provider.read_user(key, context(action));
  const bool found = reading && *reading;
  // What the answer told need not be an id: a `Location` may end in the username.
  if (!found && !key.user_id.empty() && account_.capabilities.reads_by_name) {
    auto by_name = co_await ports_.provider.read_user(key_for(action), context(action));
    reading = std::move(by_name);
  }
  if (reading && *reading) co_return created(action, intent, **reading);
  co_return not_visible_yet(action, intent, key.user_id);
}

Awaitable<std::map<std::string, ActionResult>> Actor::verify_creates() {
  std::map<std::string, ActionResult> results;
  if (pending_.empty()) co_return results;
  ExchangeContext whole_list{run_, account_.id, "", "", 1};
  const ListMark unknown;
  const auto listing = co_await ports_.provider.list_users(whole_list, unknown);
  std::map<std::string, const User*> listed;
  if (listing && listing->faults.empty()) {
    for (const auto& user : listing->users) listed[key_of(user.username)] = &user;
  }
  const auto unlisted = close_listed(listed, results);
  for (const auto& pending : unlisted) {
    auto looked = co_await verify_create(*pending.action, pending.intent, pending.user_id);
    results[pending.action->id] = std::move(looked);
  }
  co_return results;
}

// Those that the list shows as they were sent. The others are returned.
std::vector<Actor::Pending> Actor::close_listed(const std::map<std::string, const User*>& listed,
                                                std::map<std::string, ActionResult>& results) {
  std::vector<Pending> unlisted;
  auto together = ports_.store.begin();
  for (const auto& pending : std::exchange(pending_, {})) {
    const auto found = listed.find(key_of(pending.action->username));
    if (found == listed.end() || !unverified_fields(*pending.action, *found->second).empty()) {
      unlisted.push_back(pending);
      continue;
    }
    close(*pending.action, pending.intent, IntentState::done, "", found->second);
    results[pending.action->id] = result(Kind::applied, "");
  }
  together.commit();
  return unlisted;
}

Awaitable<ActionResult> Actor::change(Permit permit) {
  const Action& action = permit.action();
  const bool removal = action.operation == Operation::remove;
  const auto started = ports_.clock.steady();
  for (int attempt = 1;; ++attempt) {
    auto reading = co_await ports_.provider.read_user(key_for(action), context(action));
    if (!reading) co_return unreadable(reading.error());
    if (!*reading && removal) co_return result(Kind::applied, "was gone already");
    if (!*reading) co_return result(Kind::changed, "the user is not there any more");
    const auto evidence = compare_before(action, (*reading)->user);
    if (const auto objection = objection_to(evidence)) co_return *objection;
    if (evidence == Evidence::as_wanted) co_return result(Kind::applied, "was so already");

    if (const auto reason = may_not_write()) co_return result(Kind::held, *reason);
    const auto intent = open_intent(action, attempt);
    auto outcome = co_await send_change(permit, std::move(**reading), context(action, attempt));
    switch (outcome.kind) {
      case Outcome::accepted:
      case Outcome::already_so:
      case Outcome::unknown:
        if (removal) co_return co_await verify_remove(action, intent, std::move(outcome));
        co_return co_await verify_update(action, intent, std::move(outcome));
      case Outcome::try_later:
        break;
      case Outcome::exists:
      case Outcome::refused:
      case Outcome::unsupported:
      case Outcome::credential:
      case Outcome::not_sent:
        co_return refused(action, intent, outcome);
    }
    close(action, intent, IntentState::not_done, outcome.message);
    const bool again = co_await wait_for_another_try(outcome.wait, attempt, started);
    if (!again) co_return result(Kind::held, outcome.message);
  }
}

Awaitable<WriteOutcome> Actor::send_change(const Permit& permit, RemoteUser found, ExchangeContext context) {
  if (permit.action().operation == Operation::remove)
    co_return co_await ports_.provider.remove(permit, std::move(context));
  co_return co_await ports_.provider.update(permit, std::move(found), std::move(context));
}

// A change of somebody who is there, read back as done.
ActionResult Actor::read_back(const Action& action, const WriteOutcome& outcome) {
  auto done = result(Kind::applied, "");
  done.unanswered = outcome.kind == Outcome::unknown;
  if (done.unanswered) ports_.in_doubt.note_unanswered(action.username);
  return done;
}

Awaitable<ActionResult> Actor::verify_update(const Action& action, std::int64_t intent,
                                             WriteOutcome outcome) {
  const auto reading = co_await ports_.provider.read_user(key_for(action), context(action));
  const bool read = reading && *reading;
  auto differing = read ? unverified_fields(action, (*reading)->user) : std::vector<Field>{};
  if (read && differing.empty()) {
    close(action, intent, IntentState::done, "", &(*reading)->user);
    co_return read_back(action, outcome);
  }
  if (outcome.kind == Outcome::unknown) co_return may_still_arrive(intent, outcome.message);
  if (!read) co_return not_read_back(intent);
  auto unverified =
      result(Kind::unverified, "accepted, but " + field_list(differing) + " reads back differently");
  close(action, intent, IntentState::unverified, unverified.message, &(*reading)->user);
  unverified.overridden = std::move(differing);
  co_return unverified;
}

Awaitable<ActionResult> Actor::verify_remove(const Action& action, std::int64_t intent,
                                             WriteOutcome outcome) {
  const auto reading = co_await ports_.provider.read_user(key_for(action), context(action));
  if (reading && !*reading) {
    close(action, intent, IntentState::done, "");
    co_return read_back(action, outcome);
  }
  if (outcome.kind == Outcome::unknown) co_return may_still_arrive(intent, outcome.message);
  if (!reading) co_return not_read_back(intent);
  const std::string message = "accepted, but the user is still there";
  close(action, intent, IntentState::not_done, message, &(*reading)->user);
  co_return result(Kind::unverified, message);
}

ActionResult Actor::refused(const Action& action, std::int64_t intent, const WriteOutcome& outcome) {
  const bool sent = outcome.kind != Outcome::not_sent;
  close(action, intent, sent ? IntentState::failed : IntentState::not_done, outcome.message);
  auto kind = Kind::failed;
  if (outcome.kind == Outcome::unsupported) kind = Kind::manual;
  if (outcome.kind == Outcome::credential) kind = Kind::fatal;
  if (!sent && may_not_write()) kind = Kind::held;
  auto made = result(kind, outcome.message);
  made.for_nobody = kind == Kind::manual && outcome.for_nobody;
  made.trouble = !sent && kind == Kind::failed;  // nobody was reached, which is not about the user
  return made;
}

}  // namespace usersyncd
