#pragma once

#include <memory>
#include <vector>

#include "daemon/commands.hpp"
#include "daemon/live.hpp"

// What the commands that talk to providers have in common: plan, apply, import, undo.

namespace usersyncd {

/// For commands that say all they have to say at their end: only what they wait for is told, on stderr.
class SilentEvents : public EventSink {
 public:
  void emit(const Event& event) override;

 private:
  std::string last_failure_;
};

/// What a person at a terminal sees of a cycle: what was done on stdout, what is wrong on stderr.
class TerminalEvents : public SilentEvents {
 public:
  void emit(const Event& event) override;
};

struct Live {
  Settings settings;
  std::unique_ptr<Workplace> place;
  std::vector<std::unique_ptr<AccountStack>> stacks;
  bool ready = false;      ///< false: nothing can be done, and it was said why
  Exit exit = Exit::done;  ///< what the files alone deserve: an entry that is not valid stops nobody else
};

/// Opens the store and builds the stacks of the accounts that `line` names; reports what is in the way. The
/// references in the result refer to `events`.
Live open_live(const CommandLine& line, Loaded<Settings> loaded, EventSink& events);

/// One cycle for each of the accounts, all of the same run.
std::vector<LiveAccount> begin(Live& live, Purpose purpose);

/// Takes the account's lock and settles what an earlier process left. False: reported in `account.look`.
Awaitable<bool> claim(Live& live, LiveAccount& account);

/// Gives the account its desired state; that of all is read now if one that was recognised is not in the
/// store. False: reported in `account.look`.
bool give_desired(Live& live, LiveAccount& account);

/// Calls `one` for the accounts, some at a time.
Awaitable<void> for_all(std::vector<LiveAccount>& accounts, std::function<Awaitable<void>(LiveAccount&)> one);

/// A plan without actions that says why the account is not planned.
JudgedPlan not_planned(const Live& live, const LiveAccount& account, std::vector<std::string> reasons);

/// Gives those accounts one whose look failed, so that each account is in what is shown.
void stand_in_for_failed(const Live& live, std::vector<LiveAccount>& accounts);

std::vector<const JudgedPlan*> plans_of(const std::vector<LiveAccount>& accounts);

/// Prints what was wrong with the looks; returns the exit code that it deserves.
Exit report_problems(const std::vector<LiveAccount>& accounts);

void print_plan(const CommandLine& line, const std::vector<const JudgedPlan*>& plans, Time created_at);

/// The exit code of a plan that is only shown.
Exit exit_of_plan(const PlanSummary& summary);

/// Whether something would be sent at all, and the person at the terminal agreed to it.
enum class Consent { nothing_to_do, agreed, refused };
Consent ask(const CommandLine& line, const std::vector<LiveAccount>& accounts, const PlanSummary& summary);

/// False, with the reason on stderr: there is nobody to ask and no --yes.
bool can_ask(const CommandLine& line, const char* command);

/// The exit code after acting.
Exit exit_after(const std::vector<LiveAccount>& accounts);

}  // namespace usersyncd
