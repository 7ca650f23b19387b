#include "tests/reconcile/harness.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

#include "tests/support/run.hpp"

namespace usersyncd::test {
namespace {

namespace asio = boost::asio;

constexpr Duration poll_interval{60'000};

// Every table that a transaction of the cycle writes to. A trigger that aborts is as good as a full disk.
constexpr const char* fuse_sql = R"sql(
CREATE TABLE test_fuse (left INTEGER);
INSERT INTO test_fuse VALUES (-1);
)sql";

std::string trigger(const std::string& table, const std::string& event) {
  return "CREATE TRIGGER fuse_" + table + "_" + event + " BEFORE " + event + " ON " + table +
         " WHEN (SELECT left FROM test_fuse) >= 0 BEGIN"
         " UPDATE test_fuse SET left = left - 1 WHERE left > 0;"
         " SELECT RAISE(ABORT, 'the disk is full') WHERE (SELECT left FROM test_fuse) = 0; END;";
}

void install_fuse(const std::string& path) {
  std::string sql = fuse_sql;
  sql += trigger("audit", "INSERT");
  for (const auto* table : {"runs", "account_states", "plans", "backoffs", "overrides"}) {
    sql += trigger(table, "INSERT") + trigger(table, "UPDATE");
  }
  run_raw(path, sql);
}

}  // namespace

Awaitable<bool> FakeClock::sleep_for(Duration duration) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  passed_ += duration;
  co_return !stopped_;
}

double FakeRandom::uniform() {
  state_ = state_ * 6364136223846793005U + 1442695040888963407U;
  return static_cast<double>(state_ >> 11) / 9007199254740992.0;
}

std::size_t RecordedEvents::count(std::string_view name, const std::string& username) const {
  return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [&](const Event& event) {
    return event.name == name && (username.empty() || event.username == username);
  }));
}

DesiredUser wanted(const std::string& username) {
  DesiredUser user;
  user.username = username;
  user.fields.set(Field::email, username + "@example.com");
  user.place = Place{"users.yaml", 1, 1};
  return user;
}

DesiredUser wanted_absent(const std::string& username) {
  DesiredUser user;
  user.username = username;
  user.absent = true;
  user.place = Place{"users.yaml", 1, 1};
  return user;
}

void set_roles(DesiredUser& user, const StringSet& roles) {
  user.roles.emplace();
  for (const auto& role : roles) user.roles->push_back(RoleGrant{role, std::nullopt, user.place});
}

DesiredUser wanted_as(const User& live) {
  auto user = wanted(live.username);
  for (Field field : all_fields) {
    if (field == Field::roles || field == Field::accounts) continue;
    if (live.fields.has(field)) user.fields.set(field, *live.fields.get(field));
  }
  if (const auto* roles = live.fields.set_of(Field::roles)) set_roles(user, *roles);
  return user;
}

Rule rule(const std::string& name, Effect effect) {
  Rule made;
  made.name = name;
  made.effect = std::move(effect);
  return made;
}

RuleSet free_rules(std::vector<Rule> more) {
  for (const auto* name : {"blast-radius", "leaver-budget", "deletes-need-a-person"}) {
    const bool given =
        std::any_of(more.begin(), more.end(), [&](const Rule& one) { return one.name == name; });
    if (!given) more.push_back(rule(name, Allow{}));
  }
  return RuleSet::with_built_in(std::move(more));
}

Harness::Harness() {
  world.catalog.roles =
      std::vector<Role>{{"admin", "Admin"}, {"ordering", "Ordering"}, {"reporting", "Reporting"}};
  world.catalog.accounts = StringSet{"a1", "a2"};
  account.id = "a1";
  account.enforce = true;
  account.max_in_flight = 4;
  account.capabilities.list_is_full = true;
  account.capabilities.unique_usernames = true;
  account.actor = "daemon";
  desired_.account = "a1";
  auto& boss = world.add("boss");
  boss.fields.set(Field::scope, "ACCOUNT_ADMIN");
  want(wanted_as(boss));
  store = std::make_unique<Store>(file.path(), Access::read_write);
  in_doubt = std::make_unique<InDoubt>(account, *store, clock);
  install_fuse(file.path());
}

void Harness::want(const DesiredUser& user) {
  want_no_more(user.username);
  auto& users = desired_.users;
  const auto after = [](const DesiredUser& a, const DesiredUser& b) {
    return key_of(a.username) < key_of(b.username);
  };
  users.insert(std::upper_bound(users.begin(), users.end(), user, after), user);
  name_revision();
}

void Harness::name_revision() {
  std::string all;
  for (const auto& one : desired_.users) all += digest_of(one);
  desired_.revision = sha256_hex(all);
}

void Harness::want_no_more(const std::string& username) {
  std::erase_if(desired_.users,
                [&](const DesiredUser& user) { return key_of(user.username) == key_of(username); });
  name_revision();
}

Awaitable<void> Harness::run_cycle() {
  const auto now = clock.now();
  in_doubt->recover();
  Cycle cycle{account, Ports{world, *store, clock, random, events, *in_doubt}, make_run_id(now, random),
              Purpose::poll, rules_name};
  auto glanced = co_await cycle.glance(desired_.revision);
  if (glanced) {
    look = std::move(*glanced);
  } else {
    auto looked = co_await cycle.look(desired_, rules, true, false);
    look = std::move(looked);
  }
  if (clock.stopping() && !look.judged) co_return;
  cycle.save(look, desired_, clock.now() + poll_interval);
  const bool believed = look.judged && look.observed.observation.complete;
  if (believed && account.enforce) {
    auto done = co_await cycle.act(look, desired_);
    acted = std::move(done);
  }
  cycle.finish(look, acted);
}

void Harness::cycle() {
  acted = Acted{};
  look = Look{};
  broken.clear();
  try {
    run(run_cycle());
  } catch (const std::exception& error) {
    broken = error.what();
  }
}

bool Harness::settled() const {
  if (!broken.empty() || !look.judged || !look.observed.observation.complete || unresolved() > 0)
    return false;
  const auto& actions = look.judged->actions();
  return std::none_of(actions.begin(), actions.end(), [](const JudgedAction& judged) {
    return judged.verdict == Verdict::apply || !judged.action.must_wait.empty();
  });
}

int Harness::converge(int most) {
  for (int count = 1; count <= most; ++count) {
    cycle();
    if (settled()) return count;
    clock.advance(poll_interval);
  }
  std::string left;
  if (look.judged) {
    for (const auto& judged : look.judged->actions()) {
      left += "\n  " + std::string{name_of(judged.action.operation)} + " " + judged.action.username + ": " +
              std::string{name_of(judged.verdict)} + ", " + judged.reason;
    }
  }
  for (const auto& problem : look.problems) left += "\n  " + problem.text();
  for (const auto& reason : look.observed.observation.reasons) left += "\n  " + reason;
  FAIL("not settled after " << most << " cycles; " << broken << left);
  return most;
}

void Harness::restart() {
  look = Look{};
  acted = Acted{};
  store.reset();
  mend_store();
  store = std::make_unique<Store>(file.path(), Access::read_write);
  in_doubt = std::make_unique<InDoubt>(account, *store, clock);
  world.forget_the_crash();
}

const ActionResult* Harness::result_of(const std::string& username) const {
  for (const auto& step : acted.steps) {
    if (step.judged->action.username == username) return &step.result;
  }
  return nullptr;
}

const JudgedAction* Harness::judged(const std::string& username) const {
  if (!look.judged) return nullptr;
  for (const auto& judged : look.judged->actions()) {
    if (judged.action.username == username) return &judged;
  }
  return nullptr;
}

std::size_t Harness::unresolved() const {
  IntentFilter filter;
  filter.account = account.id;
  filter.unresolved_only = true;
  return store->list_intents(filter).size();
}

void Harness::fail_store_at(int number) {
  run_raw(file.path(), "UPDATE test_fuse SET left = " + std::to_string(number));
}

void Harness::mend_store() {
  fail_store_at(-1);
}

void Harness::check_writes_are_recorded() {
  IntentFilter all;
  all.account = account.id;
  std::set<std::tuple<std::string, std::string, int>> intents;
  for (const auto& intent : store->list_intents(all)) {
    intents.emplace(intent.write.run, intent.write.action, intent.write.attempt);
  }
  for (const auto& call : world.calls) {
    if (!is_write(call.kind)) continue;
    const auto& context = call.context;
    CHECK_MESSAGE(intents.contains({context.run, context.action, context.attempt}),
                  name_of(call.kind) << " " << call.key << " left without an intent");
  }
  std::size_t records = 0;
  store->audit().for_each({}, [&](const AuditRow& row) { records += row.kind == "intent" ? 1U : 0U; });
  CHECK(records == store->list_intents(all).size());
  CHECK_FALSE(store->audit().verify().broken);
}

void Harness::check_quiet() {
  const auto writes = world.writes();
  const auto records = store->audit().verify().checked;
  const auto intents = query_raw(file.path(), "SELECT COUNT(*) FROM intents");
  clock.advance(poll_interval);
  cycle();
  CHECK(broken.empty());
  CHECK(settled());
  CHECK(world.writes() == writes);
  CHECK(store->audit().verify().checked == records);
  CHECK(query_raw(file.path(), "SELECT COUNT(*) FROM intents") == intents);
}

void Harness::check_invariants() {
  check_writes_are_recorded();
  CHECK_FALSE(world.overlapped_on_a_user);
  std::set<std::string> created;
  for (const auto& call : world.calls) {
    if (call.kind == Call::Kind::create && call.done) {
      CHECK_MESSAGE(created.insert(call.key).second, call.key << " was created twice");
    }
  }
  check_quiet();
}

}  // namespace usersyncd::test
