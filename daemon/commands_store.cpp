#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <iostream>

#include "config/config_file.hpp"
#include "daemon/audit_keeper.hpp"
#include "daemon/commands.hpp"
#include "daemon/daemon_events.hpp"
#include "daemon/live_commands.hpp"
#include "daemon/system_clock.hpp"
#include "daemon/workplace.hpp"
#include "store/lock.hpp"
#include "store/store.hpp"
#include "sync/plan_json.hpp"
#include "sync/plan_text.hpp"

// Commands that read or change the store and talk to nobody: they work beside a running daemon, which sees
// what they change within a second.

namespace usersyncd {
namespace {

namespace json = boost::json;

// The config, as far as it can be made out, and the store that it names.
struct Opened {
  Settings settings;
  std::vector<AccountSettings> accounts;
  std::unique_ptr<Store> store;  ///< null: it was said why
  bool is_new = false;           ///< there was no store before
  Exit exit = Exit::done;        ///< what the config deserves, also where the store can be used
};

Opened open(const CommandLine& line, Access access) {
  Opened opened;
  auto loaded = load_for_store(line);
  opened.exit = loaded.exit;
  if (!loaded.value) return opened;
  opened.settings = std::move(*loaded.value);
  auto selection = select_accounts(line, opened.settings);
  opened.exit = worse(opened.exit, selection.exit);
  opened.accounts = std::move(selection.accounts);
  if (selection.exit != Exit::done) return opened;
  const auto& path = opened.settings.config.store_path;
  std::error_code unknown;
  opened.is_new = !std::filesystem::exists(path, unknown);
  opened.store = std::make_unique<Store>(path, access);
  return opened;
}

// A daemon that uses another store, because the config was edited since it started, hears nothing of this.
void say_who_hears(const Opened& opened) {
  const auto path = terminal_safe(opened.settings.config.store_path);
  if (opened.is_new) {
    std::cerr << "warning: there was no store " << path << ", it was made now: a daemon that uses another "
              << "one goes on writing. Is `store.path` in the config right?\n";
  } else if (!DaemonLock::is_held(opened.settings.config.store_path)) {
    std::cout << "no daemon runs on the store " << path
              << " now; one that uses another store goes on writing\n";
  }
}

// What a person decided is signed at once, as a run is at its end: there may be no daemon that would. With a
// config that is not valid it is not known by which key; whoever writes next to the log signs it.
void sign_audit(Opened& opened) {
  if (opened.exit != Exit::done) return;
  boost::asio::io_context io{1};
  SystemClock clock{io};
  SilentEvents events;
  AuditKeeper keeper{*opened.store, clock, events, opened.settings.config.audit};
  keeper.sign();
  if (!keeper.trouble().empty()) std::cerr << "warning: " << keeper.trouble() << '\n';
}

Time now() {
  return std::chrono::floor<Duration>(std::chrono::system_clock::now());
}

json::value time_json(const std::optional<Time>& time) {
  if (!time) return nullptr;
  return json::value(format_time(*time));
}

json::value text_json(const std::string& text) {
  if (text.empty()) return nullptr;
  return json::value(text);
}

std::string time_text(const std::optional<Time>& time) {
  return time ? format_time(*time) : "never";
}

json::object drift_json(const std::string& account, const KnownDrift& known) {
  json::object object;
  object["account"] = account;
  object["username"] = known.drift.username;
  object["field"] = known.drift.kind;
  object["desired"] = known.drift.desired;
  object["actual"] = known.drift.actual;
  object["since"] = format_time(known.since);
  object["rule"] = text_json(known.drift.rule);
  return object;
}

json::object status_json(const AccountSettings& account, const AccountState& state,
                         const std::optional<Pause>& pause, const std::string& rates) {
  json::object object;
  object["account"] = account.config.id;
  object["name"] = text_json(account.config.name);
  object["mode"] = account.config.mode == Mode::enforce ? "enforce" : "observe";
  object["lastPoll"] = time_json(state.last_poll);
  object["lastSuccess"] = time_json(state.last_success);
  object["lastError"] = text_json(state.last_error);
  object["nextPoll"] = time_json(state.next_poll);
  object["complete"] = state.list_complete;
  object["users"] = state.users;
  object["drift"] = state.drift;
  object["held"] = state.held;
  object["paused"] = nullptr;
  if (pause) {
    json::object paused;
    paused["reason"] = text_json(pause->reason);
    paused["actor"] = pause->actor;
    paused["since"] = format_time(pause->since);
    object["paused"] = std::move(paused);
  }
  object["breaker"] = state.breaker;
  object["waitingUntil"] = time_json(state.waiting_until);
  object["waitingReason"] = text_json(state.waiting_reason);
  object["rateLimit"] = text_json(rates);
  return object;
}

std::string status_text(const AccountSettings& account, const AccountState& state,
                        const std::optional<Pause>& pause, const std::string& rates) {
  const auto& config = account.config;
  std::string text = "account " + config.id + (config.name.empty() ? "" : " (" + config.name + ")") + ", " +
                     (config.mode == Mode::enforce ? "enforce" : "observe") + "\n";
  text += "  last poll     " + time_text(state.last_poll) + "\n";
  text += "  last success  " + time_text(state.last_success) + "\n";
  if (!state.last_error.empty()) text += "  last error    " + terminal_safe(state.last_error) + "\n";
  text += "  next poll     " + time_text(state.next_poll) + "\n";
  text += "  users " + std::to_string(state.users) + ", drift " + std::to_string(state.drift) + ", held " +
          std::to_string(state.held) + ", breaker " + state.breaker + "\n";
  if (pause) {
    text += "  PAUSED by " + terminal_safe(pause->actor) + " since " + format_time(pause->since) +
            (pause->reason.empty() ? "" : ": " + terminal_safe(pause->reason)) + "\n";
  }
  if (state.waiting_until) {
    text += "  waiting for the rate limit until " + format_time(*state.waiting_until) + ": " +
            terminal_safe(state.waiting_reason) + "\n";
  }
  if (!rates.empty()) text += "  rate limit    " + terminal_safe(rates) + "\n";
  return text;
}

json::object approval_json(const Approval& approval) {
  json::object object;
  object["id"] = approval.action;
  object["account"] = approval.account;
  object["operation"] = approval.operation;
  object["username"] = approval.username;
  object["summary"] = approval.summary;
  object["state"] = name_of(approval.state);
  object["plan"] = text_json(approval.plan);
  object["requestedAt"] = format_time(approval.requested_at);
  object["decidedBy"] = text_json(approval.actor);
  object["decidedAt"] = time_json(approval.decided_at);
  object["expiresAt"] = time_json(approval.expires_at);
  object["reason"] = text_json(approval.reason);
  return object;
}

constexpr Duration usual_approval{std::chrono::hours{24}};

constexpr std::size_t least_typed = 6;  // of an id; fewer characters are typed by mistake

// Full ids, or beginnings of ids that only one waiting action has.
std::optional<std::string> find_action(const std::vector<Approval>& approvals, const std::string& typed) {
  std::optional<std::string> found;
  for (const auto& approval : approvals) {
    if (approval.action == typed) return typed;
    if (typed.size() < least_typed || !approval.action.starts_with(typed)) continue;
    if (found && *found != approval.action) return std::nullopt;
    found = approval.action;
  }
  return found;
}

// Whether it waits for a person, or was approved and is still to be done. The next poll forgets the others.
bool is_open(Store& store, const Approval& approval) {
  if (approval.state != Approval::State::approved) return approval.state == Approval::State::waiting;
  IntentFilter filter;
  filter.account = approval.account;
  filter.username = approval.username;
  const auto writes = store.list_intents(filter);
  return std::none_of(writes.begin(), writes.end(), [&](const Intent& intent) {
    return intent.write.action == approval.action && intent.state == IntentState::done;
  });
}

// Whose time has run out waits for a person again; the next poll writes it down.
Approval asked_again(Approval approval) {
  approval.state = Approval::State::waiting;
  approval.actor.clear();
  approval.reason.clear();
  approval.decided_at = approval.expires_at = std::nullopt;
  return approval;
}

}  // namespace

Exit run_drift(const CommandLine& line) {
  auto opened = open(line, Access::read_only);
  if (!opened.store) return opened.exit;
  json::array all, not_polled;
  std::string text;
  for (const auto& account : opened.accounts) {
    const auto& id = account.config.id;
    if (const auto why = why_unknown(opened.store->load_state(id)); !why.empty()) {
      not_polled.push_back(json::object{{"account", id}, {"reason", why}});
      text += "account " + id + " " + terminal_safe(why) + "\n";
    }
    for (const auto& known : opened.store->load_drift(id)) {
      all.push_back(drift_json(id, known));
      text += id + "  " + terminal_safe(known.drift.username) + "  " + known.drift.kind + "  wanted " +
              terminal_safe(known.drift.desired) + ", found " + terminal_safe(known.drift.actual) +
              ", since " + format_time(known.since) + "\n";
    }
  }
  const bool any = !all.empty();
  if (line.format == Format::json) {
    json::object document;
    document["version"] = 1;
    document["drift"] = std::move(all);
    document["notPolled"] = std::move(not_polled);
    std::cout << pretty(document);
  } else {
    const bool some_polled = not_polled.size() < opened.accounts.size();
    std::cout << text;
    if (!any && some_polled) std::cout << (not_polled.empty() ? "no drift\n" : "no drift in the others\n");
  }
  return worse(opened.exit, any ? Exit::found : Exit::done);
}

Exit run_status(const CommandLine& line) {
  auto opened = open(line, Access::read_only);
  if (!opened.store) return opened.exit;
  json::array accounts;
  std::string text;
  const auto refused = opened.store->load_note({}, refused_reload).value_or("");
  const auto refused_at = refused.substr(0, refused.find('\n'));
  const auto why_refused = refused.substr(std::min(refused.size(), refused_at.size() + 1));
  if (!refused.empty())
    text += "the reload of " + refused_at +
            " was refused, what was valid before is in force: " + terminal_safe(why_refused) + "\n";
  for (const auto& account : opened.accounts) {
    auto state = opened.store->load_state(account.config.id);
    // Of a command's wait nobody tells that it is over.
    if (state.waiting_until && *state.waiting_until <= now()) state.waiting_until.reset();
    if (!state.waiting_until) state.waiting_reason.clear();
    const auto pause = opened.store->paused(account.config.id);
    const auto rates = opened.store->load_rates_in_words(account.config.id).value_or("");
    accounts.push_back(status_json(account, state, pause, rates));
    text += status_text(account, state, pause, rates);
  }
  if (line.format == Format::json) {
    json::object document;
    document["version"] = 1;
    document["accounts"] = std::move(accounts);
    if (!refused.empty())
      document["refusedReload"] = json::object{{"at", refused_at}, {"reason", why_refused}};
    std::cout << pretty(document);
  } else {
    std::cout << text;
  }
  return opened.exit;
}

Exit run_pause(const CommandLine& line) {
  auto opened = open(line, Access::read_write);
  if (!opened.store) return opened.exit;
  const auto stop = [&](std::optional<std::string> account) {
    Pause pause;
    pause.account = std::move(account);
    pause.reason = line.reason;
    pause.actor = invoking_user();
    pause.since = now();
    opened.store->pause(pause);
    std::cout << "paused: " << pause.account.value_or("all accounts")
              << "; polling and drift reports go on; `usersyncd resume` lets writes go on\n";
  };
  if (line.accounts.empty()) stop(std::nullopt);
  for (const auto& account : line.accounts) stop(account);
  say_who_hears(opened);
  sign_audit(opened);
  return opened.exit;
}

Exit run_resume(const CommandLine& line) {
  auto opened = open(line, Access::read_write);
  if (!opened.store) return opened.exit;
  const auto resume = [&](const std::optional<std::string>& account) {
    const bool was_paused = opened.store->resume(account, invoking_user(), now());
    std::cout << account.value_or("all accounts") << (was_paused ? ": resumed\n" : ": nothing was paused\n");
  };
  if (line.accounts.empty()) resume(std::nullopt);
  for (const auto& account : line.accounts) {
    resume(account);
    if (const auto still = opened.store->paused(account)) {
      std::cerr << "warning: " << account << " stays paused, because all accounts are; "
                << "`usersyncd resume` without --account lets all go on\n";
    }
  }
  sign_audit(opened);
  return opened.exit;
}

Exit run_approvals(const CommandLine& line) {
  auto opened = open(line, Access::read_only);
  if (!opened.store) return opened.exit;
  json::array all;
  std::string text;
  for (auto approval : opened.store->list_approvals(std::nullopt)) {
    if (!is_open(*opened.store, approval)) continue;
    if (approval.expires_at && *approval.expires_at <= now()) approval = asked_again(std::move(approval));
    all.push_back(approval_json(approval));
    const std::string until = approval.expires_at ? " until " + format_time(*approval.expires_at) : "";
    text +=
        approval.action + "  " + std::string{name_of(approval.state)} + until + "  " + approval.account +
        "  " + approval.operation + " " + terminal_safe(approval.username) + "  " +
        terminal_safe(approval.summary) +
        (approval.plan.empty() ? "" : "  (then run `usersyncd " + terminal_safe(approval.plan) + "` again)") +
        "\n";
  }
  if (line.format == Format::json) {
    json::object document;
    document["version"] = 1;
    document["approvals"] = std::move(all);
    std::cout << pretty(document);
  } else {
    std::cout << (text.empty() ? "nothing waits for a person\n" : text);
  }
  return opened.exit;
}

Exit run_decide(const CommandLine& line, bool approve) {
  auto opened = open(line, Access::read_write);
  if (!opened.store) return opened.exit;
  const auto waiting = opened.store->list_approvals(std::nullopt);
  auto exit = opened.exit;
  for (const auto& typed : line.names) {
    ApprovalDecision decision;
    decision.action = find_action(waiting, typed).value_or(typed);
    decision.approved = approve;
    decision.actor = invoking_user();
    decision.reason = line.reason;
    decision.expires_at = now() + line.ttl.value_or(usual_approval);
    const auto decided = opened.store->decide(decision, now());
    if (!decided) {
      print_error(Error{ErrorKind::usage,
                        "no action \"" + typed + "\" waits for a person (an id, or its first " +
                            std::to_string(least_typed) +
                            " characters and more); see `usersyncd approvals`. If a plan shows it: " +
                            std::string{approve_when},
                        ""});
      exit = worse(exit, Exit::failed);
      continue;
    }
    std::cout << name_of(decided->state) << ": " << decided->operation << " "
              << terminal_safe(decided->username) << " in " << decided->account;
    if (approve) std::cout << ", until " << format_time(*decision.expires_at);
    std::cout << '\n';
  }
  sign_audit(opened);
  return exit;
}

}  // namespace usersyncd
