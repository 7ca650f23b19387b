#include "daemon/daemon.hpp"

#include <malloc.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "sync/plan_text.hpp"

namespace usersyncd {
namespace {

namespace asio = boost::asio;

constexpr Duration watch_interval{500};     // approvals and pauses are noticed within a second
constexpr Duration start_delay{2'000};      // accounts start spread over this, or, if they are many,
constexpr Duration start_delay_of_each{5};  // over this for each
constexpr Duration worth_keeping{30'000};   // connections are kept from poll to poll for no longer
constexpr Duration lock_patience{3'600'000};
constexpr Duration waiting_precision{1'000};
constexpr Duration trim_interval{10'000};
constexpr const char* old_state_holds = "the old state stays in force";

std::string file_text(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

Daemon::Daemon(std::string config_path, Settings settings, Log& log)
    : config_path_(std::move(config_path)),
      settings_(std::make_shared<Settings>(std::move(settings))),
      log_(log),
      place_(settings_->config, events_, "daemon"),
      watcher_(watched_paths(config_path_, *settings_)) {
  metrics_ = &place_.metrics();
  log_.configure(settings_->config.log_level, settings_->config.log_format);
  log_.redact_with([this](std::string_view text) { return place_.redactor().redact(text); });
}

// Everything of which a change means other logins, other hosts or other profiles.
std::string Daemon::accounts_digest() const {
  std::string all = file_text(config_path_);
  for (const auto& account : settings_->config.accounts) {
    if (account.provider.find('/') != std::string::npos) all += file_text(account.provider);
    if (!account.ca_file.empty()) all += file_text(account.ca_file);
  }
  return sha256_hex(all);
}

Result<bool> Daemon::run() {
  auto lock = DaemonLock::acquire(settings_->config.store_path, place_.clock().now());
  if (!lock) return lock.error();
  place_.store().check_state();
  auto accounts = make_accounts(*settings_);
  if (!accounts) return accounts.error();
  if (auto admin = open_admin(); !admin) return admin.error();

  remember_desired_state(*settings_, place_.store(), Store::DesiredOf::daemon);
  write_lifecycle("started");
  accounts_digest_ = accounts_digest();
  Event started;
  started.name = "started";
  started.reason =
      std::string{"usersyncd "} + USERSYNCD_VERSION + ", " + std::to_string(accounts->size()) + " accounts";
  events_.emit(started);
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGHUP);
  spawn(listen_for_signals());
  spawn(watch());
  start(*accounts);
  let_go_of_desired();
  notifier_.ready(status_line());
  place_.io().run();

  write_lifecycle("stopped");
  place_.keeper().sign();
  Event stopped;
  stopped.name = "stopped";
  events_.emit(stopped);
  place_.store().tidy_up();
  return true;
}

void Daemon::spawn(Awaitable<void> work) {
  asio::co_spawn(place_.io(), std::move(work), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

Result<bool> Daemon::open_admin() {
  if (settings_->config.admin_listen.empty()) return true;
  AdminPages pages;
  pages.metrics = [this] { return place_.metrics().text(); };
  pages.health = [this] { return Health{true, status_line()}; };
  pages.readiness = [this] {
    Health health;
    for (const auto& account : accounts_) health.ok = health.ok && account->polled;
    health.text = status_line();
    return health;
  };
  auto admin = AdminServer::listen(place_.io(), settings_->config.admin_listen, std::move(pages));
  if (!admin) return admin.error();
  admin_ = std::move(*admin);
  return true;
}

Result<Daemon::Accounts> Daemon::make_accounts(const Settings& settings) {
  Accounts accounts;
  for (const auto& one : settings.accounts) {
    auto stack = AccountStack::make(one, place_.process());
    if (!stack) return stack.error();
    auto account = std::make_shared<Account>(place_.io());
    account->stack = std::move(*stack);
    // What an earlier process waited for ends with note_waiting's first look.
    account->waiting_until = place_.store().load_state(one.config.id).waiting_until;
    accounts.push_back(std::move(account));
  }
  return accounts;
}

void Daemon::start(const Accounts& accounts) {
  for (const auto& old : accounts_) {
    old->retired = true;
    old->stack->retire();
    old->sleeper.cancel();
  }
  accounts_ = accounts;
  for (const auto& account : accounts_) {
    place_.metrics().watch(account->stack->context().id);
    spawn(poll_forever(account));
  }
}

// The store has them for whoever needs one. Held for all, they would be most of what this process needs.
void Daemon::let_go_of_desired() {
  for (const auto& account : accounts_) account->desired.reset();
  settings_->wanted.desired.clear();
  ::malloc_trim(0);
}

void Daemon::wake(Account& account) {
  account.woken = true;
  account.sleeper.cancel();
}

Awaitable<void> Daemon::sleep(std::shared_ptr<Account> account, Duration duration) {
  if (place_.clock().stopping() || account->retired || account->woken) co_return;
  account->sleeper.expires_after(duration);
  boost::system::error_code woken;
  auto token = asio::redirect_error(asio::use_awaitable, woken);
  co_await account->sleeper.async_wait(token);
}

Awaitable<void> Daemon::poll_forever(std::shared_ptr<Account> account) {
  const auto interval = account->stack->config().poll_interval;
  const auto spread =
      std::min(interval, std::max(start_delay, static_cast<int>(accounts_.size()) * start_delay_of_each));
  if (accounts_.size() > 1)
    co_await sleep(account, std::chrono::duration_cast<Duration>(spread * place_.random().uniform()));
  while (!place_.clock().stopping() && !account->retired) {
    // A tenth of jitter either way keeps many accounts from marching in step.
    const auto until_next =
        std::chrono::duration_cast<Duration>(interval * (0.9 + 0.2 * place_.random().uniform()));
    if (parked_for(*account) == Duration{0}) co_await poll_once(account, until_next);
    const auto rest = std::max(until_next, park(*account));
    if (rest > worth_keeping) account->stack->rest();
    co_await sleep(account, rest);
  }
}

// How long the provider wants to be left alone, if that is longer than a read would wait for it.
Duration Daemon::parked_for(const Account& account) {
  const auto wait = account.stack->provider().delay_of_reads();
  return wait > account.stack->context().retry_for ? wait : Duration{0};
}

// Nothing can be found out until then, so nothing is tried, nor told to have failed.
Duration Daemon::park(Account& account) {
  const auto wait = parked_for(account);
  if (wait == Duration{0}) return wait;
  account.woken = false;
  account.polled = true;
  const auto wake_up = place_.clock().now() + wait;
  account.summary = "left alone until " + format_time(wake_up) + ", as the provider asked";
  const auto& id = account.stack->context().id;
  try {
    auto state = place_.store().load_state(id);
    state.next_poll = wake_up;
    place_.store().save_state(id, state);
  } catch (const StoreError& error) {
    tell_failure(account, error.what());
  }
  return wait;
}

// The boundary of a cycle: whatever breaks in it, the next one runs in full (A52).
Awaitable<void> Daemon::poll_once(std::shared_ptr<Account> account, Duration until_next) {
  std::string broken;
  try {
    co_await cycle(account, until_next);
  } catch (const std::exception& error) {
    broken = error.what();
  }
  if (!broken.empty()) {
    tell_failure(*account, broken);
    account->summary = "failed: " + broken;
    account->polled = true;
  }
  notifier_.status(status_line());
}

void Daemon::tell_failure(const Account& account, const std::string& reason) {
  Event failed;
  failed.level = Event::Level::error;
  failed.name = "poll.failed";
  failed.account = account.stack->context().id;
  failed.reason = reason;
  events_.emit(failed);
}

Awaitable<void> Daemon::cycle(std::shared_ptr<Account> account, Duration until_next) {
  auto& stack = *account->stack;
  const auto& context = stack.context();
  LiveAccount live;
  live.stack = &stack;
  auto lock = co_await lock_account(place_, context.id, lock_patience);
  if (!lock) co_return;
  live.lock = std::move(lock);
  if (account->retired) co_return;
  account->woken = false;

  const auto now = place_.clock().now();
  const auto settings = settings_;
  place_.store().recover(context.id, now + 2 * context.request_timeout, now);
  live.cycle = std::make_unique<Cycle>(context, stack.ports(), make_run_id(now, place_.random()),
                                       Purpose::poll, settings->digest_for(context));
  look_at_people(*account);
  const auto revision = settings->wanted.revision_of(context.id);
  auto glanced = co_await live.cycle->glance(revision);
  if (settings_ != settings) co_return;  // reloaded meanwhile: the next cycle is due at once, and is for that
  if (glanced) {
    live.look = std::move(*glanced);
  } else {
    if (!account->desired) {
      account->desired = settings->wanted.recall(context.id, place_.store(), Store::DesiredOf::daemon);
    }
    if (!account->desired) {
      reload(accounts_digest() != accounts_digest_);
      if (settings_ != settings) co_return;  // which has woken this account, too
      live.look.problems.push_back(Error{ErrorKind::store,
                                         "the desired state in force is not in the store any more, and the "
                                         "files cannot be read: mend them; until then nothing is done",
                                         settings->config.desired_path});
    } else {
      live.desired = std::move(*account->desired);
      account->desired.reset();
      auto look = co_await live.cycle->look(live.desired, settings->wanted.rules, true, false);
      live.look = std::move(look);
    }
  }
  const bool believed = live.look.judged && live.look.observed.observation.complete;
  if (place_.clock().stopping() && !believed) co_return;  // cut off by the stop, not by the provider
  live.cycle->save(live.look, live.desired, place_.clock().now() + until_next);
  if (believed && context.enforce) {
    auto acted = co_await live.cycle->act(live.look, live.desired);
    live.acted = std::move(acted);
  }
  live.cycle->finish(live.look, live.acted);
  stack.save_rates(!live.acted.steps.empty());
  account->polled = true;
  if (!live.acted.steps.empty()) place_.keeper().sign();
  measure(*account, live);
  // What is quiet will most likely need no look next time, either.
  const bool is_quiet = live.look.glanced || live.look.quiet;
  if (settings_ == settings && !is_quiet && !live.desired.account.empty())
    account->desired = std::move(live.desired);
}

void Daemon::measure(Account& account, const LiveAccount& live) {
  const auto& id = account.stack->context().id;
  std::map<std::string, std::size_t> drift;
  for (const auto& known : place_.store().load_drift(id)) ++drift[known.drift.kind];
  place_.metrics().set_drift(id, drift);
  if (!live.look.judged || !live.look.observed.observation.complete) {
    account.summary = "last poll failed";
    return;
  }
  std::map<Verdict, std::size_t> held;
  for (const auto& judged : live.look.judged->actions()) {
    if (is_held(judged.verdict)) ++held[judged.verdict];
  }
  place_.metrics().set_held(id, held);
  place_.metrics().set_last_success(id, place_.clock().now());
  std::size_t drifts = 0;
  for (const auto& [kind, count] : drift) drifts += count;
  account.summary = "polled " + format_time(live.look.observed.observation.observed_at) + ", drift " +
                    std::to_string(drifts) + ", held " + std::to_string(summarize({&*live.look.judged}).held);
}

std::string Daemon::status_line() const {
  if (accounts_.size() == 1)
    return accounts_.front()->stack->context().id + ": " + accounts_.front()->summary;
  std::size_t polled = 0;
  for (const auto& account : accounts_) polled += account->polled ? 1U : 0U;
  return std::to_string(accounts_.size()) + " accounts, " + std::to_string(polled) + " polled";
}

Awaitable<void> Daemon::watch() {
  while (!place_.clock().stopping()) {
    watch_once();
    watch_timer_.expires_after(watch_interval);
    boost::system::error_code woken;
    auto token = asio::redirect_error(asio::use_awaitable, woken);
    co_await watch_timer_.async_wait(token);
  }
}

// A store that fails a look in passing fails the cycles, too: the daemon goes on, and tells it once.
void Daemon::watch_account(Account& account, bool ask) {
  std::string trouble;
  try {
    note_waiting(account);
    if (ask || !account.watch_trouble.empty()) {
      const auto before = account.last_said;
      look_at_people(account);
      if (account.last_said != before) wake(account);
    }
  } catch (const StoreError& error) {
    trouble = error.what();
  }
  if (!trouble.empty() && trouble != account.watch_trouble) tell_failure(account, trouble);
  account.watch_trouble = trouble;
}

// What people say comes from other processes: where none has written, no account need be asked.
bool Daemon::others_wrote() {
  try {
    return place_.store().changed_by_others();
  } catch (const StoreError&) {
    return true;
  }
}

void Daemon::watch_once() {
  const auto now = place_.clock().steady();
  const auto beat = notifier_.watchdog_interval();
  if (beat > Duration{0} && now - last_alive_ >= std::min(beat, beat - watch_interval)) {
    notifier_.alive();
    last_alive_ = now;
  }
  if (watcher_.changed()) reload(accounts_digest() != accounts_digest_);
  const bool ask = others_wrote();
  for (const auto& account : accounts_) watch_account(*account, ask);
  place_.keeper().tick();
  if (now >= next_trim_) {
    // What a poll has needed lies between what is kept, and the heap does not shrink by itself.
    ::malloc_trim(0);
    next_trim_ = now + trim_interval;
  }
}

// Approvals, pauses and resumptions come from other processes; the account is looked at again as soon as one
// does.
void Daemon::look_at_people(Account& account) {
  const auto& id = account.stack->context().id;
  std::string said;
  const auto now = place_.clock().now();
  for (const auto& approval : place_.store().list_approvals(id)) {
    const bool holds = approval.state == Approval::State::approved && approval.expires_at.value_or(now) > now;
    if (holds) said += approval.action + ' ' + approval.actor + ' ';
  }
  if (place_.store().paused(id)) said += "paused";
  account.last_said = std::move(said);
}

void Daemon::note_waiting(Account& account) {
  const auto waiting = account.stack->provider().waiting();
  const auto until = waiting ? std::optional<Time>{waiting->until} : std::nullopt;
  // Two clocks tell the same moment a little differently each time.
  const bool same =
      until && account.waiting_until && std::chrono::abs(*until - *account.waiting_until) < waiting_precision;
  if (same || until == account.waiting_until) return;
  account.waiting_until = until;
  const auto& id = account.stack->context().id;
  auto state = place_.store().load_state(id);
  state.waiting_until = until;
  state.waiting_reason = waiting ? waiting->reason : "";
  place_.store().save_state(id, state);
}

Awaitable<void> Daemon::listen_for_signals() {
  while (!place_.clock().stopping()) {
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    const int signal = co_await signals_.async_wait(token);
    if (cancelled) co_return;
    if (signal == SIGHUP)
      reload(true);
    else
      stop();
  }
}

void Daemon::stop() {
  notifier_.stopping("stopping after the request in flight");
  place_.clock().stop();
  watch_timer_.cancel();
  for (const auto& account : accounts_) account->sleeper.cancel();
  admin_.reset();
}

// Refused is what is wrong, and nothing else: everybody whose entry is valid goes on.
void Daemon::tell_frozen(const Problems& problems) {
  if (!problems.empty())
    refuse_reload(problems.text(), "the users of these entries are frozen, everything else is in force");
}

void Daemon::refuse_reload(const std::string& reason, const std::string& what_holds) {
  Event refused;
  refused.level = Event::Level::error;
  refused.name = "reload.failed";
  refused.reason = reason + " -- " + what_holds;
  events_.emit(refused);
  notifier_.status("reload failed, " + what_holds + "; " + status_line());
}

void Daemon::reload(bool with_accounts) {
  try {
    reload_settings(with_accounts);
  } catch (const StoreError& error) {
    refuse_reload(error.what(), old_state_holds);
  }
}

void Daemon::reload_settings(bool with_accounts) {
  // Looked at before they are read, so that what is edited meanwhile is noticed.
  FileWatcher before_reading{watched_paths(config_path_, *settings_)};
  auto loaded = load_settings(config_path_);
  if (!loaded.value) return refuse_reload(loaded.problems.text(), old_state_holds);
  if (loaded.value->config.store_path != settings_->config.store_path) {
    return refuse_reload(config_path_ + ": store.path cannot change while the daemon runs; restart it",
                         old_state_holds);
  }
  if (loaded.value->config.admin_listen != settings_->config.admin_listen) {
    return refuse_reload(config_path_ + ": admin.listen cannot change while the daemon runs; restart it",
                         old_state_holds);
  }
  Accounts accounts;
  if (with_accounts) {
    auto made = make_accounts(*loaded.value);
    if (!made) return refuse_reload(made.error().text(), old_state_holds);
    accounts = std::move(*made);
  }
  write_reload(loaded.value->wanted);
  for (const auto& old : settings_->accounts) {
    if (with_accounts) place_.metrics().forget(old.config.id);
  }
  const bool same_files =
      watched_paths(config_path_, *loaded.value) == watched_paths(config_path_, *settings_);
  settings_ = std::make_shared<Settings>(std::move(*loaded.value));
  remember_desired_state(*settings_, place_.store(), Store::DesiredOf::daemon);
  accounts_digest_ = accounts_digest();
  watcher_ = same_files ? std::move(before_reading) : FileWatcher{watched_paths(config_path_, *settings_)};
  log_.configure(settings_->config.log_level, settings_->config.log_format);
  place_.keeper().configure(settings_->config.audit);
  if (with_accounts) start(accounts);
  let_go_of_desired();
  for (const auto& account : accounts_) wake(*account);
  tell_frozen(loaded.problems);
  Event done;
  done.name = "reload.ok";
  done.reason = with_accounts ? "config, desired state and policies" : "desired state and policies";
  events_.emit(done);
  notifier_.status(status_line());
}

void Daemon::write_lifecycle(const std::string& what) {
  AuditEntry entry;
  entry.kind = AuditKind::lifecycle;
  entry.time = place_.clock().now();
  entry.actor = "daemon";
  entry.detail["event"] = what;
  entry.detail["version"] = USERSYNCD_VERSION;
  entry.detail["pid"] = ::getpid();
  place_.store().audit().append(entry);
}

void Daemon::write_reload(const Wanted& wanted) {
  AuditEntry entry;
  entry.kind = AuditKind::config;
  entry.time = place_.clock().now();
  entry.actor = "daemon";
  entry.detail["event"] = "reload";
  boost::json::object revisions;
  for (const auto& [account, revision] : wanted.revisions) revisions[account] = revision;
  entry.detail["desiredRevisions"] = std::move(revisions);
  place_.store().audit().append(entry);
}

}  // namespace usersyncd
