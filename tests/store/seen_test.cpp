#include <algorithm>

#include "store/json_text.hpp"
#include "tests/store/fixture.hpp"

using namespace usersyncd;
using namespace usersyncd::test;

namespace {

Snapshot make_snapshot(int count) {
  Snapshot snapshot;
  for (int index = 0; index < count; ++index) {
    KnownUser known;
    known.user = make_user("User" + std::to_string(index));
    snapshot.emplace(key_of(known.user.username), known);
  }
  return snapshot;
}

bool same(const KnownUser& left, const KnownUser& right) {
  return left.user == right.user && left.item_read_at == right.item_read_at &&
         left.desired_digest == right.desired_digest && left.missed_lists == right.missed_lists &&
         left.disabled_since == right.disabled_since;
}

bool same(const Snapshot& left, const Snapshot& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const auto& one, const auto& other) {
                      return one.first == other.first && same(one.second, other.second);
                    });
}

Drift make_drift(const std::string& username, const std::string& kind, const std::string& actual) {
  return Drift{username, kind, "wanted", actual, "drift"};
}

std::vector<std::string> names(const std::vector<KnownDrift>& list) {
  std::vector<std::string> all;
  for (const KnownDrift& known : list) all.push_back(known.drift.username + "/" + known.drift.kind);
  return all;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("A43: a snapshot comes back as it was saved; absent, empty and set stay three things") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  Snapshot snapshot;
  KnownUser full;
  full.user = make_user("007", "caf\xc3\xa9@example.com");
  full.user.fields.set(Field::phone, "0412 000 000");
  full.user.fields.set(Field::accounts, StringSet{"1", "2"});
  full.user.fields.set(Field::enabled, false);
  full.item_read_at = at(1);
  full.desired_digest = "d";
  full.missed_lists = 2;
  full.disabled_since = at(2);
  KnownUser bare;
  bare.user.username = "Bare";
  snapshot.emplace("007", full);
  snapshot.emplace("bare", bare);
  Poll poll;
  poll.snapshot = &snapshot;
  store.save_poll("a1", poll, at(3));

  CHECK(same(store.load_snapshot("a1"), snapshot));
  CHECK(store.load_snapshot("a2").empty());
  CHECK(same(store.known_user("a1", "BARE").value(), bare));
  CHECK(!store.known_user("a1", "nobody").has_value());
}

TEST_CASE("a snapshot with bytes that are not UTF-8 can still be read back") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  Snapshot snapshot = make_snapshot(1);
  snapshot.begin()->second.user.fields.set(Field::last_name, "M\xfcller");
  Poll poll;
  poll.snapshot = &snapshot;
  store.save_poll("a1", poll, at(0));
  const KnownUser known = store.known_user("a1", "user0").value();
  CHECK(*known.user.fields.text(Field::last_name) == "M\uFFFDller");
}

TEST_CASE("a poll that changes little writes little, whoever loaded the snapshot") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  Snapshot snapshot = make_snapshot(5000);
  Poll poll;
  poll.snapshot = &snapshot;
  store.save_poll("a1", poll, at(0));
  store.tidy_up();

  snapshot.at("user17").missed_lists = 1;
  snapshot.erase("user42");
  snapshot["new"].user = make_user("New");
  Store other(temp.path(), Access::read_write);
  other.save_poll("a1", poll, at(1));
  CHECK(std::filesystem::file_size(temp.path() + "-wal") < 64U * 1024U);
  CHECK(same(store.load_snapshot("a1"), snapshot));
}

TEST_CASE("a poll without a list keeps what is known and saves the state") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const Snapshot snapshot = make_snapshot(3);
  const Catalog catalog{std::vector<Role>{{"1", "Admin"}}, std::nullopt};
  const std::vector<Drift> drifts{make_drift("user1", "email", "x")};
  Poll good;
  good.snapshot = &snapshot;
  good.catalog = &catalog;
  good.drifts = &drifts;
  store.save_poll("a1", good, at(0));
  Poll failed;
  failed.state.last_poll = at(1);
  failed.state.last_error = "timeout";
  const DriftNews news = store.save_poll("a1", failed, at(1));
  CHECK(news.resolved.empty());
  CHECK(store.load_snapshot("a1").size() == 3);
  CHECK(store.load_catalog("a1") == catalog);
  CHECK(store.load_state("a1").last_error == "timeout");
  CHECK(store.load_state("a1").drift == 1);
}

TEST_CASE("a catalogue that is not known is not an empty one") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  CHECK(!store.load_catalog("a1").has_value());
  for (const Catalog& catalog :
       {Catalog{}, Catalog{std::vector<Role>{}, StringSet{}},
        Catalog{std::vector<Role>{{"1", "Admin"}, {"2", "TN Lookup"}}, StringSet{"9"}}}) {
    Poll poll;
    poll.catalog = &catalog;
    store.save_poll("a1", poll, at(0));
    CHECK(store.load_catalog("a1") == catalog);
  }
}

TEST_CASE("the state of an account comes back as it was saved; a new account has an empty one") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  CHECK(!store.load_state("a1").last_poll.has_value());
  CHECK(store.load_state("a1").breaker == "closed");
  AccountState state;
  state.last_poll = at(1);
  state.last_success = at(2);
  state.last_error = "e";
  state.next_poll = at(3);
  state.held = 4;
  state.breaker = "open";
  state.waiting_until = at(5);
  state.waiting_reason = "429";
  state.list_complete = true;
  state.users = 6;
  store.save_state("a1", state);
  const AccountState loaded = store.load_state("a1");
  CHECK(loaded.last_poll == state.last_poll);
  CHECK(loaded.last_success == state.last_success);
  CHECK(loaded.last_error == state.last_error);
  CHECK(loaded.next_poll == state.next_poll);
  CHECK(loaded.held == state.held);
  CHECK(loaded.breaker == state.breaker);
  CHECK(loaded.waiting_until == state.waiting_until);
  CHECK(loaded.waiting_reason == state.waiting_reason);
  CHECK(loaded.list_complete);
  CHECK(loaded.users == state.users);
}

TEST_CASE("a drift is news once: when it appears, when it changes, when it resolves") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  const auto update = [&store](const std::vector<Drift>& current, std::int64_t second) {
    return store.update_drift("a1", current, {}, at(second));
  };
  CHECK(names(update({make_drift("Ann", "email", "x"), make_drift("bob", "missing", "")}, 0).appeared) ==
        Names{"Ann/email", "bob/missing"});

  const DriftNews quiet = update({make_drift("ann", "email", "x"), make_drift("bob", "missing", "")}, 1);
  CHECK(quiet.appeared.empty());
  CHECK(quiet.changed.empty());
  CHECK(quiet.resolved.empty());

  const DriftNews moved = update({make_drift("ann", "email", "y"), make_drift("ann", "phone", "z")}, 2);
  CHECK(names(moved.appeared) == Names{"ann/phone"});
  REQUIRE(names(moved.changed) == Names{"ann/email"});
  CHECK(moved.changed.front().since == at(0));
  CHECK(moved.changed.front().drift.actual == "y");
  CHECK(names(moved.resolved) == Names{"bob/missing"});

  const auto known = store.load_drift("a1");
  REQUIRE(names(known) == Names{"ann/email", "ann/phone"});
  CHECK(known.front().since == at(0));
  CHECK(known.back().since == at(2));
  CHECK(store.load_drift("a2").empty());
}

TEST_CASE("A69: a drift on a field that this cycle could not judge stays known and quiet") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  store.update_drift("a1", {make_drift("ann", "accounts", "x"), make_drift("ann", "email", "x")}, {}, at(0));
  const WasJudged list_only = [](const std::string&, const std::string& kind) { return kind != "accounts"; };
  const DriftNews news = store.update_drift("a1", {}, list_only, at(1));
  CHECK(names(news.resolved) == Names{"ann/email"});
  CHECK(names(store.load_drift("a1")) == Names{"ann/accounts"});
  CHECK(names(store.update_drift("a1", {}, {}, at(2)).resolved) == Names{"ann/accounts"});
}

TEST_CASE("runs are listed newest first and per account; the last plan and notes are kept as text") {
  const TempStore temp;
  Store store(temp.path(), Access::read_write);
  store.start_run(Run{"r1", "a1", "poll", "daemon", "rev", at(0), {}, {}, {}});
  store.start_run(Run{"r1", "a2", "poll", "daemon", "rev", at(0), {}, {}, {}});
  store.start_run(Run{"r2", "a1", "apply", "alice", "rev", at(1), {}, {}, {}});
  store.finish_run("r1", "a1", "ok", R"({"update":2})", at(2));

  const auto all = store.list_runs(std::nullopt, 2);
  REQUIRE(all.size() == 2);
  CHECK(all.front().id == "r2");
  CHECK(!all.front().finished_at.has_value());
  const auto of_account = store.list_runs("a1", 10);
  REQUIRE(of_account.size() == 2);
  CHECK(of_account.back().result == "ok");
  CHECK(of_account.back().counts == R"({"update":2})");
  CHECK(of_account.back().finished_at == at(2));
  CHECK(store.find_run("r1").size() == 2);

  CHECK(!store.load_plan("a1").has_value());
  store.save_plan("a1", "{}", at(0));
  store.save_plan("a1", R"({"id":"p"})", at(1));
  CHECK(store.load_plan("a1") == R"({"id":"p"})");
  CHECK(!store.load_note("a1", "rate").has_value());
  store.save_note("a1", "rate", "1");
  store.save_note("a1", "rate", "2");
  CHECK(store.load_note("a1", "rate") == "2");
}

TEST_CASE("A60: no table has a column for a secret, and every table is STRICT") {
  const TempStore temp;
  { const Store store(temp.path(), Access::read_write); }
  CHECK(query_raw(temp.path(),
                  "SELECT COUNT(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
                  " AND name NOT LIKE 'sqlite_%' AND strict = 0") == "0");
  CHECK(query_raw(temp.path(),
                  "SELECT group_concat(c.name) FROM pragma_table_list AS t, pragma_table_info(t.name) AS c"
                  " WHERE lower(c.name) GLOB '*pass*' OR lower(c.name) GLOB '*secret*'"
                  " OR lower(c.name) GLOB '*token*' OR lower(c.name) GLOB '*credential*'")
            .empty());
}

TEST_CASE("a store of a newer usersyncd is refused, and one that is missing is asked for") {
  const TempStore temp;
  CHECK(contains(store_error_of([&] { const Store store(temp.path(), Access::read_only); }), "no store at "));
  { const Store store(temp.path(), Access::read_write); }
  run_raw(temp.path(), "PRAGMA user_version = 1000");
  CHECK(contains(store_error_of([&] { const Store store(temp.path(), Access::read_write); }),
                 "written by a newer usersyncd (schema 1000, this one knows"));
}
