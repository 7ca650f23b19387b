#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "config/write_desired.hpp"
#include "daemon/commands.hpp"
#include "daemon/live.hpp"
#include "reconcile/parallel.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

// Commands that talk to providers once: plan, apply, import.

namespace usersyncd {
namespace {

namespace json = boost::json;

constexpr std::size_t accounts_at_once = 8;
constexpr Duration lock_patience{300'000};
constexpr int follow_up_rounds = 3;

// What a person at a terminal sees of a cycle: what was done on stdout, what is wrong on stderr.
class TerminalEvents : public EventSink {
 public:
  void emit(const Event& event) override {
    const std::string who = event.account + "  " + event.field + " " + terminal_safe(event.username);
    if (event.name == "action.applied") std::cout << "done        " << who << '\n';
    if (event.name == "action.unverified")
      std::cout << "unverified  " << who << ": " << terminal_safe(event.reason) << '\n';
    if (event.name == "action.failed")
      std::cout << "not done    " << who << ": " << terminal_safe(event.reason) << '\n';
    if (event.name == "cycle.summary") std::cout << event.account << ": " << event.reason << '\n';
    if (event.name == "breaker.open" || event.name == "rate.limited" || event.name == "poll.incomplete") {
      std::cerr << event.name << ": " << terminal_safe(event.reason) << '\n';
    }
  }
};

// Only `apply` and `import` have something to say while they work.
class SilentEvents : public EventSink {
 public:
  void emit(const Event&) override {}
};

struct Live {
  Settings settings;
  std::unique_ptr<Workplace> place;
  std::vector<std::unique_ptr<AccountStack>> stacks;
  Exit exit = Exit::done;
};

Live open_live(const CommandLine& line, Loaded<Settings> loaded, EventSink& events) {
  Live live;
  if (!loaded.value) {
    print_problems(loaded.problems);
    live.exit = loaded.exit;
    return live;
  }
  live.settings = std::move(*loaded.value);
  const auto selection = select_accounts(line, live.settings);
  if (selection.exit != Exit::done) {
    live.exit = selection.exit;
    return live;
  }
  live.place = std::make_unique<Workplace>(live.settings.config, events, invoking_user());
  for (const auto& account : selection.accounts) {
    auto stack = AccountStack::make(account, live.place->process());
    if (!stack) {
      print_error(stack.error());
      live.exit = worse(live.exit, exit_for(stack.error()));
      continue;
    }
    live.stacks.push_back(std::move(*stack));
  }
  return live;
}

std::vector<LiveAccount> begin(Live& live, const std::string& kind) {
  const auto run = make_run_id(live.place->clock().now(), live.place->random());
  std::vector<LiveAccount> accounts;
  for (const auto& stack : live.stacks) {
    LiveAccount account;
    account.stack = stack.get();
    account.desired = live.settings.wanted.of(stack->context().id);
    account.cycle = std::make_unique<Cycle>(stack->context(), stack->ports(), run, kind);
    accounts.push_back(std::move(account));
  }
  return accounts;
}

Awaitable<void> look_at(Live& live, LiveAccount& account, bool to_write) {
  auto& stack = *account.stack;
  if (to_write) {
    auto lock = co_await lock_account(*live.place, stack.context().id, lock_patience);
    if (!lock) {
      account.look.problems.push_back(
          Error{ErrorKind::store,
                "another cycle works on account " + stack.context().id + "; try again later", ""});
      co_return;
    }
    account.lock = std::move(lock);
    live.place->store().recover(stack.context().id,
                                live.place->clock().now() + 2 * stack.context().request_timeout,
                                live.place->clock().now());
  }
  auto unseen = co_await check_account(stack, "");
  if (unseen) {
    account.look.problems.push_back(*unseen);
    co_return;
  }
  auto look = co_await account.cycle->look(account.desired, live.settings.wanted.rules, to_write, true);
  account.look = std::move(look);
}

Awaitable<void> look_at_all(Live& live, std::vector<LiveAccount>& accounts, bool to_write) {
  const auto one = [&](std::size_t i) { return look_at(live, accounts[i], to_write); };
  co_await for_each_limited(accounts.size(), accounts_at_once, one);
}

std::vector<const JudgedPlan*> plans_of(const std::vector<LiveAccount>& accounts) {
  std::vector<const JudgedPlan*> plans;
  for (const auto& account : accounts) {
    if (account.look.judged) plans.push_back(&*account.look.judged);
  }
  return plans;
}

// With what a person needs besides what happened: in which account, and where to look next.
Error told_to_people(Error error, const std::string& account) {
  switch (error.kind) {
    case ErrorKind::usage:
    case ErrorKind::config:
    case ErrorKind::desired:
    case ErrorKind::store:
    case ErrorKind::stopped:
      return error;
    case ErrorKind::auth:
      error.message += "; check the credentials of the account in the config";
      break;
    case ErrorKind::network:
    case ErrorKind::rate_limited:
    case ErrorKind::not_found:
    case ErrorKind::conflict:
    case ErrorKind::malformed:
    case ErrorKind::provider:
      break;
  }
  if (error.text().find(account) != std::string::npos) return error;
  error.where = "account " + account + (error.where.empty() ? "" : ": " + error.where);
  return error;
}

Exit report_problems(const std::vector<LiveAccount>& accounts) {
  auto exit = Exit::done;
  for (const auto& account : accounts) {
    for (const auto& problem : account.look.problems) {
      print_error(told_to_people(problem, account.stack->context().id));
      // What only the provider could tell is work that failed, whatever it says about our files; only a
      // desired state that asks for what is not there is as invalid as if it could have been seen offline.
      exit = worse(exit, problem.kind == ErrorKind::desired ? Exit::desired : Exit::failed);
    }
    if (!account.look.judged || account.look.observed.observation.complete) continue;
    for (const auto& reason : account.look.observed.observation.reasons) {
      print_error(Error{ErrorKind::malformed, reason, "account " + account.stack->context().id});
    }
    exit = worse(exit, Exit::failed);
  }
  return exit;
}

void print_plan(const CommandLine& line, const std::vector<const JudgedPlan*>& plans, Time created_at) {
  if (line.format == Format::json)
    std::cout << pretty(plan_document(plans, created_at));
  else if (line.format == Format::markdown)
    std::cout << plan_markdown(plans);
  else
    std::cout << plan_text(plans);
  std::cout << std::flush;
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << text;
  file.close();
  if (file) return true;
  print_error(Error{ErrorKind::usage, "cannot write the plan", path});
  return false;
}

// The plan that apply --plan is to carry out.
struct PlanFile {
  std::string id;
  std::vector<std::string> accounts;
};

std::optional<PlanFile> read_plan_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  boost::system::error_code bad;
  const auto document = json::parse(text.str(), bad);
  PlanFile plan;
  if (!bad && document.is_object()) {
    const auto& object = document.get_object();
    if (const auto* id = object.if_contains("id"); id && id->is_string()) plan.id = id->get_string();
    const auto* accounts = object.if_contains("accounts");
    if (accounts && accounts->is_array()) {
      for (const auto& account : accounts->get_array()) {
        const auto* name = account.is_object() ? account.get_object().if_contains("account") : nullptr;
        if (name && name->is_string()) plan.accounts.emplace_back(name->get_string());
      }
    }
  }
  if (plan.id.empty() || plan.accounts.empty()) {
    print_error(
        Error{ErrorKind::usage, "not a plan that `usersyncd plan --out` or `--format json` wrote", path});
    return std::nullopt;
  }
  return plan;
}

bool agreed(const CommandLine& line, const PlanSummary& summary) {
  if (line.yes) return true;
  std::cout << "Do this to the live accounts: " << summary_line(summary) << "? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Awaitable<void> act_on(Live& live, LiveAccount& account) {
  if (!account.look.judged || !account.look.observed.observation.complete) co_return;
  account.cycle->save(account.look, account.desired, std::nullopt);
  if (account.stack->context().enforce) {
    auto acted = co_await account.cycle->act(account.look, account.desired);
    account.acted = std::move(acted);
  }
  account.cycle->finish(account.look, account.acted);
  if (account.stack->context().enforce) {
    co_await follow_up(*live.place, account, live.settings.wanted.rules, follow_up_rounds);
  }
}

Awaitable<void> act_on_all(Live& live, std::vector<LiveAccount>& accounts) {
  const auto one = [&](std::size_t i) { return act_on(live, accounts[i]); };
  co_await for_each_limited(accounts.size(), accounts_at_once, one);
}

Exit exit_after(const std::vector<LiveAccount>& accounts) {
  using Kind = ActionResult::Kind;
  auto exit = Exit::done;
  for (const auto& account : accounts) {
    if (!account.look.judged) continue;
    const auto& acted = account.acted;
    const bool failed = acted.count(Kind::failed) + acted.count(Kind::fatal) + acted.count(Kind::unverified) +
                            acted.count(Kind::changed) >
                        0;
    const bool held =
        summarize({&*account.look.judged}).held + acted.count(Kind::held) + acted.count(Kind::manual) > 0;
    if (failed) exit = worse(exit, Exit::failed);
    if (held || !account.stack->context().enforce) exit = worse(exit, Exit::held);
    if (account.stack->context().enforce) continue;
    std::cerr << "account " << account.stack->context().id
              << " is in observe mode: nothing was sent; set `mode: enforce` to apply\n";
  }
  return exit;
}

}  // namespace

Exit run_plan(const CommandLine& line) {
  SilentEvents events;
  auto live = open_live(line, load_settings(line.config), events);
  if (live.exit != Exit::done) return live.exit;
  auto accounts = begin(live, "plan");
  live.place->run(look_at_all(live, accounts, false));

  auto exit = report_problems(accounts);
  const auto plans = plans_of(accounts);
  const auto now = live.place->clock().now();
  if (!plans.empty()) print_plan(line, plans, now);
  if (!line.out.empty() && !plans.empty() && !write_file(line.out, pretty(plan_document(plans, now)))) {
    exit = worse(exit, Exit::failed);
  }
  const auto summary = summarize(plans);
  if (summary.to_apply() > 0) exit = worse(exit, Exit::found);
  if (summary.held > 0) exit = worse(exit, Exit::held);
  return exit;
}

Exit run_apply(const CommandLine& typed) {
  auto line = typed;
  if (!line.yes && !::isatty(STDIN_FILENO)) {
    print_error(Error{ErrorKind::usage,
                      "apply changes live accounts: without a terminal to ask on it needs --yes", ""});
    return Exit::usage;
  }
  std::optional<PlanFile> promised;
  if (!line.plan_file.empty()) {
    promised = read_plan_file(line.plan_file);
    if (!promised) return Exit::usage;
    line.accounts = promised->accounts;
  }
  TerminalEvents events;
  auto live = open_live(line, load_settings(line.config), events);
  if (live.exit != Exit::done) return live.exit;
  auto accounts = begin(live, "apply");
  live.place->run(look_at_all(live, accounts, true));

  auto exit = report_problems(accounts);
  const auto plans = plans_of(accounts);
  const auto now = live.place->clock().now();
  if (promised) {
    const auto document = plan_document(plans, now);
    if (document.at("id").get_string() != promised->id) {
      print_error(
          Error{ErrorKind::conflict,
                "what this plan was made from has changed; nothing was sent. Make a new plan and read it",
                line.plan_file});
      return worse(exit, Exit::failed);
    }
  }
  print_plan(line, plans, now);
  const auto summary = summarize(plans);
  bool enforced = false;
  for (const auto& account : accounts) enforced = enforced || account.stack->context().enforce;
  if (enforced && summary.to_apply() > 0 && !agreed(line, summary)) {
    std::cerr << "nothing was sent\n";
    return worse(exit, Exit::failed);
  }
  live.place->io().restart();
  live.place->run(act_on_all(live, accounts));
  return worse(exit, exit_after(accounts));
}

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

Awaitable<void> import_users(AccountStack& stack, std::vector<User>& users, std::optional<Error>& failure) {
  failure = co_await check_account(stack, "");
  if (failure) co_return;
  ExchangeContext context;
  context.account = stack.context().id;
  auto catalog = co_await stack.provider().read_catalog(context);
  if (!catalog) failure = catalog.error();
  if (failure) co_return;
  auto listing = co_await stack.provider().list_users(context);
  if (!listing) failure = listing.error();
  if (failure) co_return;
  const auto belief = believe(*listing, Snapshot{}, *catalog, std::nullopt, stack.context().id);
  if (!belief.complete) {
    failure = Error{ErrorKind::malformed, belief.reasons.front(), "account " + stack.context().id};
    co_return;
  }
  users = std::move(listing->users);
  std::vector<User*> thin;
  for (auto& user : users) {
    if (lacks_a_field(user, stack.profile())) thin.push_back(&user);
  }
  const auto read_one = [&](std::size_t i) { return read_whole_user(stack, *thin[i], failure); };
  co_await for_each_limited(thin.size(), stack.context().max_in_flight, read_one);
  for (auto& user : users) keep_within_reach(user, *catalog);
}

}  // namespace

Exit run_import(const CommandLine& line) {
  SilentEvents events;
  auto live = open_live(line, load_accounts(line.config), events);
  if (live.exit != Exit::done) return live.exit;
  std::vector<User> users;
  std::optional<Error> failure;
  live.place->run(import_users(*live.stacks.front(), users, failure));
  if (failure) {
    print_error(*failure);
    return Exit::failed;
  }
  std::cout << write_desired(live.stacks.front()->context().id, std::move(users), live.place->clock().now());
  std::cout << std::flush;
  return Exit::done;
}

}  // namespace usersyncd
