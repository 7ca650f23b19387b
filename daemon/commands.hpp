#pragma once

#include <set>
#include <string>
#include <vector>

#include "daemon/command_line.hpp"
#include "daemon/settings.hpp"
#include "sync/error.hpp"

// One function for each command. Results go to stdout, everything else to stderr.

namespace usersyncd {

/// Carries out what was typed. Throws StoreError and std::exception for what only main can report.
Exit run_command(const CommandLine& line);

Exit run_daemon(const CommandLine& line);

Exit run_plan(const CommandLine& line);
Exit run_apply(const CommandLine& line);
Exit run_undo(const CommandLine& line);
Exit run_import(const CommandLine& line);

Exit run_validate(const CommandLine& line);
Exit run_schema(const CommandLine& line);

Exit run_drift(const CommandLine& line);
Exit run_explain(const CommandLine& line);
Exit run_status(const CommandLine& line);

Exit run_approvals(const CommandLine& line);
Exit run_decide(const CommandLine& line, bool approve);
Exit run_pause(const CommandLine& line);
Exit run_resume(const CommandLine& line);

Exit run_audit_list(const CommandLine& line);
Exit run_audit_show(const CommandLine& line);
Exit run_audit_verify(const CommandLine& line);
Exit run_audit_actions(const CommandLine& line);

/// Prints problems to stderr.
void print_problems(const Problems& problems);
void print_error(const Error& error);

/// The config's accounts that `line.accounts` names, all if it names none. An id that the config does not
/// have is reported, and the exit code is `usage`.
struct Selection {
  std::vector<AccountSettings> accounts;
  Exit exit = Exit::done;
};
Selection select_accounts(const CommandLine& line, const Settings& settings);

/// Config and profiles for a command that needs only the store. If they are not valid, that is said, and the
/// command goes on with what can be made out of the config (see glimpse_config): no account has a profile
/// then. Empty: not even the store can be found, or there is none: nobody makes one on the word of such a
/// config.
Loaded<Settings> load_for_store(const CommandLine& line);

/// When the ids of a plan can be approved.
inline constexpr std::string_view approve_when =
    "what waits for an approval can be approved once `usersyncd apply` or a poll of the daemon has asked for "
    "it";

/// Why nothing is known of an account, as a sentence that begins after its name, with what to run; empty: it
/// was polled. Not yet safe for a terminal.
std::string why_unknown(const AccountState& state);

/// The exit code that an error deserves.
Exit exit_for(const Error& error);

}  // namespace usersyncd
