#include <iostream>

#include "config/user_rules.hpp"
#include "config/write_desired.hpp"
#include "daemon/live_commands.hpp"
#include "policies/read.hpp"
#include "reconcile/parallel.hpp"
#include "reconcile/shrink.hpp"
#include "sync/plan_text.hpp"

namespace usersyncd {
namespace {

bool lacks_a_field(const User& user, const Profile& profile) {
  for (Field field : all_fields) {
    if (wire_names(profile.fields, field) && !user.fields.has(field)) return true;
  }
  return false;
}

Awaitable<void> read_whole_user(AccountStack& stack, User& user, std::optional<Error>& failure) {
  ExchangeContext context;
  context.account = stack.context().id;
  context.username = user.username;
  UserKey key;
  key.username = user.username;
  key.user_id = user.user_id;
  auto found = co_await stack.provider().read_user(key, context);
  if (!found) failure = found.error();
  if (found && *found) user.fields = overlay(user.fields, (*found)->user.fields);
}

// Only what the credential can give: a role that it cannot see could be written down, but never be wanted.
void keep_within_reach(User& user, const Catalog& catalog) {
  canonicalize(user, catalog);
  const auto keep = [&](Field field, auto&& known) {
    const auto* items = user.fields.set_of(field);
    if (!items) return;
    std::vector<std::string> kept;
    for (const auto& item : *items) {
      if (known(item)) kept.push_back(item);
    }
    user.fields.set(field, make_set(std::move(kept)));
  };
  if (catalog.roles)
    keep(Field::roles, [&](const std::string& role) { return catalog.role_id(role).has_value(); });
  if (!catalog.accounts) return;
  keep(Field::accounts, [&](const std::string& account) {
    return std::binary_search(catalog.accounts->begin(), catalog.accounts->end(), account);
  });
}

// The same doubts as those of a poll: what was lost on the way would be written down as not wanted.
std::optional<Error> fault_of_list(const AccountStack& stack, const Listing& listing, const Catalog& catalog,
                                   Store& store, const RuleSet& rules) {
  const auto& id = stack.context().id;
  const auto shrink = shrink_rule(rules, id);
  ShrinkGuard guard{stack.context(), store, shrink};
  const auto belief = believe(listing, store.load_snapshot(id), catalog, guard.limit(), id);
  const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  const bool accepted = belief.shrunken && guard.accepts(belief, false, now);
  if (!belief.complete && !accepted)
    return Error{ErrorKind::malformed, belief.reasons.front() + "; nothing was imported", "account " + id};
  if (listing.users.empty())
    return Error{ErrorKind::malformed, "the list is empty: there is nobody to import", "account " + id};
  return std::nullopt;
}

Awaitable<void> import_users(AccountStack& stack, Store& store, const RuleSet& rules,
                             std::vector<User>& users, std::optional<Error>& failure) {
  ExchangeContext context;
  context.account = stack.context().id;
  auto catalog = co_await stack.provider().read_catalog(context);
  if (!catalog) failure = catalog.error();
  if (failure) co_return;
  const ListMark unknown;
  auto listing = co_await stack.provider().list_users(context, unknown);
  if (!listing) failure = listing.error();
  if (failure) co_return;
  failure = fault_of_list(stack, *listing, *catalog, store, rules);
  if (failure) co_return;
  users = std::move(listing->users);
  std::vector<User*> thin;
  for (auto& user : users) {
    // Who cannot be wanted is left out anyhow, and may be somebody that no request can name (`..`).
    if (lacks_a_field(user, stack.profile()) && !fault_of_username(user.username)) thin.push_back(&user);
  }
  const auto read_one = [&](std::size_t i) { return read_whole_user(stack, *thin[i], failure); };
  co_await for_each_limited(thin.size(), stack.context().max_in_flight, read_one);
  for (auto& user : users) keep_within_reach(user, *catalog);
}

}  // namespace

Exit run_import(const CommandLine& line) {
  SilentEvents events;
  auto loaded = load_accounts(line.config);
  std::optional<RuleSet> rules;
  if (loaded.value) {
    rules = read_policies(loaded.value->config.policies_path, loaded.problems);
    if (!rules) loaded.exit = worse(loaded.exit, Exit::desired);
  }
  auto live = open_live(line, std::move(loaded), events);
  if (!live.ready || !rules) return live.exit;
  std::vector<User> users;
  std::optional<Error> failure;
  live.place->run(import_users(*live.stacks.front(), live.place->store(), *rules, users, failure));
  if (failure) {
    print_error(*failure);
    return Exit::failed;
  }
  const auto written =
      write_desired(live.stacks.front()->context().id, std::move(users), live.place->clock().now());
  std::cout << written.text << std::flush;
  for (const auto& username : written.left_out) {
    std::cerr << "warning: " << terminal_safe(username)
              << " is left out, as no entry can have such a username: under `unmanaged: deprovision` they "
                 "would lose their access; keep them by a rule for `users`, or rename them first\n";
  }
  return Exit::done;
}

}  // namespace usersyncd
