#include <algorithm>
#include <iostream>
#include <set>

#include "daemon/live_commands.hpp"
#include "reconcile/past_writes.hpp"
#include "sync/plan_text.hpp"

// undo: the way back from a run, as a plan that goes through the same policies as any other.

namespace usersyncd {
namespace {

// Leaves the accounts of the run; those that were not asked for, or that the config does not have any more,
// are left out.
bool find_run(Live& live, const std::string& run) {
  std::set<std::string> accounts;
  for (const auto& part : live.place->store().find_run(run)) accounts.insert(part.account);
  if (accounts.empty()) {
    print_error(Error{ErrorKind::usage,
                      "there is no run \"" + run + "\"; `usersyncd audit list` shows the run of each record",
                      ""});
    return false;
  }
  std::erase_if(live.stacks, [&](const auto& stack) { return accounts.erase(stack->context().id) == 0; });
  for (const auto& account : accounts)
    std::cerr << "note: account " << account << " of this run is left out: it was not asked for\n";
  return true;
}

// With the lock, so that a run under way has ended before its writes are counted. What is in doubt can only
// be undone, or undone once more, when it is known what became of it.
Awaitable<void> look_back(Live& live, LiveAccount& account, const std::string& run, bool plan_only) {
  const bool claimed = co_await claim(live, account);
  if (!claimed) co_return;
  if (!plan_only) {
    const bool awake = co_await wait_out_doubt(*live.place, *account.stack);
    if (!awake) {
      account.look.problems.push_back(Error{ErrorKind::stopped, "usersyncd is stopping", ""});
      co_return;
    }
  }
  if (!give_desired(live, account)) co_return;
  const auto writes = past_writes(live.place->store(), run, account.stack->context().id);
  auto look = co_await account.cycle->look_to_undo(run, writes, account.desired, live.settings.wanted.rules);
  account.look = std::move(look);
}

Awaitable<void> act_on(LiveAccount& account) {
  if (!account.look.judged || !account.look.observed.observation.complete) co_return;
  account.cycle->save_undo(account.look);
  if (account.stack->context().enforce) {
    // The entries of the desired state, as they are, are what a later cycle compares with.
    auto acted = co_await account.cycle->act(account.look, account.desired);
    account.acted = std::move(acted);
  }
  account.cycle->finish(account.look, account.acted);
}

bool anything_impossible(const std::vector<LiveAccount>& accounts) {
  return std::any_of(accounts.begin(), accounts.end(),
                     [](const LiveAccount& account) { return account.look.impossible > 0; });
}

}  // namespace

Exit run_undo(const CommandLine& line) {
  auto loaded = load_settings_as_known(line.config);
  if (!line.plan_only && !can_ask(line, "undo")) {
    print_problems(loaded.problems);
    return worse(loaded.exit, Exit::usage);
  }
  TerminalEvents told;
  SilentEvents silent;
  EventSink& events = line.format == Format::text ? static_cast<EventSink&>(told) : silent;
  auto live = open_live(line, std::move(loaded), events);
  if (!live.ready) return live.exit;
  if (!find_run(live, line.run)) return worse(live.exit, Exit::failed);
  auto accounts = begin(live, Purpose::undo);
  const auto look = [&](LiveAccount& account) { return look_back(live, account, line.run, line.plan_only); };
  live.place->run(for_all(accounts, look));

  auto exit = worse(live.exit, report_problems(accounts));
  stand_in_for_failed(live, accounts);
  const auto plans = plans_of(accounts);
  print_plan(line, plans, live.place->clock().now());
  if (anything_impossible(accounts)) exit = worse(exit, Exit::held);
  if (line.plan_only) return worse(exit, exit_of_plan(summarize(plans)));
  if (ask(line, accounts, summarize(plans)) == Consent::refused) return worse(exit, Exit::failed);
  live.place->io().restart();
  live.place->run(for_all(accounts, act_on));
  return worse(exit, exit_after(accounts));
}

}  // namespace usersyncd
