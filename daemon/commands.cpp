#include "daemon/commands.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>

#include "config/config_file.hpp"
#include "sync/plan_text.hpp"

namespace usersyncd {

namespace {

// What the files that the command would read deserve, with their problems said.
Exit exit_of_files(const CommandLine& line) {
  using Command = CommandLine::Command;
  if (line.command == Command::schema) return Exit::done;
  if (line.command == Command::validate && !line.names.empty()) return Exit::done;
  constexpr std::array reads_all{Command::run, Command::plan, Command::apply, Command::undo,
                                 Command::validate};
  const bool all = std::find(reads_all.begin(), reads_all.end(), line.command) != reads_all.end();
  const auto loaded = all ? load_settings(line.config) : load_accounts(line.config);
  print_problems(loaded.problems);
  return loaded.exit;
}

}  // namespace

Exit run_command(const CommandLine& line) {
  using Command = CommandLine::Command;
  if (line.mistyped) return worse(exit_of_files(line), Exit::usage);
  switch (line.command) {
    case Command::run:
      return run_daemon(line);
    case Command::plan:
      return run_plan(line);
    case Command::apply:
      return run_apply(line);
    case Command::undo:
      return run_undo(line);
    case Command::validate:
      return run_validate(line);
    case Command::import:
      return run_import(line);
    case Command::drift:
      return run_drift(line);
    case Command::explain:
      return run_explain(line);
    case Command::approvals:
      return run_approvals(line);
    case Command::approve:
      return run_decide(line, true);
    case Command::reject:
      return run_decide(line, false);
    case Command::pause:
      return run_pause(line);
    case Command::resume:
      return run_resume(line);
    case Command::audit_list:
      return run_audit_list(line);
    case Command::audit_export:
      return line.actions ? run_audit_actions(line) : run_audit_list(line);
    case Command::audit_show:
      return run_audit_show(line);
    case Command::audit_verify:
      return run_audit_verify(line);
    case Command::status:
      return run_status(line);
    case Command::schema:
      return run_schema(line);
  }
  return Exit::usage;
}

void print_problems(const Problems& problems) {
  std::cerr << problems.text();
}

void print_error(const Error& error) {
  std::string text = terminal_safe(error.text());
  if (text.find("error: ") == std::string::npos) text = "error: " + text;
  std::cerr << text << '\n';
}

Exit exit_for(const Error& error) {
  switch (error.kind) {
    case ErrorKind::usage:
      return Exit::usage;
    case ErrorKind::config:
      return Exit::config;
    case ErrorKind::desired:
      return Exit::desired;
    case ErrorKind::network:
    case ErrorKind::auth:
    case ErrorKind::rate_limited:
    case ErrorKind::not_found:
    case ErrorKind::conflict:
    case ErrorKind::malformed:
    case ErrorKind::provider:
    case ErrorKind::store:
    case ErrorKind::stopped:
      break;
  }
  return Exit::failed;
}

std::string why_unknown(const AccountState& state) {
  if (state.last_success) return {};
  if (state.last_poll)
    return "no poll of it was good yet (" + state.last_error +
           "), so nothing is known of it; `usersyncd plan` looks at it now";
  return "was never polled, so nothing is known of it; `usersyncd apply` or a poll of the daemon "
         "(`usersyncd run`) finds out, `usersyncd plan` looks at it now and remembers nothing";
}

Loaded<Settings> load_for_store(const CommandLine& line) {
  auto loaded = load_accounts(line.config);
  print_problems(loaded.problems);
  if (loaded.value) return loaded;
  auto seen = glimpse_config(line.config);
  std::error_code unknown;
  if (seen.store_path.empty() || !std::filesystem::exists(seen.store_path, unknown)) return loaded;
  std::cerr << "note: the config is not valid; this is about the store that it names, "
            << terminal_safe(seen.store_path) << '\n';
  loaded.value.emplace();
  for (const auto& account : seen.accounts)
    loaded.value->accounts.push_back(AccountSettings{account, nullptr});
  loaded.value->config = std::move(seen);
  return loaded;
}

Selection select_accounts(const CommandLine& line, const Settings& settings) {
  Selection selection;
  std::string known;
  for (const auto& account : settings.accounts) {
    known += (known.empty() ? "" : ", ") + account.config.id;
    const auto& wanted = line.accounts;
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), account.config.id) != wanted.end()) {
      selection.accounts.push_back(account);
    }
  }
  for (const auto& id : line.accounts) {
    const bool found = std::any_of(settings.accounts.begin(), settings.accounts.end(),
                                   [&](const AccountSettings& account) { return account.config.id == id; });
    if (found) continue;
    print_error(
        Error{ErrorKind::usage, "no account \"" + id + "\" in the config; it has: " + known, "--account"});
    selection.exit = Exit::usage;
  }
  return selection;
}

}  // namespace usersyncd
