#pragma once

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "daemon/admin_server.hpp"
#include "daemon/daemon_events.hpp"
#include "daemon/live.hpp"
#include "daemon/notify.hpp"
#include "daemon/watcher.hpp"

namespace usersyncd {

/// The long-running process: polls every account on its interval, reloads what people edit, listens to
/// signals, and says how it is doing. One thread; a cycle is the only thing that writes to a provider.
class Daemon {
 public:
  /// `settings` have been read from `config_path`. Throws StoreError if the store cannot be used.
  Daemon(std::string config_path, Settings settings, Log& log);

  /// Runs until SIGTERM or SIGINT. An Error if it cannot even start: a second daemon, a missing secret.
  Result<bool> run();

  /// Logs what is wrong with single entries, whose users are frozen; nothing if there is no problem.
  void tell_frozen(const Problems& problems);

 private:
  /// One account of one generation of the config. A reload retires it; its cycle under way still ends.
  struct Account {
    explicit Account(boost::asio::io_context& io) : sleeper(io) {}
    std::unique_ptr<AccountStack> stack;
    std::optional<Desired> desired;  ///< kept from poll to poll only where there was something to do
    boost::asio::steady_timer sleeper;
    bool retired = false;
    bool woken = false;  ///< something changed since the last poll began: the next one is due at once
    bool polled = false;
    std::string last_said;      ///< approvals and pauses when it last looked
    std::string watch_trouble;  ///< why the last such look failed; told once
    std::optional<Time> waiting_until;
    std::string summary = "not polled yet";
  };
  using Accounts = std::vector<std::shared_ptr<Account>>;

  Result<Accounts> make_accounts(const Settings& settings);
  void start(const Accounts& accounts);
  Awaitable<void> poll_forever(std::shared_ptr<Account> account);
  static Duration parked_for(const Account& account);
  Duration park(Account& account);
  Awaitable<void> poll_once(std::shared_ptr<Account> account, Duration until_next);
  Awaitable<void> cycle(std::shared_ptr<Account> account, Duration until_next);
  Awaitable<void> sleep(std::shared_ptr<Account> account, Duration duration);
  void let_go_of_desired();
  void wake(Account& account);
  Awaitable<void> watch();
  void watch_once();
  bool others_wrote();
  void watch_account(Account& account, bool ask);
  void tell_failure(const Account& account, const std::string& reason);
  Awaitable<void> listen_for_signals();

  void reload(bool with_accounts);
  void reload_settings(bool with_accounts);
  void refuse_reload(const std::string& reason, const std::string& what_holds);
  void look_at_people(Account& account);
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
  std::shared_ptr<Settings> settings_;  ///< without the desired states; see let_go_of_desired
  Log& log_;
  Metrics* metrics_ = nullptr;
  DaemonEvents events_{log_, metrics_};
  Workplace place_;
  Notifier notifier_ = Notifier::from_environment();
  FileWatcher watcher_;
  std::string accounts_digest_;
  Duration last_alive_{0};
  Duration next_trim_{0};
  Accounts accounts_;
  std::unique_ptr<AdminServer> admin_;
  boost::asio::steady_timer watch_timer_{place_.io()};
  boost::asio::signal_set signals_{place_.io()};
};

}  // namespace usersyncd
