#pragma once

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/admin_server.hpp"
#include "daemon/daemon_events.hpp"
#include "daemon/live.hpp"
#include "daemon/notify.hpp"
#include "daemon/turnstile.hpp"
#include "daemon/watcher.hpp"

namespace usersyncd {

/// The long-running process: polls every account on its interval, reloads what people edit, listens to
/// signals, and says how it is doing. One thread; a cycle is the only thing that writes to a provider.
class Daemon {
 public:
  /// `accounts` are the config and profiles, as load_accounts has read them from `config_path`. Throws
  /// StoreError if the store cannot be used.
  Daemon(std::string config_path, Settings accounts, Log& log);

  /// Runs until SIGTERM or SIGINT. If it cannot even start, for a second daemon, a missing secret or an
  /// invalid file, says so on stderr and returns the exit code for it.
  Exit run();

 private:
  /// One account of one generation of the config. A reload retires it; its cycle under way still ends.
  struct Account {
    explicit Account(boost::asio::io_context& io) : sleeper(io) {}
    std::unique_ptr<AccountStack> stack;
    boost::asio::steady_timer sleeper;
    bool retired = false;
    bool woken = false;     ///< something changed since the last poll began: the next one is due at once
    bool outdated = false;  ///< what people wrote about it did, so that a poll under way is worth nothing
    bool polled = false;
    std::string last_said;      ///< approvals and pauses when it last looked
    std::string watch_trouble;  ///< why the last such look failed; told once
    std::optional<Time> waiting_until;
    std::string summary = "not polled yet";
  };
  using Accounts = std::vector<std::shared_ptr<Account>>;

  /// What people have said that bears on polls.
  struct Said {
    bool all_paused = false;
    std::map<std::string, std::string> of;  ///< by account
    std::string about(const std::string& account) const;
  };

  Result<bool> prepare(Accounts& accounts);
  Result<Accounts> make_accounts(const Settings& settings);
  void start(const Accounts& accounts);
  Awaitable<void> poll_forever(std::shared_ptr<Account> account);
  static Duration parked_for(const Account& account);
  Duration park(Account& account);
  Awaitable<void> poll_once(std::shared_ptr<Account> account, Duration until_next);
  Awaitable<void> cycle(std::shared_ptr<Account> account, Duration until_next);
  Awaitable<Look> look(std::shared_ptr<Account> account, Cycle& cycle, const Settings& settings,
                       Desired& desired);
  Awaitable<void> sleep(std::shared_ptr<Account> account, Duration duration);
  void wake(Account& account);
  void note_polled(Account& account);
  Awaitable<void> watch();
  void watch_once();
  void watch_files();
  bool others_wrote();
  void watch_accounts();
  void watch_account(Account& account, const Said* said, std::string trouble);
  void tell_failure(const Account& account, const std::string& reason);
  Awaitable<void> listen_for_signals();

  void reload(bool with_accounts, const KnownDesired& known);
  void reload_settings(bool with_accounts, const KnownDesired& known);
  Loaded<Settings> load(const KnownDesired& known);
  void wake_who_is_concerned(const Settings* before);
  void note_refused_reload(const std::string& text);
  void refuse_reload(const std::string& reason, const std::string& what_holds);
  void tell_frozen(const Problems& problems);
  Said listen_to_people(const std::optional<std::string>& account);
  void note_waiting(Account& account);
  void measure(Account& account, const LiveAccount& live);
  void stop();
  void spawn(Awaitable<void> work);
  void write_lifecycle(const std::string& what);
  void write_reload(const Wanted& wanted);
  std::string status_line() const;
  std::string accounts_digest() const;
  Result<bool> open_admin();

  std::string config_path_;
  std::shared_ptr<Settings> settings_;  ///< without the desired states, which are in the store
  Log& log_;
  Metrics* metrics_ = nullptr;
  DaemonEvents events_{log_, metrics_};
  Workplace place_;
  Notifier notifier_ = Notifier::from_environment();
  FileWatcher watcher_;
  Duration next_look_at_files_{0};
  std::string accounts_digest_;
  Duration last_alive_{0};
  Duration next_trim_{0};
  Duration next_watch_{0};
  Accounts accounts_;
  std::size_t polled_ = 0;  ///< how many of `accounts_` have been
  Turnstile turnstile_;
  std::unique_ptr<AdminServer> admin_;
  boost::asio::steady_timer watch_timer_{place_.io()};
  boost::asio::signal_set signals_{place_.io()};
};

}  // namespace usersyncd
