#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fstream>
#include <sstream>

#include "daemon/live_commands.hpp"
#include "sync/plan_json.hpp"

// plan and apply.

namespace usersyncd {
namespace {

namespace json = boost::json;

constexpr int follow_up_rounds = 3;

Awaitable<void> look_at(Live& live, LiveAccount& account, bool to_write) {
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

}  // namespace

Exit run_plan(const CommandLine& line) {
  SilentEvents events;
  auto live = open_live(line, load_settings_as_known(line.config), events);
  if (!live.ready) return live.exit;
  auto accounts = begin(live, Purpose::plan);
  live.place->run(look_at_all(live, accounts, false));

  auto exit = worse(live.exit, report_problems(accounts));
  const auto plans = plans_of(accounts);
  const auto now = live.place->clock().now();
  if (!plans.empty()) print_plan(line, plans, now);
  if (!line.out.empty() && !plans.empty() && !write_file(line.out, pretty(plan_document(plans, now)))) {
    exit = worse(exit, Exit::failed);
  }
  return worse(exit, exit_of_plan(summarize(plans)));
}

Exit run_apply(const CommandLine& typed) {
  auto line = typed;
  if (!can_ask(line, "apply")) return Exit::usage;
  std::optional<PlanFile> promised;
  if (!line.plan_file.empty()) {
    promised = read_plan_file(line.plan_file);
    if (!promised) return Exit::usage;
    line.accounts = promised->accounts;
  }
  TerminalEvents events;
  auto live = open_live(line, load_settings_as_known(line.config), events);
  if (!live.ready) return live.exit;
  auto accounts = begin(live, Purpose::apply);
  live.place->run(look_at_all(live, accounts, true));

  auto exit = worse(live.exit, report_problems(accounts));
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
  if (ask(line, accounts, summarize(plans)) == Consent::refused) return worse(exit, Exit::failed);
  live.place->io().restart();
  live.place->run(act_on_all(live, accounts));
  return worse(exit, exit_after(accounts));
}

}  // namespace usersyncd
