#include "daemon/live_commands.hpp"

#include <unistd.h>

#include <iostream>

#include "reconcile/parallel.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

namespace usersyncd {
namespace {

constexpr std::size_t accounts_at_once = 8;
constexpr Duration lock_patience{300'000};

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

bool has_failed(const LiveAccount& account) {
  using Kind = ActionResult::Kind;
  const auto& acted = account.acted;
  const auto failures = acted.count(Kind::failed) + acted.count(Kind::fatal) + acted.count(Kind::manual);
  return failures + acted.count(Kind::unverified) + acted.count(Kind::changed) + account.failed.size() > 0;
}

std::string why_left(const Acted& acted, const JudgedAction& judged) {
  const auto key = key_of(judged.action.username);
  bool user_was_tried = false;
  for (const auto& step : acted.steps) {
    if (step.judged == &judged) return step.result.message;
    user_was_tried = user_was_tried || key_of(step.judged->action.username) == key;
  }
  if (user_was_tried) return "it was to follow another step on this user";
  if (!acted.stopped.empty()) return acted.stopped;
  return "it is not what was shown before; it can be done now, run it again";
}

// Prints what was to be done and was not even tried to its end; returns how much that is. What came of the
// rest was told when it came.
std::size_t tell_what_is_left(const LiveAccount& account) {
  std::map<const JudgedAction*, const ActionResult*> results;
  for (const auto& step : account.acted.steps) results[step.judged] = &step.result;
  std::size_t left = 0;
  for (const auto& judged : account.look.judged->actions()) {
    if (judged.verdict != Verdict::apply) continue;
    const auto result = results.find(&judged);
    if (result != results.end() && result->second->kind != ActionResult::Kind::held) continue;
    std::cout << "not done    " << judged.action.account << "  " << name_of(judged.action.operation) << ' '
              << terminal_safe(judged.action.username) << ": "
              << terminal_safe(why_left(account.acted, judged)) << '\n';
    ++left;
  }
  return left;
}

Awaitable<void> one_of_all(LiveAccount& account, const std::function<Awaitable<void>(LiveAccount&)>& one) {
  co_await one(account);
  account.stack->save_rates(!account.acted.steps.empty());
  account.stack->note_waiting();
}

}  // namespace

void SilentEvents::emit(const Event& event) {
  if (event.name != "exchange.failed" || event.reason == last_failure_) return;
  last_failure_ = event.reason;
  std::cerr << "note: account " << event.account << ": " << terminal_safe(event.reason) << std::endl;
}

void TerminalEvents::emit(const Event& event) {
  SilentEvents::emit(event);
  const std::string who = event.account + "  " + event.field + " " + terminal_safe(event.username);
  if (event.name == "action.applied") std::cout << "done        " << who << '\n';
  if (event.name == "action.unverified")
    std::cout << "unverified  " << who << ": " << terminal_safe(event.reason) << '\n';
  if (event.name == "action.failed")
    std::cout << "not done    " << who << ": " << terminal_safe(event.reason) << '\n';
  if (event.name == "cycle.summary")
    std::cout << event.account << ": " << event.reason << "  (run " << event.run << ")\n";
  const bool asks = event.name == "approval.requested";
  if (asks || event.name == "breaker.open" || event.name == "rate.limited") {
    std::cerr << event.name << ": " << terminal_safe(event.reason) << '\n';
  }
}

Live open_live(const CommandLine& line, Loaded<Settings> loaded, EventSink& events) {
  Live live;
  print_problems(loaded.problems);
  live.exit = loaded.exit;
  if (!loaded.value) return live;
  live.settings = std::move(*loaded.value);
  const auto selection = select_accounts(line, live.settings);
  if (selection.exit != Exit::done) {
    live.exit = worse(live.exit, selection.exit);
    return live;
  }
  live.ready = true;
  live.place = std::make_unique<Workplace>(live.settings.config, events, invoking_user());
  remember_desired_state(live.settings, live.place->store(), Store::DesiredOf::command);
  for (const auto& account : selection.accounts) {
    auto stack = AccountStack::make(account, live.place->process());
    if (!stack) {
      print_error(stack.error());
      live.exit = worse(live.exit, exit_for(stack.error()));
      live.ready = false;
      continue;
    }
    live.stacks.push_back(std::move(*stack));
  }
  return live;
}

std::vector<LiveAccount> begin(Live& live, Purpose purpose) {
  const auto run = make_run_id(live.place->clock().now(), live.place->random());
  std::vector<LiveAccount> accounts;
  for (const auto& stack : live.stacks) {
    LiveAccount account;
    account.stack = stack.get();
    account.cycle = std::make_unique<Cycle>(stack->context(), stack->ports(), run, purpose,
                                            live.settings.digest_for(stack->context()));
    accounts.push_back(std::move(account));
  }
  return accounts;
}

Awaitable<bool> claim(Live& live, LiveAccount& account) {
  auto& stack = *account.stack;
  auto lock = co_await lock_account(*live.place, stack.context().id, lock_patience);
  if (!lock) {
    account.look.problems.push_back(Error{
        ErrorKind::store, "another cycle works on account " + stack.context().id + "; try again later", ""});
    co_return false;
  }
  account.lock = std::move(lock);
  stack.in_doubt().recover();
  co_return true;
}

bool give_desired(Live& live, LiveAccount& account) {
  auto& settings = live.settings;
  const auto& id = account.stack->context().id;
  auto desired = settings.wanted.find(id, live.place->store(), Store::DesiredOf::command);
  if (!desired) {
    Problems problems;
    if (read_desired_state(settings, problems)) desired = settings.wanted.of(id);
    if (!problems.empty()) {
      print_problems(problems);
      live.exit = worse(live.exit, Exit::desired);
    }
  }
  if (!desired) {
    account.look.problems.push_back(
        Error{ErrorKind::desired, "it was edited meanwhile, and is not valid", settings.config.desired_path});
    return false;
  }
  account.desired = std::move(*desired);
  return true;
}

Awaitable<void> for_all(std::vector<LiveAccount>& accounts,
                        std::function<Awaitable<void>(LiveAccount&)> one) {
  const auto by_index = [&](std::size_t i) { return one_of_all(accounts[i], one); };
  co_await for_each_limited(accounts.size(), accounts_at_once, by_index);
}

JudgedPlan not_planned(const Live& live, const LiveAccount& account, std::vector<std::string> reasons) {
  Plan plan;
  plan.account = account.stack->context().id;
  plan.desired_revision = live.settings.wanted.revision_of(plan.account);
  plan.observed_at = live.place->clock().now();
  plan.reasons = std::move(reasons);
  return Judge::nothing_to_do(std::move(plan));
}

void stand_in_for_failed(const Live& live, std::vector<LiveAccount>& accounts) {
  for (auto& account : accounts) {
    if (account.look.judged || account.unplanned) continue;
    std::vector<std::string> reasons;
    for (const auto& problem : account.look.problems) reasons.push_back(problem.text());
    account.unplanned = not_planned(live, account, std::move(reasons));
  }
}

std::vector<const JudgedPlan*> plans_of(const std::vector<LiveAccount>& accounts) {
  std::vector<const JudgedPlan*> plans;
  for (const auto& account : accounts) {
    const auto& plan = account.look.judged ? account.look.judged : account.unplanned;
    if (plan) plans.push_back(&*plan);
  }
  return plans;
}

Exit report_problems(const std::vector<LiveAccount>& accounts) {
  auto exit = Exit::done;
  for (const auto& account : accounts) {
    for (const auto& problem : account.look.problems) {
      print_error(told_to_people(problem, account.stack->context().id));
      // What only the provider could tell is work that failed, whatever it says about our files; only a rule
      // that asks for what cannot be is as invalid as if it could have been seen offline.
      exit = worse(exit, problem.kind == ErrorKind::desired ? Exit::desired : Exit::failed);
    }
    for (const auto& problem : account.look.invalid) {
      print_error(problem);
      exit = worse(exit, Exit::desired);
    }
    for (const auto& [key, why] : account.look.observed.memory.unread) {
      print_error(told_to_people(Error{ErrorKind::provider, "\"" + key + "\" " + why, ""},
                                 account.stack->context().id));
      exit = worse(exit, Exit::failed);
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

bool can_ask(const CommandLine& line, const char* command) {
  if (line.yes || ::isatty(STDIN_FILENO)) return true;
  print_error(Error{
      ErrorKind::usage,
      std::string{command} + " changes live accounts: without a terminal to ask on it needs --yes", ""});
  return false;
}

Consent ask(const CommandLine& line, const std::vector<LiveAccount>& accounts, const PlanSummary& summary) {
  bool enforced = false;
  for (const auto& account : accounts) enforced = enforced || account.stack->context().enforce;
  if (!enforced || summary.to_apply() == 0) return Consent::nothing_to_do;
  if (line.yes) return Consent::agreed;
  std::cout << "Do this to the live accounts: " << summary_line(summary) << "? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return Consent::agreed;
  std::cerr << "nothing was sent\n";
  return Consent::refused;
}

Exit exit_of_plan(const PlanSummary& summary) {
  auto exit = Exit::done;
  if (summary.to_apply() > 0) exit = worse(exit, Exit::found);
  if (summary.held + summary.unaccepted > 0) exit = worse(exit, Exit::held);
  return exit;
}

Exit exit_after(const std::vector<LiveAccount>& accounts) {
  auto exit = Exit::done;
  for (const auto& account : accounts) {
    if (!account.look.judged) continue;
    const auto& context = account.stack->context();
    const auto summary = summarize({&*account.look.judged});
    if (summary.held + summary.unaccepted > 0) exit = worse(exit, Exit::held);
    if (!context.enforce) {
      exit = worse(exit, Exit::held);
      std::cerr << "account " << context.id
                << " is in observe mode: nothing was sent; set `mode: enforce` to apply\n";
      continue;
    }
    if (has_failed(account)) exit = worse(exit, Exit::failed);
    const bool paused = account.stack->ports().store.paused(context.id).has_value();
    if (tell_what_is_left(account) > 0) exit = worse(exit, paused ? Exit::held : Exit::failed);
  }
  return exit;
}

}  // namespace usersyncd
