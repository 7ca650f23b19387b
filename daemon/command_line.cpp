#include "daemon/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <map>

#include "config/nearest.hpp"
#include "config/problems.hpp"

namespace usersyncd {
namespace {

using Command = CommandLine::Command;

// CLI11 fills strings; these turn them into values and complain in its way.
void parse_times(CommandLine& line, const std::string& since, const std::string& until) {
  const auto read = [](const char* option, const std::string& text) -> std::optional<Time> {
    if (text.empty()) return std::nullopt;
    auto time = parse_time(text);
    if (!time)
      throw CLI::ValidationError(option,
                                 "\"" + text + "\" is not a time such as 2026-11-21 or 2026-11-21T08:00:00Z");
    return time;
  };
  line.since = read("--since", since);
  line.until = read("--until", until);
}

class Parser {
 public:
  Parser() : app_("usersyncd keeps the users of CPaaS accounts as a YAML desired state says.", "usersyncd") {
    app_.set_version_flag("--version", std::string{"usersyncd "} + USERSYNCD_VERSION);
    app_.add_option("--config", line_.config, "config file")->capture_default_str();
    app_.require_subcommand(1);
    app_.fallthrough();
    add_writers();
    add_readers();
    add_people();
    add_audit();
  }

  std::variant<CommandLine, Exit> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
      finish();
    } catch (const CLI::Success& success) {
      app_.exit(success);
      return Exit::done;
    } catch (const CLI::ParseError& error) {
      if (!say_unknown_command()) app_.exit(error, std::cout, std::cerr);
      const auto command = typed_command();
      if (!command || is_config_doubtful({argv, argv + argc})) return Exit::usage;
      line_.command = *command;
      line_.mistyped = true;
    }
    return line_;
  }

 private:
  // The innermost command that was typed; the app itself if there is none.
  const CLI::App& innermost() const {
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return *app;
  }

  std::optional<Command> typed_command() const {
    const auto found = commands_.find(&innermost());
    return found == commands_.end() ? std::nullopt : std::optional{found->second};
  }

  // Whether a word that was not understood may have been meant to name a config, as in `--confg other.yaml`
  // or in a --config without a file: then nobody knows that it is the usual one.
  bool is_config_doubtful(const std::vector<std::string_view>& words) const {
    if (app_.count("--config") > 0) return false;
    const auto names_config = [](std::string_view word) { return word.starts_with("--config"); };
    return !app_.remaining(true).empty() || std::any_of(words.begin(), words.end(), names_config);
  }

  // Names a word that stands where a command is expected, and the nearest one. False: there is no such word.
  bool say_unknown_command() const {
    const auto& app = innermost();
    std::vector<std::string> known;
    for (const auto* sub : app.get_subcommands(nullptr)) known.push_back(sub->get_name());
    if (known.empty()) return false;
    for (const auto& word : app_.remaining(true)) {
      if (word.starts_with('-')) continue;
      const auto after = &app == &app_ ? std::string{} : " after `" + app.get_name() + "`";
      std::cerr << "there is no command `" << printable(word) << "`" << after << "; "
                << suggestion(word, known) << "\nRun with --help for more information.\n";
      return true;
    }
    return false;
  }

  CLI::App* add(const char* name, const char* what, Command command, CLI::App* parent = nullptr) {
    auto* sub = (parent ? parent : &app_)->add_subcommand(name, what);
    sub->fallthrough();
    sub->callback([this, command] { line_.command = command; });
    commands_[sub] = command;
    return sub;
  }

  void accounts_of(CLI::App* sub) {
    sub->add_option("--account", line_.accounts, "only this account; may be repeated")->type_name("ID");
  }

  void format_of(CLI::App* sub, std::vector<std::string> names) {
    sub->add_option("--format", format_, "how to print")->check(CLI::IsMember(names))->type_name("FORMAT");
  }

  void add_writers() {
    add("run", "the daemon: poll, report drift, reconcile what policy allows", Command::run);
    auto* plan =
        add("plan", "observe now and print what would be done and why; sends no write", Command::plan);
    accounts_of(plan);
    format_of(plan, {"text", "json", "markdown"});
    plan->add_option("--out", line_.out, "also write the plan as JSON, for apply --plan")->type_name("FILE");
    auto* apply = add("apply", "one cycle now: plan, show, do, verify", Command::apply);
    accounts_of(apply);
    apply->add_option("--plan", line_.plan_file, "exactly this plan, refused if anything changed")
        ->type_name("FILE");
    apply->add_flag("--yes", line_.yes, "do not ask");
    auto* undo = add("undo", "the inverse of a run, through the same policies", Command::undo);
    undo->add_option("RUN", line_.run, "the run, as audit list and the log name it")->required();
    undo->add_flag("--plan", line_.plan_only, "only show what would be done");
    undo->add_flag("--yes", line_.yes, "do not ask");
    accounts_of(undo);
    format_of(undo, {"text", "json", "markdown"});
  }

  void add_readers() {
    auto* validate = add("validate", "check config, desired state and policies offline", Command::validate);
    validate->add_option("PATH", line_.names, "files or directories instead of those of the config");
    auto* import = add("import", "print the live account as a desired-state file", Command::import);
    import->add_option("--account", line_.accounts, "the account")->required()->expected(1)->type_name("ID");
    auto* drift = add("drift", "the drift known to the store", Command::drift);
    accounts_of(drift);
    format_of(drift, {"text", "json"});
    auto* explain = add("explain", "why one user is as they are, from the store, offline", Command::explain);
    explain->add_option("USERNAME", line_.names, "the user")->required()->expected(1);
    accounts_of(explain);
    format_of(explain, {"text", "json"});
    auto* status = add("status", "per account: polls, drift, held, paused, waiting", Command::status);
    format_of(status, {"text", "json"});
    auto* schema = add("schema", "the JSON Schema of a kind of file", Command::schema);
    schema->add_option("KIND", line_.names, "config, desired, policy or profile")
        ->required()
        ->expected(1)
        ->check(CLI::IsMember({"config", "desired", "policy", "profile"}));
  }

  void add_people() {
    auto* approvals = add("approvals", "actions that wait for a person", Command::approvals);
    format_of(approvals, {"text", "json"});
    for (const auto& [name, what, command] :
         {std::tuple{"approve", "let waiting actions be done", Command::approve},
          std::tuple{"reject", "do not let waiting actions be done", Command::reject}}) {
      auto* sub = add(name, what, command);
      sub->add_option("ID", line_.names, "action ids, as approvals prints them")->required();
      sub->add_option("--reason", line_.reason, "why; goes into the audit log");
      sub->add_option("--ttl", ttl_, "how long it holds, such as 24h")->type_name("DURATION");
    }
    auto* pause = add("pause", "stop writes at once; polling and reports go on", Command::pause);
    accounts_of(pause);
    pause->add_option("--reason", line_.reason, "why; shown by status");
    accounts_of(add("resume", "let writes go on", Command::resume));
  }

  void add_audit() {
    auto* audit = app_.add_subcommand("audit", "the audit log");
    audit->require_subcommand(1);
    audit->fallthrough();
    const auto filters = [this](CLI::App* sub) {
      sub->add_option("--since", since_, "from this time on")->type_name("TIME");
      sub->add_option("--until", until_, "before this time")->type_name("TIME");
      accounts_of(sub);
      sub->add_option("--username", line_.username, "records about this user");
      sub->add_option("--run", line_.run, "records of this run; `last` is the newest");
      format_of(sub, {"text", "jsonl", "csv"});
    };
    filters(add("list", "records, one a line", Command::audit_list, audit));
    auto* exported = add("export", "records for an auditor", Command::audit_export, audit);
    filters(exported);
    exported->add_flag("--actions", line_.actions,
                       "one line for each write: who, which revision, which rule, approved by, when, what");
    auto* show = add("show", "one record in full", Command::audit_show, audit);
    show->add_option("SEQ", line_.seq, "its number")->required();
    auto* verify =
        add("verify", "walk the hash chain; exit 1 at the first break", Command::audit_verify, audit);
    verify->add_option("--checkpoint", line_.checkpoint_file, "the log must hold what these notes signed")
        ->type_name("FILE");
    verify->add_option("--key", line_.key_file, "public keys instead of those beside the store")
        ->type_name("FILE");
  }

  void finish() {
    line_.config_given = app_.count("--config") > 0;
    parse_times(line_, since_, until_);
    if (!ttl_.empty()) {
      line_.ttl = parse_duration(ttl_);
      if (!line_.ttl || *line_.ttl == Duration{0})
        throw CLI::ValidationError("--ttl", "\"" + ttl_ + "\" is not a duration such as 24h, above zero");
    }
    if (line_.command == Command::audit_export) line_.format = Format::jsonl;
    constexpr std::array<std::pair<std::string_view, Format>, 5> formats{{{"text", Format::text},
                                                                          {"json", Format::json},
                                                                          {"markdown", Format::markdown},
                                                                          {"jsonl", Format::jsonl},
                                                                          {"csv", Format::csv}}};
    for (const auto& [name, format] : formats) {
      if (format_ == name) line_.format = format;
    }
  }

  CLI::App app_;
  CommandLine line_;
  std::map<const CLI::App*, Command> commands_;
  std::string format_, since_, until_, ttl_;
};

}  // namespace

Exit worse(Exit left, Exit right) {
  constexpr std::array<Exit, 7> order{Exit::config, Exit::desired, Exit::usage, Exit::failed,
                                      Exit::found,  Exit::held,    Exit::done};
  const auto rank = [&](Exit code) { return std::find(order.begin(), order.end(), code); };
  return rank(left) < rank(right) ? left : right;
}

std::variant<CommandLine, Exit> parse_command_line(int argc, const char* const* argv) {
  return Parser{}.parse(argc, argv);
}

}  // namespace usersyncd
