#include "reconcile/observer.hpp"

#include <algorithm>
#include <set>

#include "reconcile/backoff.hpp"
#include "reconcile/compare.hpp"
#include "reconcile/in_doubt.hpp"
#include "reconcile/parallel.hpp"
#include "sync/item_reads.hpp"

namespace usersyncd {
namespace {

constexpr int overrides_until_left_alone = 3;  // A51

std::set<std::string> keys_of(const std::vector<User>& users) {
  std::set<std::string> keys;
  for (const auto& user : users) keys.insert(key_of(user.username));
  return keys;
}

const User* listed_as(const std::string& username, const Listing& listing) {
  const auto key = key_of(username);
  const auto found = std::find_if(listing.users.begin(), listing.users.end(),
                                  [&](const User& user) { return key_of(user.username) == key; });
  return found == listing.users.end() ? nullptr : &*found;
}

// What our credential cannot see stays in the sets that are sent, whatever is wanted.
Value within_reach(Field field, Value value, const Catalog& catalog) {
  auto* items = std::get_if<StringSet>(&value);
  if (items && field == Field::roles && catalog.roles) {
    std::erase_if(*items, [&](const std::string& role) { return !catalog.role_id(role); });
  }
  if (items && field == Field::accounts && catalog.accounts) {
    std::erase_if(*items, [&](const std::string& account) {
      return !std::binary_search(catalog.accounts->begin(), catalog.accounts->end(), account);
    });
  }
  return value;
}

// Whether the value that the provider overrode is what its user is to have still: a new one deserves a new
// try.
bool still_wanted(const Override& override, const Desired& desired, const Catalog& catalog, Time now) {
  const auto key = key_of(override.username);
  const auto entry = std::find_if(desired.users.begin(), desired.users.end(), [&](const DesiredUser& user) {
    return key_of(user.username) == key && !user.absent;
  });
  if (entry == desired.users.end()) return true;
  // What a frozen entry wants is not known; it may be the same again in a moment.
  Desired alone;
  alone.account = desired.account;
  alone.users.push_back(*entry);
  if (!entry->frozen.empty() || !check_against_catalog(alone, catalog).empty()) return true;
  const auto fields = effective_fields(*entry, catalog, now);
  const auto& wanted = fields.get(override.field);
  const auto written = within_reach(override.field, override.wanted, catalog);
  return wanted && same_value(override.field, *wanted, written);
}

// An unresolved write as the action that it was, as far as comparing needs it.
Action action_of(const Intent& intent) {
  Action action;
  action.operation = intent.write.operation;
  action.username = intent.write.username;
  action.user_id = intent.write.user_id;
  if (intent.write.before) action.before = *intent.write.before;
  if (intent.write.after) action.after = *intent.write.after;
  for (Field field : all_fields) {
    const auto& wanted = action.after.fields.get(field);
    if (wanted && action.before.fields.get(field) != wanted) {
      action.changes.push_back({field, action.before.fields.get(field), wanted});
    }
  }
  return action;
}

// Whether the entry was edited since the write that failed: what is wanted now deserves a try of its own.
bool is_edited_since(Store& store, const std::string& account, const std::string& username,
                     const Desired& desired) {
  const auto key = key_of(username);
  const auto entry = std::find_if(desired.users.begin(), desired.users.end(),
                                  [&](const DesiredUser& user) { return key_of(user.username) == key; });
  if (entry == desired.users.end()) return false;
  IntentFilter of_user;
  of_user.account = account;
  of_user.username = username;
  const auto writes = store.list_intents(of_user);
  if (writes.empty() || writes.back().state == IntentState::done) return false;
  const auto& tried = writes.back().write.desired_digest;
  return !tried.empty() && tried != digest_of(*entry);
}

}  // namespace

Observer::Observer(const AccountContext& account, Ports ports, std::string run)
    : account_(account), ports_(ports), run_(std::move(run)) {}

ExchangeContext Observer::context(const std::string& username) const {
  return ExchangeContext{run_, account_.id, username, "", 1};
}

Awaitable<Result<Observed>> Observer::observe(AccountReading reading, const Desired& desired,
                                              const Ways& ways, ShrinkGuard& guard, bool settle_intents,
                                              bool insist) {
  Observed observed;
  observed.known = ports_.store.load_snapshot(account_.id);
  auto listing = take(std::move(reading), observed);

  const auto& catalog = observed.observation.catalog;
  auto belief = believe(listing, observed.known, catalog, guard.limit(), account_.id);
  if (belief.shrunken && guard.accepts(belief, settle_intents, ports_.clock.now())) {
    belief = believe(listing, observed.known, catalog, std::nullopt, account_.id);
  }
  observed.observation.complete = belief.complete;
  observed.observation.reasons = belief.reasons;
  if (belief.shrunken) observed.shrink_id = ShrinkGuard::id_of(account_.id, belief);
  if (!belief.complete) co_return observed;

  if (settle_intents) {
    IntentFilter unresolved;
    unresolved.account = account_.id;
    unresolved.unresolved_only = true;
    const auto intents = ports_.store.list_intents(unresolved);
    for (const auto& intent : intents) co_await settle(intent, listing, observed);
  }
  recall(desired, observed, insist);
  co_await look_for_missing(desired, listing, observed);
  auto items = co_await read_items(desired, ways, listing, observed);
  if (!items) co_return items.error();

  if (is_quiet(belief, listing, observed)) observed.quiet_list = std::move(listing.mark);
  observed.observation.users = std::move(listing.users);
  for (auto& user : observed.observation.users) {
    const auto item = items_.find(key_of(user.username));
    if (item == items_.end()) continue;
    user.fields = overlay(user.fields, item->second.user.fields);
    if (user.user_id.empty()) user.user_id = item->second.user.user_id;
  }
  remember_all(desired, observed);
  co_return observed;
}

Awaitable<Result<AccountReading>> Observer::read(ListMark known) {
  const auto account = context();
  auto catalog = co_await ports_.provider.read_catalog(account);
  if (!catalog) co_return catalog.error();
  auto listing = co_await ports_.provider.list_users(account, std::move(known));
  if (!listing) co_return listing.error();
  AccountReading reading;
  reading.catalog = std::move(*catalog);
  reading.listing = std::move(*listing);
  co_return reading;
}

// The users of the list, as they are to be compared: canonical and in order.
Listing Observer::take(AccountReading reading, Observed& observed) const {
  observed.observation.catalog = std::move(reading.catalog);
  auto listing = std::move(reading.listing);
  for (auto& user : listing.users) canonicalize(user, observed.observation.catalog);
  std::sort(listing.users.begin(), listing.users.end(),
            [](const User& a, const User& b) { return key_of(a.username) < key_of(b.username); });
  observed.observation.account = account_.id;
  observed.observation.observed_at = ports_.clock.now();
  observed.observation.immutable = account_.capabilities.immutable;
  observed.observation.lacking = account_.capabilities.lacking;
  observed.observation.tells_enabled = account_.capabilities.tells_enabled;
  return listing;
}

// Where items are read the bytes of the list do not tell all that the plan is made from: on a thin list a
// change shows only when its user's turn comes, so that no two polls of it are the same question.
bool Observer::is_quiet(const Belief& belief, const Listing& listing, const Observed& observed) const {
  const auto& memory = observed.memory;
  return !listing.mark.empty() && belief.missing.empty() && items_.empty() && memory.waiting.empty() &&
         memory.unread.empty() && memory.overridden.empty() && memory.no_removals.empty() &&
         memory.found_by_lookup.empty();
}

// What of the past bears on this plan: unresolved writes, failures that back off, values that do not stay.
void Observer::recall(const Desired& desired, Observed& observed, bool insist) {
  const auto now = ports_.clock.now();
  auto& memory = observed.memory;
  if (!insist) {
    for (const auto& [key, backoff] : ports_.store.load_backoffs(account_.id)) {
      if (is_waiting(backoff, now) &&
          !is_edited_since(ports_.store, account_.id, backoff.username, desired)) {
        memory.waiting[key] = "failed " + std::to_string(backoff.failures) + " times (" + backoff.reason +
                              "); tried again at " + format_time(backoff.next_try);
      }
    }
  }
  IntentFilter unresolved;
  unresolved.account = account_.id;
  unresolved.unresolved_only = true;
  for (const auto& intent : ports_.store.list_intents(unresolved)) {
    memory.waiting[key_of(intent.write.username)] = "what became of the last " +
                                                    std::string{name_of(intent.write.operation)} +
                                                    " is not known yet (" + intent.message + ")";
  }
  for (const auto& key : ports_.in_doubt.unanswered())
    memory.waiting.emplace(key, "the last write on them got no answer, and may arrive still");
  for (const auto& override : ports_.store.load_overrides(account_.id)) {
    if (!still_wanted(override, desired, observed.observation.catalog, now)) {
      observed.outdated_overrides.push_back(override);
      continue;
    }
    if (override.times < overrides_until_left_alone) continue;
    memory.overridden[key_of(override.username) + "\n" + std::string{name_of(override.field)}] =
        "the provider overrode this value " + std::to_string(override.times) + " times running";
  }
}

// A user that we know, or were told is there, and that the list lacks, is looked up: a list can be stale
// (A32), and nobody is created on the word of a list alone who was there before.
Awaitable<void> Observer::look_for_missing(const Desired& desired, const Listing& listing,
                                           Observed& observed) {
  const auto listed = keys_of(listing.users);
  std::map<std::string, std::string> names_by_id;
  for (const auto& user : listing.users) {
    if (!user.user_id.empty()) names_by_id[user.user_id] = user.username;
  }
  const auto recent =
      ports_.store.recent_creates(account_.id, ports_.clock.now() - account_.visibility_grace);
  std::set<std::string> asked;
  for (const auto& entry : desired.users) {
    auto names = entry.previously;
    names.push_back(entry.username);
    for (const auto& name : names) {
      const auto key = key_of(name);
      const auto known = observed.known.find(key);
      if (listed.contains(key) || known == observed.known.end() || !asked.insert(key).second) continue;
      UserKey where;
      where.username = name;
      where.user_id = known->second.user.user_id;
      if (const auto renamed = names_by_id.find(where.user_id); renamed != names_by_id.end()) {
        if (name != entry.username) continue;
        observed.memory.waiting[key] = "called \"" + renamed->second +
                                       "\" at the provider now: give the entry that username, with \"" +
                                       name + "\" under `previously`";
        continue;
      }
      auto found = co_await ports_.provider.read_user(where, context(name));
      if (!found) {
        observed.memory.unread[key] =
            "missing from the list, and could not be looked up: " + found.error().text();
        observed.memory.no_removals = "\"" + name + "\" could not be looked up: " + found.error().text();
      } else if (*found) {
        observed.memory.found_by_lookup.push_back((*found)->user);
        items_[key] = std::move(**found);
      } else if (const auto created = recent.find(key); created != recent.end()) {
        observed.memory.waiting[key] = "created at " + format_time(created->second) + ", not visible yet";
      }
    }
  }
}

// A write of which nobody knows what became of it is resolved by reading, never by sending again.
Awaitable<void> Observer::settle(const Intent& intent, const Listing& listing, Observed& observed) {
  UserKey where;
  where.username = intent.write.username;
  where.user_id = intent.write.user_id;
  const auto* listed = listed_as(where.username, listing);
  const bool is_create = intent.write.operation == Operation::create;
  // The list knows better than the answer to a create, which may have told something else than an id.
  if (listed && !listed->user_id.empty() && (is_create || where.user_id.empty()))
    where.user_id = listed->user_id;
  if (!listed && is_create && cannot_ask_for(where)) {
    settle_by_list(intent, observed);
    co_return;
  }
  const auto found = co_await ports_.provider.read_user(where, context(where.username));
  if (!found) {  // the user waits; the next poll looks again
    observed.memory.no_removals =
        "\"" + where.username + "\" could not be looked up: " + found.error().text();
    co_return;
  }
  const auto action = action_of(intent);
  const bool early = !ports_.in_doubt.is_over(intent.id);
  const User* user = *found ? &(*found)->user : nullptr;
  switch (intent.write.operation) {
    case Operation::create: {
      if (user && is_same_person(action, *user)) {
        close_settled(intent, IntentState::done, "found by looking", user, observed);
      } else if (user) {
        close_settled(intent, IntentState::failed, "the username belongs to somebody else", user, observed);
      } else if (!listed && !account_.capabilities.reads_by_name) {
        settle_by_list(intent, observed);
      } else if (!early && !listed) {
        close_settled(intent, IntentState::not_done, "neither listed nor found by name", nullptr, observed);
      }
      co_return;
    }
    case Operation::remove:
      if (!user) close_settled(intent, IntentState::done, "found to be gone", nullptr, observed);
      if (user && !early)
        close_settled(intent, IntentState::not_done, "found to be still there", user, observed);
      co_return;
    case Operation::update:
    case Operation::enable:
    case Operation::disable:
      break;
  }
  const bool as_wanted = user && unverified_fields(action, *user).empty();
  if (as_wanted) close_settled(intent, IntentState::done, "found by looking", user, observed);
  if (!as_wanted && !early)
    close_settled(intent, IntentState::not_done, "found not to be done", user, observed);
}

bool Observer::cannot_ask_for(const UserKey& user) const {
  return user.user_id.empty() && !account_.capabilities.reads_by_name;
}

// A create at a provider that can be asked by id only, and of which the id got lost with the answer, or finds
// nobody: a complete list without the user is the only answer there is.
void Observer::settle_by_list(const Intent& intent, Observed& observed) {
  if (!ports_.in_doubt.is_over(intent.id)) return;
  close_settled(intent, IntentState::not_done, "not listed, and it cannot be asked for by name", nullptr,
                observed);
}

void Observer::close_settled(const Intent& intent, IntentState state, const std::string& message,
                             const User* found, Observed& observed) {
  const auto key = key_of(intent.write.username);
  const auto now = ports_.clock.now();
  IntentEnd end;
  end.state = state;
  end.message = message;
  if (found) {
    const auto before = observed.known.find(key);
    auto known = remember(before == observed.known.end() ? nullptr : &before->second, *found, true, now);
    observed.known[key] = known;
    end.known = std::move(known);
  }
  end.forget_user = !found && intent.write.operation == Operation::remove && state == IntentState::done;
  if (end.forget_user) observed.known.erase(key);
  ports_.in_doubt.resolve(intent, end);
  if (state == IntentState::done) ports_.store.clear_backoff(account_.id, intent.write.username);
  Event event;
  event.name = state == IntentState::done ? "action.applied" : "action.failed";
  if (state != IntentState::done) event.level = Event::Level::warning;
  event.account = account_.id;
  event.username = intent.write.username;
  event.field = name_of(intent.write.operation);
  event.run = run_;
  event.reason =
      std::string{name_of(intent.write.operation)} + " of run " + intent.write.run + ": " + message;
  ports_.events.emit(event);
}

Awaitable<Result<bool>> Observer::read_items(const Desired& desired, const Ways& ways, const Listing& listing,
                                             Observed& observed) {
  const ReadChoice choice{desired, observed.known,        observed.observation.catalog,
                          ways,    account_.capabilities, ports_.clock.now()};
  const auto chosen = choose_item_reads(choice, listing.users, account_.item_reads);
  std::map<std::string, const User*> listed;
  for (const auto& user : listing.users) listed[key_of(user.username)] = &user;
  const auto read_one = [&](std::size_t index) { return read_item(*listed.at(chosen[index]), observed); };
  co_await for_each_limited(chosen.size(), account_.max_in_flight, read_one);
  if (ports_.clock.stopping()) co_return Error{ErrorKind::stopped, "usersyncd is stopping", ""};
  co_return true;
}

Awaitable<void> Observer::read_item(const User& listed, Observed& observed) {
  const auto key = key_of(listed.username);
  if (items_.contains(key) || ports_.clock.stopping()) co_return;
  UserKey where;
  where.username = listed.username;
  where.user_id = listed.user_id;
  auto found = co_await ports_.provider.read_user(where, context(listed.username));
  if (!found) {
    observed.memory.unread[key] = "could not be read: " + found.error().text();
    observed.memory.no_removals = "\"" + listed.username + "\" could not be read: " + found.error().text();
  } else if (*found) {
    items_[key] = std::move(**found);
  } else {
    observed.memory.unread[key] = "listed, but not found by itself";
    // One of both answers is wrong, and nobody knows which.
    observed.memory.no_removals = "\"" + listed.username + "\" is listed, but not found by itself";
  }
}

void Observer::remember_all(const Desired& desired, Observed& observed) {
  const auto now = observed.observation.observed_at;
  const auto digest_for = [&](const std::string& key) {
    const auto before = [](const DesiredUser& entry, const std::string& name) {
      return key_of(entry.username) < name;
    };
    const auto entry = std::lower_bound(desired.users.begin(), desired.users.end(), key, before);
    return entry == desired.users.end() || key_of(entry->username) != key ? "" : digest_of(*entry);
  };

  const auto keep = [&](const User& user) {
    const auto key = key_of(user.username);
    const auto before = observed.known.find(key);
    const bool item = items_.contains(key);
    auto known = remember(before == observed.known.end() ? nullptr : &before->second, user, item, now);
    if (item) {
      if (auto digest = digest_for(key); !digest.empty()) known.desired_digest = std::move(digest);
    }
    observed.next[key] = std::move(known);
  };
  for (const auto& user : observed.observation.users) keep(user);
  for (const auto& user : observed.memory.found_by_lookup) keep(user);

  // Gone is who was missing twice: one list can be wrong (A4).
  // Of all that are known by now: a write that was settled in this very poll may have made one more.
  for (const auto& [key, before] : observed.known) {
    if (observed.next.contains(key)) continue;
    // Nobody is forgotten, and then taken for new, as long as they could not be looked up.
    const bool unsure = observed.memory.waiting.contains(key) || observed.memory.unread.contains(key);
    if (before.missed_lists >= 1 && !unsure) continue;
    auto known = before;
    if (!unsure) ++known.missed_lists;
    observed.next[key] = std::move(known);
  }
}

}  // namespace usersyncd
