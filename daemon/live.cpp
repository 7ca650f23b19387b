#include "daemon/live.hpp"

#include <algorithm>
#include <iostream>

namespace usersyncd {
namespace {

constexpr Duration lock_retry{100};

std::set<std::string> permitted_ids(const Look& look) {
  std::set<std::string> ids;
  for (const auto& judged : look.judged->actions()) {
    if (judged.verdict == Verdict::apply) ids.insert(judged.action.id);
  }
  return ids;
}

// Whether the next step on a user was not taken because the one before got no answer.
bool was_cut_short(const LiveAccount& account, const std::set<std::string>& permitted) {
  const auto& steps = account.acted.steps;
  return steps.size() < permitted.size() &&
         std::any_of(steps.begin(), steps.end(),
                     [](const Acted::Step& step) { return step.result.unanswered; });
}

// What failed once stays failed, unless it was done after all; a later round may not even have tried.
void note_failures(LiveAccount& account, const Acted& acted) {
  using Kind = ActionResult::Kind;
  for (const auto& step : acted.steps) {
    const auto kind = step.result.kind;
    const auto& id = step.judged->action.id;
    if (kind == Kind::failed || kind == Kind::manual || kind == Kind::fatal) account.failed.insert(id);
    if (kind == Kind::applied) account.failed.erase(id);
  }
}

}  // namespace

Awaitable<std::optional<AccountLock>> lock_account(Workplace& place, std::string account, Duration patience) {
  const auto until = place.clock().steady() + patience;
  while (true) {
    auto lock = AccountLock::try_acquire(place.store().path(), account);
    if (lock || place.clock().steady() >= until) co_return lock;
    const bool awake = co_await place.clock().sleep_for(lock_retry);
    if (!awake) co_return lock;
  }
}

Awaitable<bool> wait_out_doubt(Workplace& place, AccountStack& stack) {
  const auto wait = stack.in_doubt().left();
  if (wait == Duration{0}) co_return true;
  std::cerr << "waiting until " << format_time(place.clock().now() + wait)
            << " to see what became of unanswered writes\n";
  co_return co_await place.clock().sleep_for(wait);
}

Awaitable<void> follow_up(Workplace& place, LiveAccount& account, const RuleSet& rules, int rounds) {
  const auto permitted = permitted_ids(account.look);
  for (int round = 0; round < rounds && !place.clock().stopping(); ++round) {
    const bool overtaken = account.acted.count(ActionResult::Kind::changed) > 0;
    if (account.stack->in_doubt().none() && !overtaken && !was_cut_short(account, permitted)) co_return;
    const bool awake = co_await wait_out_doubt(place, *account.stack);
    if (!awake) co_return;
    auto cycle = std::make_unique<Cycle>(account.stack->context(), account.stack->ports(),
                                         make_run_id(place.clock().now(), place.random()), Purpose::apply);
    auto look = co_await cycle->look(account.desired, rules, true, true);
    if (!look.judged || !look.observed.observation.complete) co_return;
    cycle->save(look, account.desired, std::nullopt);
    auto acted = co_await cycle->act(look, account.desired, &permitted);
    cycle->finish(look, acted);
    note_failures(account, account.acted);
    note_failures(account, acted);
    account.look = std::move(look);
    account.acted = std::move(acted);
    account.cycle = std::move(cycle);
  }
}

}  // namespace usersyncd
