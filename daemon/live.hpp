#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/workplace.hpp"
#include "reconcile/cycle.hpp"
#include "store/lock.hpp"

namespace usersyncd {

/// One account in one command or one poll of the daemon: its stack, the look, and what was done.
struct LiveAccount {
  AccountStack* stack = nullptr;
  Desired desired;
  std::optional<AccountLock> lock;
  std::unique_ptr<Cycle> cycle;
  Look look;
  /// Stands for the plan, and says why there is none, where the look came to none.
  std::optional<JudgedPlan> unplanned;
  Acted acted;
  /// Ids of actions that failed in an earlier round of these, and that none has done since.
  std::set<std::string> failed;
};

/// Takes the account's lock, waiting for a cycle of the daemon's or another command to end. Empty: stopped,
/// or after `patience`.
Awaitable<std::optional<AccountLock>> lock_account(Workplace& place, std::string account, Duration patience);

/// Waits until a look proves something about all writes of the account that are in doubt, and says so on
/// stderr. False: woken early because the program is stopping.
Awaitable<bool> wait_out_doubt(Workplace& place, AccountStack& stack);

/// Wait, look and act again for writes whose outcome is not known or that somebody's change overtook, for as
/// long as that can help: at most `rounds` times. Only actions of the first plan are done.
Awaitable<void> follow_up(Workplace& place, LiveAccount& account, const RuleSet& rules, int rounds);

}  // namespace usersyncd
