#include "tests/month/account.hpp"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <set>
#include <stdexcept>

#include "daemon/audit_keeper.hpp"
#include "policies/read.hpp"
#include "providers/rest_provider.hpp"
#include "reconcile/cycle.hpp"
#include "reconcile/in_doubt.hpp"
#include "store/store.hpp"
#include "tests/support/run.hpp"
#include "tests/support/still.hpp"

namespace usersyncd::month {
namespace {

constexpr std::size_t changes_a_day = 4;  // of each kind
constexpr std::size_t days_until_deleted = 3;

// A month of work is to be done, not held.
const std::string policies =
    "version: 1\n"
    "rules:\n"
    "  - { name: leaver-budget, match: { operations: [disable, delete] }, effect: { limit: { count: 100, "
    "per: run } } }\n";

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

class SteadyRandom final : public Random {
 public:
  double uniform() override { return dice_.uniform(); }

 private:
  simulate::Dice dice_{2, "random"};
};

// As the daemon records: the keeper hears of every record.
class KeptRecords final : public ExchangeLog {
 public:
  KeptRecords(AuditLog& audit, const Clock& clock, AuditKeeper& keeper)
      : log_(audit, clock, "daemon"), keeper_(keeper) {}
  void record(const ExchangeRecord& record) override {
    log_.record(record);
    keeper_.recorded();
  }

 private:
  AuditExchangeLog log_;
  AuditKeeper& keeper_;
};

AuditConfig audit_config(Duration retention) {
  AuditConfig config;
  config.retention = retention;
  return config;
}

Profile v1() {
  Problems problems;
  auto profile = load_profile("bandwidth-v1", problems);
  if (!profile) throw std::logic_error(problems.text());
  return *profile;
}

RuleSet rules() {
  Problems problems;
  auto read = read_policy_text("policies.yaml", policies, problems);
  if (!read) throw std::logic_error(problems.text());
  return *read;
}

std::string name_of(std::size_t number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "user%06zu", number);
  return text.data();
}

sim::User portal_user(const std::string& username) {
  sim::User user;
  user.username = username;
  user.first_name = "First";
  user.last_name = "Last";
  user.email = username + "@example.com";
  user.phone = "+19195550100";
  user.roles = {"basicAccess"};
  user.accounts = {faults::account_id};
  return user;
}

DesiredUser entry_of(const std::string& username) {
  DesiredUser entry;
  entry.username = username;
  entry.fields.set(Field::first_name, "First");
  entry.fields.set(Field::last_name, "Last");
  entry.fields.set(Field::email, username + "@example.com");
  entry.fields.set(Field::enabled, true);
  entry.roles.emplace();
  entry.roles->push_back(RoleGrant{"basicAccess", {}, {}});
  entry.place = Place{"users.yaml", 1, 1};
  return entry;
}

}  // namespace

struct Account::Daemon {
  explicit Daemon(Account& account)
      : clock(time_from_millis(1'795'000'000'000), account.passed_),
        store(account.store_, Access::read_write),
        keeper(store, clock, events, audit_config(account.retention_)),
        records(store.audit(), clock, keeper),
        provider(account.profile_, settings(), login(),
                 RestPorts{account.far_, account.far_, clock, random, records, redactor,
                           [this] { return !store.paused(faults::account_id); }},
                 {}) {
    context.id = faults::account_id;
    context.enforce = true;
    context.visibility_grace = account.profile_.visibility_grace;
    context.capabilities = account.profile_.capabilities;
    context.own_logins = {faults::own_username};
    context.actor = "daemon";
    store.check_health();
  }
  static RestSettings settings() {
    RestSettings made;
    made.account = faults::account_id;
    made.base_url = "https://portal.example";
    return made;
  }
  static RestLogin login() {
    RestLogin made;
    made.kind = AuthKind::oauth2;
    made.user = Secret::copy_of(faults::own_username);
    made.secret = Secret::copy_of(faults::secret);
    return made;
  }

  Awaitable<void> run(const Account& account) {
    const auto now = clock.now();
    in_doubt.recover();
    Cycle cycle{context, Ports{provider, store, clock, random, events, in_doubt}, make_run_id(now, random),
                Purpose::poll, "settings"};
    auto glanced = co_await cycle.glance(account.desired_.revision);
    if (glanced) {
      look = std::move(*glanced);
    } else {
      auto seen = co_await cycle.look(account.desired_, account.rules_, true, false);
      look = std::move(seen);
    }
    cycle.save(look, account.desired_, clock.now() + Duration{60'000});
    if (look.judged && look.observed.observation.complete) {
      auto done = co_await cycle.act(look, account.desired_);
      acted = std::move(done);
    }
    cycle.finish(look, acted);
    keeper.tick();
  }

  test::StillClock clock;
  SteadyRandom random;
  test::NoEvents events;
  Store store;
  AuditKeeper keeper;
  Redactor redactor;
  KeptRecords records;
  RestProvider provider;
  AccountContext context;
  InDoubt in_doubt{context, store, clock};
  Look look;
  Acted acted;
};

Account::Account(std::size_t users, std::string store, Duration retention)
    : store_(std::move(store)), retention_(retention), profile_(v1()), rules_(rules()) {
  far_.intent = [] { return std::string{}; };
  auto own = portal_user(faults::own_username);
  own.scope = "ACCOUNT_ADMIN";
  far_.world.put(own);
  desired_.account = faults::account_id;
  for (; hired_ < users; ++hired_) {
    far_.world.put(portal_user(name_of(hired_)));
    desired_.users.push_back(entry_of(name_of(hired_)));
  }
  revise();
  daemon_ = std::make_unique<Daemon>(*this);
}

Account::~Account() = default;

void Account::revise() {
  desired_.revision = "revision " + std::to_string(++revision_);
}

// New usernames come last in the order.
void Account::want(DesiredUser user) {
  desired_.users.push_back(std::move(user));
}

DesiredUser* Account::somebody() {
  for (int tries = 0; tries < 1000; ++tries) {
    auto& entry = desired_.users[dice_.below(desired_.users.size())];
    if (!entry.absent && far_.world.find(entry.username)) return &entry;
  }
  throw std::logic_error("nobody is left");
}

void Account::live_a_day() {
  leavers_.emplace_back();
  for (std::size_t i = 0; i < changes_a_day; ++i) {
    want(entry_of(name_of(hired_++)));
    auto* leaver = somebody();
    far_.may_lose.insert(leaver->username);
    leavers_.back().push_back(leaver->username);
    const auto username = leaver->username;
    *leaver = DesiredUser{};
    leaver->username = username;
    leaver->absent = true;
    leaver->place = Place{"users.yaml", 1, 1};
    somebody()->fields.set(Field::last_name, "Edited" + std::to_string(dice_.below(1'000'000)));
    auto changed = *far_.world.find(somebody()->username);
    changed.first_name = "Changed" + std::to_string(dice_.below(1'000'000));
    far_.world.put(changed);
  }
  if (leavers_.size() > days_until_deleted) {
    for (const auto& username : leavers_.front()) {
      far_.world.erase(username);
      far_.may_lose.erase(username);
      std::erase_if(desired_.users, [&](const DesiredUser& user) { return user.username == username; });
    }
    leavers_.erase(leavers_.begin());
  }
  revise();
}

void Account::pass(Duration duration) {
  passed_ += duration;
}

void Account::restart() {
  daemon_->keeper.sign();
  daemon_->store.tidy_up();
  daemon_.reset();
  daemon_ = std::make_unique<Daemon>(*this);
}

Cycled Account::cycle() {
  const auto writes = far_.writes;
  const auto began = cpu_seconds();
  test::run(daemon_->run(*this));
  Cycled done;
  done.cpu = cpu_seconds() - began;
  ::malloc_trim(0);  // as the daemon does between two polls
  done.believed = daemon_->look.judged && daemon_->look.observed.observation.complete;
  done.writes = static_cast<std::size_t>(far_.writes - writes);
  if (!daemon_->keeper.trouble().empty()) throw std::runtime_error(daemon_->keeper.trouble());
  return done;
}

Kept Account::kept() {
  auto& store = daemon_->store;
  std::set<std::string> wrote;
  for (const auto& intent : store.list_intents({})) wrote.insert(intent.write.run);
  const auto runs = store.list_runs(std::nullopt, std::numeric_limits<std::int32_t>::max());
  const auto idle =
      std::count_if(runs.begin(), runs.end(), [&wrote](const Run& run) { return !wrote.contains(run.id); });
  return Kept{static_cast<std::size_t>(idle), store.audit().checkpoints().size()};
}

}  // namespace usersyncd::month
