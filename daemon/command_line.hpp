#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sync/time.hpp"

// What a user typed, as values. Nothing here touches a file or the network.

namespace usersyncd {

/// Exit codes of the contract, section 1.
enum class Exit : int { done = 0, failed = 1, found = 2, held = 3, usage = 64, desired = 65, config = 78 };

/// When several hold: 78, 65, 64, 1, 2, 3, 0.
Exit worse(Exit left, Exit right);

enum class Format { text, json, markdown, jsonl, csv };

struct CommandLine {
  enum class Command {
    run,
    plan,
    apply,
    undo,
    validate,
    import,
    drift,
    explain,
    approvals,
    approve,
    reject,
    pause,
    resume,
    audit_list,
    audit_show,
    audit_verify,
    audit_export,
    status,
    schema
  };
  Command command = Command::status;
  std::string config = "/etc/usersyncd/usersyncd.yaml";
  bool config_given = false;
  std::vector<std::string> accounts;
  Format format = Format::text;
  std::string out;         ///< plan --out
  std::string plan_file;   ///< apply --plan
  bool plan_only = false;  ///< undo --plan
  bool yes = false;
  std::vector<std::string> names;  ///< PATH…, USERNAME, ID… or the kind of schema
  std::string reason;
  std::optional<Duration> ttl;
  std::optional<std::int64_t> seq;
  std::optional<Time> since, until;
  std::string run;
  std::string username;
  std::string checkpoint_file;  ///< audit verify --checkpoint
  std::string key_file;         ///< audit verify --key
  bool actions = false;         ///< audit export --actions
  bool mistyped = false;        ///< the command is known, what follows it is not; it was said what
};

/// Either a command to carry out, or an exit code after help, a version or a usage error has been printed. A
/// usage error of a known command comes as that command, `mistyped`, if it is clear which config was meant:
/// its files may be worse.
std::variant<CommandLine, Exit> parse_command_line(int argc, const char* const* argv);

}  // namespace usersyncd
