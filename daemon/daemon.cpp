#include "daemon/daemon.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "daemon/commands.hpp"
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
constexpr std::size_t polls_at_once = 64;           // enough to keep this process busy while providers think
constexpr Duration slow_poll{1'000};                // one that takes longer waits for its provider
constexpr Duration busy{50};                        // or for this process, if a timer of it is that late
constexpr std::size_t most_kept_connections = 256;  // with more accounts none is kept from poll to poll
constexpr int share_of_watching = 50;               // files are looked at in at most a fiftieth of the time

// A connection for each account that is slow.
void allow_many_connections() {
  ::rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

Daemon::Daemon(std::string config_path, Settings accounts, Log& log)
    : config_path_(std::move(config_path)),
      settings_(std::make_shared<Settings>(std::move(accounts))),
      log_(log),
      place_(settings_->config, events_, "daemon"),
      watcher_(watched_paths(config_path_, *settings_)),
      turnstile_(place_.io(), place_.clock(), polls_at_once) {
  allow_many_connections();
  metrics_ = &place_.metrics();
  log_.configure(settings_->config.log_level, settings_->config.log_format);
  log_.redact_with([this](std::string_view text) { return place_.redactor().redact(text); });
}

Exit Daemon::run() {
  auto lock = DaemonLock::acquire(settings_->config.store_path, place_.clock().now());
  if (!lock) {
    print_error(lock.error());
    return exit_for(lock.error());
  }
  place_.store().check_state();
  accounts_digest_ = accounts_digest();
  {
    auto loaded = load(known_from(remembered_sources(place_.store(), Store::DesiredOf::daemon)));
    if (!loaded.value) {
      print_problems(loaded.problems);
      return loaded.exit;
    }
    settings_ = std::make_shared<Settings>(std::move(*loaded.value));
    tell_frozen(loaded.problems);
  }
  Accounts accounts;
  const auto prepared = prepare(accounts);
  if (!prepared) {
    print_error(prepared.error());
    return exit_for(prepared.error());
  }
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGHUP);
  spawn(listen_for_signals());
  spawn(watch());
  start(accounts);
  ::malloc_trim(0);
  notifier_.ready(status_line());
  place_.io().run();

  write_lifecycle("stopped");
  place_.keeper().sign();
  Event stopped;
  stopped.name = "stopped";
  events_.emit(stopped);
  place_.store().tidy_up();
  return Exit::done;
}

// What has to go well before this is a daemon.
Result<bool> Daemon::prepare(Accounts& accounts) {
  auto made = make_accounts(*settings_);
  if (!made) return made.error();
  accounts = std::move(*made);
  if (auto admin = open_admin(); !admin) return admin.error();
  remember_desired_state(*settings_, place_.store(), Store::DesiredOf::daemon);
  write_lifecycle("started");
  Event started;
  started.name = "started";
  started.reason =
      std::string{"usersyncd "} + USERSYNCD_VERSION + ", " + std::to_string(accounts.size()) + " accounts";
  events_.emit(started);
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
    health.ok = polled_ == accounts_.size();
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
  polled_ = 0;
  for (const auto& account : accounts_) {
    place_.metrics().watch(account->stack->context().id);
    spawn(poll_forever(account));
  }
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
    const bool parked = parked_for(*account) > Duration::zero();
    if (!parked) co_await poll_once(account, until_next);
    const auto rest = std::max(until_next, park(*account));
    if (rest > worth_keeping || accounts_.size() > most_kept_connections) account->stack->rest();
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
  note_polled(account);
  const auto wake_up = place_.clock().now() + wait;
  account.summary = "left alone until " + format_time(wake_up) + ", as the provider asked";
  const auto& id = account.stack->context().id;
  try {
    auto together = place_.store().begin();
    auto state = place_.store().load_state(id);
    state.next_poll = wake_up;
    place_.store().save_state(id, state);
    together.commit();
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
    note_polled(*account);
  }
  notifier_.status(status_line());
}

void Daemon::note_polled(Account& account) {
  if (!account.polled && !account.retired) ++polled_;
  account.polled = true;
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
  const bool urgent = account->woken;
  const auto place = co_await turnstile_.enter(urgent);
  if (account->retired || place_.clock().stopping()) co_return;
  auto& stack = *account->stack;
  const auto& context = stack.context();
  LiveAccount live;
  live.stack = &stack;
  auto lock = co_await lock_account(place_, context.id, lock_patience);
  if (!lock) co_return;
  live.lock = std::move(lock);
  if (account->retired) co_return;
  account->woken = false;
  account->outdated = false;

  const auto now = place_.clock().now();
  const auto settings = settings_;
  stack.in_doubt().recover();
  live.cycle = std::make_unique<Cycle>(context, stack.ports(), make_run_id(now, place_.random()),
                                       Purpose::poll, settings->digest_for(context));
  account->last_said = listen_to_people(context.id).about(context.id);
  auto look = co_await this->look(account, *live.cycle, *settings, live.desired);
  live.look = std::move(look);
  if (account->retired || account->outdated) co_return;  // the next cycle is due at once, and is for that
  const bool believed = live.look.judged && live.look.observed.observation.complete;
  if (place_.clock().stopping() && !believed) co_return;  // cut off by the stop, not by the provider
  live.cycle->save(live.look, live.desired, place_.clock().now() + until_next);
  if (believed && context.enforce) {
    auto acted = co_await live.cycle->act(live.look, live.desired);
    live.acted = std::move(acted);
  }
  live.cycle->finish(live.look, live.acted);
  stack.save_rates(!live.acted.steps.empty());
  note_polled(*account);
  if (!live.acted.steps.empty()) place_.keeper().sign();
  measure(*account, live);
}

// `desired` is read from the store for a close look only. Ends early once `settings` are not those of the
// account any more.
Awaitable<Look> Daemon::look(std::shared_ptr<Account> account, Cycle& cycle, const Settings& settings,
                             Desired& desired) {
  const auto& id = account->stack->context().id;
  const auto revision = settings.wanted.revision_of(id);
  auto glanced = co_await cycle.glance(revision);
  if (glanced) co_return std::move(*glanced);
  Look look;
  if (account->retired || account->outdated) co_return look;
  auto stored = settings.wanted.find(id, place_.store(), Store::DesiredOf::daemon);
  if (!stored) {
    reload(false, {});
    if (settings_->wanted.find(id, place_.store(), Store::DesiredOf::daemon)) {
      account->outdated = true;  // it is there again, for a poll that is due at once
      wake(*account);
      co_return look;
    }
    look.problems.push_back(Error{ErrorKind::store,
                                  "the desired state in force is not in the store any more, and the files "
                                  "cannot be read: mend them; until then nothing is done",
                                  settings.config.desired_path});
    co_return look;
  }
  desired = std::move(*stored);
  look = co_await cycle.look(desired, settings.wanted.rules, true, false);
  co_return look;
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
  return std::to_string(accounts_.size()) + " accounts, " + std::to_string(polled_) + " polled";
}

Awaitable<void> Daemon::watch() {
  while (!place_.clock().stopping()) {
    watch_once();
    next_watch_ = place_.clock().steady() + watch_interval;
    watch_timer_.expires_after(watch_interval);
    boost::system::error_code woken;
    auto token = asio::redirect_error(asio::use_awaitable, woken);
    co_await watch_timer_.async_wait(token);
  }
}

// `said` is empty if nobody can have said anything new, or if it could not be asked for `trouble`.
void Daemon::watch_account(Account& account, const Said* said, std::string trouble) {
  try {
    note_waiting(account);
    const auto& id = account.stack->context().id;
    if (said || (trouble.empty() && !account.watch_trouble.empty())) {
      auto now_said = said ? said->about(id) : listen_to_people(id).about(id);
      if (account.last_said != now_said) wake(account);
      account.last_said = std::move(now_said);
    }
  } catch (const StoreError& error) {
    trouble = error.what();
  }
  if (!trouble.empty() && trouble != account.watch_trouble) tell_failure(account, trouble);
  account.watch_trouble = std::move(trouble);
}

// A store that fails a look in passing fails the cycles, too: the daemon goes on, and tells it once. Each
// account asks for itself then, until it is answered.
void Daemon::watch_accounts() {
  std::optional<Said> said;
  std::string trouble;
  try {
    if (others_wrote()) said = listen_to_people(std::nullopt);
  } catch (const StoreError& error) {
    trouble = error.what();
  }
  for (const auto& account : accounts_) watch_account(*account, said ? &*said : nullptr, trouble);
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
  watch_files();
  // With time to spare, who is not done yet waits for a provider, and nobody has to wait for them.
  if (now < next_watch_ + busy) turnstile_.count_only_since(slow_poll);
  watch_accounts();
  place_.keeper().tick();
  if (now >= next_trim_) {
    // What a poll has needed lies between what is kept, and the heap does not shrink by itself.
    ::malloc_trim(0);
    next_trim_ = now + trim_interval;
  }
}

// Where many files lie, a look at all of them takes its time.
void Daemon::watch_files() {
  const auto now = place_.clock().steady();
  if (now < next_look_at_files_) return;
  const bool changed = watcher_.changed();
  const auto took = place_.clock().steady() - now;
  if (changed) reload(false, known_from(settings_->wanted.sources));
  next_look_at_files_ = now + share_of_watching * took;
}

// Approvals, pauses and resumptions come from other processes; an account is looked at again as soon as one
// does.
Daemon::Said Daemon::listen_to_people(const std::optional<std::string>& account) {
  Said said;
  const auto now = place_.clock().now();
  for (const auto& approval : place_.store().list_approvals(account)) {
    const bool holds = approval.state == Approval::State::approved && approval.expires_at.value_or(now) > now;
    if (holds) said.of[approval.account] += approval.action + ' ' + approval.actor + ' ';
  }
  for (const auto& pause : place_.store().list_pauses()) {
    said.all_paused = said.all_paused || !pause.account;
    if (pause.account) said.of[*pause.account] += "paused";
  }
  return said;
}

std::string Daemon::Said::about(const std::string& account) const {
  const auto found = of.find(account);
  return (found == of.end() ? std::string{} : found->second) + (all_paused ? "all paused" : "");
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
  auto together = place_.store().begin();
  auto state = place_.store().load_state(id);
  state.waiting_until = until;
  state.waiting_reason = waiting ? waiting->reason : "";
  place_.store().save_state(id, state);
  together.commit();
}

Awaitable<void> Daemon::listen_for_signals() {
  while (!place_.clock().stopping()) {
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    const int signal = co_await signals_.async_wait(token);
    if (cancelled) co_return;
    if (signal == SIGHUP)
      reload(true, known_from(settings_->wanted.sources));
    else
      stop();
  }
}

void Daemon::stop() {
  notifier_.stopping("stopping after the request in flight");
  place_.clock().stop();
  watch_timer_.cancel();
  turnstile_.open();
  for (const auto& account : accounts_) account->sleeper.cancel();
  admin_.reset();
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

}  // namespace usersyncd
