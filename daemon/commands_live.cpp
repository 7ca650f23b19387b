#include <algorithm>
#include <boost/json/object.hpp>
#include <fstream>
#include <iostream>
#include <set>
#include <utility>

#include "daemon/live_commands.hpp"
#include "daemon/plan_file.hpp"
#include "sync/plan_json.hpp"

// plan and apply.

namespace usersyncd {
namespace {

constexpr int follow_up_rounds = 3;

Awaitable<void> look_at(Live& live, LiveAccount& account, bool to_write) {
  if (account.unplanned) co_return;
  if (to_write) {
    const bool claimed = co_await claim(live, account);
    if (!claimed) co_return;
  }
  const auto revision = live.settings.wanted.revision_of(account.stack->context().id);
  auto glanced = co_await account.cycle->glance(revision);
  if (glanced) {
    account.look = std::move(*glanced);
    co_return;
  }
  if (!give_desired(live, account)) co_return;
  auto look = co_await account.cycle->look(account.desired, live.settings.wanted.rules, to_write, true);
  account.look = std::move(look);
  if (!to_write) account.cycle->remember_quiet(account.look);
}

Awaitable<void> look_at_all(Live& live, std::vector<LiveAccount>& accounts, bool to_write) {
  const auto one = [&live, to_write](LiveAccount& account) { return look_at(live, account, to_write); };
  co_await for_all(accounts, one);
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << text;
  file.close();
  if (file) return true;
  print_error(Error{ErrorKind::usage, "cannot write the plan", path});
  return false;
}

// What `apply` was asked for: the accounts to look at, which are all of a plan, and those to write to.
struct Request {
  CommandLine line;
  std::optional<PlanFile> promised;
  std::vector<std::string> only;  ///< of the plan's accounts; empty: all
};

// Empty: it was said what is wrong with it.
std::optional<Request> read_request(const CommandLine& typed) {
  Request request{typed, std::nullopt, {}};
  if (!can_ask(typed, "apply")) return std::nullopt;
  if (typed.plan_file.empty()) return request;
  request.promised = read_plan_file(typed.plan_file);
  if (!request.promised) return std::nullopt;
  request.only = std::exchange(request.line.accounts, {});
  for (const auto& account : request.promised->accounts) request.line.accounts.push_back(account.id);
  for (const auto& account : typed.accounts) {
    if (request.promised->find(account)) continue;
    print_error(
        Error{ErrorKind::usage, "this plan has nothing of account \"" + account + "\"", typed.plan_file});
    return std::nullopt;
  }
  return request;
}

// Whether the plan that was made now is the promised one; if not, it is said why, with the exit code for it.
Exit compare_with_promise(Live& live, const Request& request, const std::vector<const JudgedPlan*>& plans) {
  if (!request.promised || plan_document(plans, Time{}).at("id").get_string() == request.promised->id)
    return Exit::done;
  for (const auto& stack : live.stacks) {
    const auto pause = live.place->store().paused(stack->context().id);
    if (!pause) continue;
    print_error(Error{ErrorKind::conflict,
                      "account " + stack->context().id + " is paused" +
                          (pause->reason.empty() ? "" : " (" + pause->reason + ")") +
                          ": what this plan says cannot be done now; nothing was sent. `usersyncd resume` "
                          "lets writes go on",
                      request.line.plan_file});
    return Exit::held;
  }
  print_error(Error{ErrorKind::conflict,
                    "what this plan was made from has changed; nothing was sent. Make a new plan and read it",
                    request.line.plan_file});
  return Exit::failed;
}

bool is_asked_for(const std::vector<std::string>& only, const std::string& account) {
  return only.empty() || std::find(only.begin(), only.end(), account) != only.end();
}

// What the file has no plan of is left alone, whatever could be planned now: nobody reviewed that.
void leave_unplanned_alone(const Live& live, const Request& request, std::vector<LiveAccount>& accounts) {
  if (!request.promised) return;
  for (auto& account : accounts) {
    const auto& id = account.stack->context().id;
    const auto* promised = request.promised->find(id);
    if (!promised || promised->planned) continue;
    account.unplanned = not_planned(live, account, promised->reasons);
    if (!is_asked_for(request.only, id)) continue;
    std::string why;
    for (const auto& reason : promised->reasons) why += (why.empty() ? "" : "; ") + reason;
    account.look.problems.push_back(Error{
        ErrorKind::provider, "not planned when this plan was made (" + why + "); nothing is done for it",
        request.line.plan_file + ": account " + id});
  }
}

void leave_out_others(std::vector<LiveAccount>& accounts, const std::vector<std::string>& only) {
  std::erase_if(accounts,
                [&](const LiveAccount& account) { return !is_asked_for(only, account.stack->context().id); });
}

Awaitable<void> act_on(Live& live, LiveAccount& account) {
  if (!account.lock) co_return;
  const bool believed = account.look.judged && account.look.observed.observation.complete;
  if (live.place->clock().stopping() && !believed) co_return;  // cut off by the stop, not by the provider
  // Also what failed: `status` tells of it, and a list that shrank can be accepted.
  account.cycle->save(account.look, account.desired, std::nullopt);
  if (believed && account.stack->context().enforce) {
    auto acted = co_await account.cycle->act(account.look, account.desired);
    account.acted = std::move(acted);
  }
  account.cycle->finish(account.look, account.acted);
  if (believed && account.stack->context().enforce) {
    co_await follow_up(*live.place, account, live.settings.wanted.rules, follow_up_rounds);
  }
}

Awaitable<void> act_on_all(Live& live, std::vector<LiveAccount>& accounts) {
  const auto one = [&live](LiveAccount& account) { return act_on(live, account); };
  co_await for_all(accounts, one);
}

// A plan that is only shown asks nobody for an approval: who sees an id here cannot give one yet.
void say_what_cannot_be_approved_yet(Store& store, const std::vector<const JudgedPlan*>& plans) {
  for (const auto* plan : plans) {
    std::set<std::string> asked_for;
    for (const auto& approval : store.list_approvals(plan->plan().account)) asked_for.insert(approval.action);
    std::set<std::string> needed;
    if (const auto& whole = plan->plan().unaccepted) needed.insert(whole->id);
    for (const auto& action : plan->actions())
      needed.insert(action.waits_for.begin(), action.waits_for.end());
    if (std::includes(asked_for.begin(), asked_for.end(), needed.begin(), needed.end())) continue;
    std::cerr << "note: account " << plan->plan().account << ": " << approve_when << '\n';
  }
}

}  // namespace

Exit run_plan(const CommandLine& line) {
  SilentEvents events;
  auto live = open_live(line, load_settings_as_known(line.config), events);
  if (!live.ready) return live.exit;
  auto accounts = begin(live, Purpose::plan);
  live.place->run(look_at_all(live, accounts, false));

  auto exit = worse(live.exit, report_problems(accounts));
  stand_in_for_failed(live, accounts);
  const auto plans = plans_of(accounts);
  const auto now = live.place->clock().now();
  print_plan(line, plans, now);
  say_what_cannot_be_approved_yet(live.place->store(), plans);
  if (!line.out.empty() && !write_file(line.out, pretty(plan_document(plans, now)))) {
    exit = worse(exit, Exit::failed);
  }
  return worse(exit, exit_of_plan(summarize(plans)));
}

Exit run_apply(const CommandLine& typed) {
  auto loaded = load_settings_as_known(typed.config);
  const auto request = read_request(typed);
  if (!request) {
    print_problems(loaded.problems);
    return worse(loaded.exit, Exit::usage);
  }
  const auto& line = request->line;
  TerminalEvents events;
  auto live = open_live(line, std::move(loaded), events);
  if (!live.ready) return live.exit;
  auto accounts = begin(live, Purpose::apply);
  leave_unplanned_alone(live, *request, accounts);
  live.place->run(look_at_all(live, accounts, true));

  auto exit = worse(live.exit, report_problems(accounts));
  stand_in_for_failed(live, accounts);
  const auto kept = compare_with_promise(live, *request, plans_of(accounts));
  if (kept != Exit::done) return worse(exit, kept);
  leave_out_others(accounts, request->only);
  const auto plans = plans_of(accounts);
  print_plan(line, plans, live.place->clock().now());
  if (ask(line, accounts, summarize(plans)) == Consent::refused) return worse(exit, Exit::failed);
  live.place->io().restart();
  live.place->run(act_on_all(live, accounts));
  return worse(exit, exit_after(accounts));
}

}  // namespace usersyncd
