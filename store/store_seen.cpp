#include <utility>

#include "store/json_text.hpp"
#include "store/store.hpp"

// What was seen of an account: its users, catalogue, state and drift.

namespace usersyncd {
namespace {

/// One row of the snapshot as it stands in the table: what is compared to find out whether it must be
/// written.
struct SnapshotRow {
  std::string username, user_id, fields;
  std::optional<std::int64_t> item_read_at;
  std::string desired_digest;
  std::int64_t missed_lists = 0;
  std::optional<std::int64_t> disabled_since;
  friend bool operator==(const SnapshotRow&, const SnapshotRow&) = default;
};

std::optional<std::int64_t> maybe_millis(const std::optional<Time>& time) {
  if (!time) return std::nullopt;
  return millis_of(*time);
}

SnapshotRow to_row(const KnownUser& known) {
  return SnapshotRow{known.user.username,
                     known.user.user_id,
                     fields_to_text(known.user.fields),
                     maybe_millis(known.item_read_at),
                     known.desired_digest,
                     known.missed_lists,
                     maybe_millis(known.disabled_since)};
}

/// Columns in the order of the struct, from `first`.
SnapshotRow read_row(const Statement& statement, int first) {
  return SnapshotRow{statement.text(first),
                     statement.text(first + 1),
                     statement.text(first + 2),
                     statement.maybe_integer(first + 3),
                     statement.text(first + 4),
                     statement.integer(first + 5),
                     statement.maybe_integer(first + 6)};
}

KnownUser read_known(const Statement& statement, int first) {
  KnownUser known;
  known.user.username = statement.text(first);
  known.user.user_id = statement.text(first + 1);
  known.user.fields = fields_from_text(statement.text(first + 2));
  known.item_read_at = statement.maybe_time(first + 3);
  known.desired_digest = statement.text(first + 4);
  known.missed_lists = static_cast<int>(statement.integer(first + 5));
  known.disabled_since = statement.maybe_time(first + 6);
  return known;
}

using DriftKey = std::pair<std::string, std::string>;  ///< user key, kind

std::map<DriftKey, KnownDrift> by_key(const std::vector<KnownDrift>& list) {
  std::map<DriftKey, KnownDrift> map;
  for (const KnownDrift& known : list)
    map.emplace(DriftKey{key_of(known.drift.username), known.drift.kind}, known);
  return map;
}

bool says_the_same(const Drift& left, const Drift& right) {
  return left.desired == right.desired && left.actual == right.actual && left.rule == right.rule;
}

/// Pure: what the new list of differences means, given the old one.
DriftNews compare(const std::map<DriftKey, KnownDrift>& before, const std::vector<Drift>& current,
                  const WasJudged& was_judged, Time now) {
  std::map<DriftKey, KnownDrift> present;
  for (const Drift& drift : current) {
    present.emplace(DriftKey{key_of(drift.username), drift.kind}, KnownDrift{drift, now});
  }
  DriftNews news;
  for (auto& [key, known] : present) {
    const auto old = before.find(key);
    if (old == before.end()) {
      news.appeared.push_back(known);
      continue;
    }
    known.since = old->second.since;
    if (!says_the_same(known.drift, old->second.drift)) news.changed.push_back(known);
  }
  for (const auto& [key, known] : before) {
    if (present.contains(key)) continue;
    if (!was_judged || was_judged(known.drift.username, known.drift.kind)) news.resolved.push_back(known);
  }
  return news;
}

void write_drift(Database& database, const std::string& account, const std::vector<KnownDrift>& list) {
  constexpr std::string_view sql =
      "INSERT INTO drift (account, user_key, kind, username, desired, actual, rule, since)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (account, user_key, kind) DO UPDATE SET username = excluded.username,"
      " desired = excluded.desired, actual = excluded.actual, rule = excluded.rule";
  auto statement = database.prepare(sql);
  for (const auto& [drift, since] : list) {
    statement
        .bind(account, key_of(drift.username), drift.kind, drift.username, drift.desired, drift.actual,
              drift.rule, since)
        .run();
  }
}

void delete_drift(Database& database, const std::string& account, const std::vector<KnownDrift>& list) {
  auto statement = database.prepare("DELETE FROM drift WHERE account = ? AND user_key = ? AND kind = ?");
  for (const auto& [drift, since] : list) statement.bind(account, key_of(drift.username), drift.kind).run();
}

void save_catalog(Database& database, const std::string& account, const Catalog& catalog) {
  constexpr std::string_view sql =
      "INSERT INTO catalogs (account, document) VALUES (?, ?)"
      " ON CONFLICT (account) DO UPDATE SET document = excluded.document WHERE document <> excluded.document";
  database.prepare(sql).bind(account, catalog_to_text(catalog)).run();
}

}  // namespace

Snapshot Store::load_snapshot(const std::string& account) {
  constexpr std::string_view sql =
      "SELECT user_key, username, user_id, fields, item_read_at, desired_digest, missed_lists, disabled_since"
      " FROM snapshot WHERE account = ? ORDER BY user_key";
  auto statement = database_.prepare(sql);
  statement.bind(account);
  Snapshot snapshot;
  while (statement.step()) snapshot.emplace_hint(snapshot.end(), statement.text(0), read_known(statement, 1));
  return snapshot;
}

std::optional<KnownUser> Store::known_user(const std::string& account, const std::string& username) {
  constexpr std::string_view sql =
      "SELECT username, user_id, fields, item_read_at, desired_digest, missed_lists, disabled_since"
      " FROM snapshot WHERE account = ? AND user_key = ?";
  auto statement = database_.prepare(sql);
  if (!statement.bind(account, key_of(username)).step()) return std::nullopt;
  return read_known(statement, 0);
}

void Store::save_user(const std::string& account, const std::string& key, const KnownUser& known) {
  constexpr std::string_view sql =
      "INSERT INTO snapshot (account, user_key, username, user_id, fields, item_read_at, desired_digest,"
      " missed_lists, disabled_since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (account, user_key) DO UPDATE SET username = excluded.username, user_id = "
      "excluded.user_id,"
      " fields = excluded.fields, item_read_at = excluded.item_read_at,"
      " desired_digest = excluded.desired_digest, missed_lists = excluded.missed_lists,"
      " disabled_since = excluded.disabled_since";
  const SnapshotRow row = to_row(known);
  database_.prepare(sql)
      .bind(account, key, row.username, row.user_id, row.fields, row.item_read_at, row.desired_digest,
            row.missed_lists, row.disabled_since)
      .run();
}

void Store::forget_user(const std::string& account, const std::string& key) {
  database_.prepare("DELETE FROM snapshot WHERE account = ? AND user_key = ?").bind(account, key).run();
}

// Compared with the table itself, not with what this process once loaded: another one may have written since.
void Store::update_snapshot(const std::string& account, const Snapshot& snapshot) {
  constexpr std::string_view sql =
      "SELECT user_key, username, user_id, fields, item_read_at, desired_digest, missed_lists, disabled_since"
      " FROM snapshot WHERE account = ? ORDER BY user_key";
  std::vector<std::string> gone;
  std::map<std::string_view, const KnownUser*> differing;
  for (const auto& [key, known] : snapshot) differing.emplace_hint(differing.end(), key, &known);
  {
    auto statement = database_.prepare(sql);
    statement.bind(account);
    while (statement.step()) {
      const std::string key = statement.text(0);
      const auto known = differing.find(key);
      if (known == differing.end())
        gone.push_back(key);
      else if (to_row(*known->second) == read_row(statement, 1))
        differing.erase(known);
    }
  }
  for (const std::string& key : gone) forget_user(account, key);
  for (const auto& [key, known] : differing) save_user(account, std::string(key), *known);
}

std::optional<Catalog> Store::load_catalog(const std::string& account) {
  auto statement = database_.prepare("SELECT document FROM catalogs WHERE account = ?");
  if (!statement.bind(account).step()) return std::nullopt;
  return catalog_from_text(statement.text(0));
}

DriftNews Store::save_poll(const std::string& account, const Poll& poll, Time now) {
  Transaction transaction(database_);
  DriftNews news;
  if (poll.snapshot != nullptr) update_snapshot(account, *poll.snapshot);
  if (poll.catalog != nullptr) save_catalog(database_, account, *poll.catalog);
  if (poll.drifts != nullptr) news = update_drift(account, *poll.drifts, poll.was_judged, now);
  save_state(account, poll.state);
  transaction.commit();
  return news;
}

AccountState Store::load_state(const std::string& account) {
  constexpr std::string_view sql =
      "SELECT last_poll, last_success, last_error, next_poll, held, breaker, waiting_until, waiting_reason,"
      " list_complete, users FROM account_states WHERE account = ?";
  AccountState state;
  auto statement = database_.prepare(sql);
  if (statement.bind(account).step()) {
    state.last_poll = statement.maybe_time(0);
    state.last_success = statement.maybe_time(1);
    state.last_error = statement.text(2);
    state.next_poll = statement.maybe_time(3);
    state.held = static_cast<std::size_t>(statement.integer(4));
    state.breaker = statement.text(5);
    state.waiting_until = statement.maybe_time(6);
    state.waiting_reason = statement.text(7);
    state.list_complete = statement.flag(8);
    state.users = static_cast<std::size_t>(statement.integer(9));
  }
  auto drift = database_.prepare("SELECT COUNT(*) FROM drift WHERE account = ?");
  drift.bind(account).step();
  state.drift = static_cast<std::size_t>(drift.integer(0));
  return state;
}

void Store::save_state(const std::string& account, const AccountState& state) {
  constexpr std::string_view sql =
      "INSERT INTO account_states (account, last_poll, last_success, last_error, next_poll, held, breaker,"
      " waiting_until, waiting_reason, list_complete, users) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (account) DO UPDATE SET last_poll = excluded.last_poll,"
      " last_success = excluded.last_success, last_error = excluded.last_error,"
      " next_poll = excluded.next_poll, held = excluded.held, breaker = excluded.breaker,"
      " waiting_until = excluded.waiting_until, waiting_reason = excluded.waiting_reason,"
      " list_complete = excluded.list_complete, users = excluded.users";
  database_.prepare(sql)
      .bind(account, state.last_poll, state.last_success, state.last_error, state.next_poll, state.held,
            state.breaker, state.waiting_until, state.waiting_reason, state.list_complete, state.users)
      .run();
}

DriftNews Store::update_drift(const std::string& account, const std::vector<Drift>& current,
                              const WasJudged& was_judged, Time now) {
  Transaction transaction(database_);
  DriftNews news = compare(by_key(load_drift(account)), current, was_judged, now);
  write_drift(database_, account, news.appeared);
  write_drift(database_, account, news.changed);
  delete_drift(database_, account, news.resolved);
  transaction.commit();
  return news;
}

std::vector<KnownDrift> Store::load_drift(const std::string& account) {
  constexpr std::string_view sql =
      "SELECT username, kind, desired, actual, rule, since FROM drift WHERE account = ?"
      " ORDER BY user_key, kind";
  auto statement = database_.prepare(sql);
  statement.bind(account);
  std::vector<KnownDrift> list;
  while (statement.step()) {
    Drift drift{statement.text(0), statement.text(1), statement.text(2), statement.text(3),
                statement.text(4)};
    list.push_back(KnownDrift{std::move(drift), statement.time(5)});
  }
  return list;
}

}  // namespace usersyncd
