#include <boost/json/value.hpp>
#include <stdexcept>

#include "store/json_text.hpp"
#include "store/store.hpp"
#include "sync/plan_json.hpp"

// Writes: announced before they are sent, closed when it is known what became of them.

namespace usersyncd {
namespace {

namespace json = boost::json;

constexpr std::string_view intent_columns_sql =
    "SELECT id, run, account, username, user_id, operation, action, attempt, actor, before_image, "
    "after_image,"
    " body, desired_digest, state, message, opened_at, resolve_after, closed_at FROM intents";

IntentState state_from_name(std::string_view name) {
  for (const IntentState state : {IntentState::open, IntentState::unknown, IntentState::done,
                                  IntentState::unverified, IntentState::failed, IntentState::not_done}) {
    if (name_of(state) == name) return state;
  }
  throw StoreError("the store holds an intent in the unknown state `" + std::string(name) +
                   "`: upgrade usersyncd");
}

Operation stored_operation(const std::string& name) {
  const auto operation = operation_from_name(name);
  if (!operation) {
    throw StoreError("the store holds an intent with the unknown operation `" + name +
                     "`: upgrade usersyncd");
  }
  return *operation;
}

std::string every_operation() {
  std::string names;
  for (const Operation operation : all_operations) {
    if (!names.empty()) names += ", ";
    names += "'" + std::string(name_of(operation)) + "'";
  }
  return names;
}

/// Columns in the order of intent_columns_sql.
Intent read_intent(const Statement& row) {
  Intent intent;
  intent.id = row.integer(0);
  intent.write.run = row.text(1);
  intent.write.account = row.text(2);
  intent.write.username = row.text(3);
  intent.write.user_id = row.text(4);
  intent.write.operation = stored_operation(row.text(5));
  intent.write.action = row.text(6);
  intent.write.attempt = static_cast<int>(row.integer(7));
  intent.write.actor = row.text(8);
  intent.write.before = user_from_text(row.text(9));
  intent.write.after = user_from_text(row.text(10));
  intent.write.body = row.text(11);
  intent.write.desired_digest = row.text(12);
  intent.state = state_from_name(row.text(13));
  intent.message = row.text(14);
  intent.opened_at = row.time(15);
  intent.resolve_after = row.maybe_time(16);
  intent.closed_at = row.maybe_time(17);
  return intent;
}

bool is_final(IntentState state) {
  switch (state) {
    case IntentState::open:
    case IntentState::unknown:
      return false;
    case IntentState::done:
    case IntentState::unverified:
    case IntentState::failed:
    case IntentState::not_done:
      return true;
  }
  throw std::logic_error("an intent state that is none");
}

void insert_intent(Database& database, const NewIntent& write, Time now) {
  constexpr std::string_view sql =
      "INSERT INTO intents (run, account, user_key, username, user_id, operation, action, attempt, actor,"
      " before_image, after_image, body, desired_digest, state, message, opened_at, resolve_after, closed_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', '', ?, NULL, NULL)";
  database.prepare(sql)
      .bind(write.run, write.account, key_of(write.username), write.username, write.user_id,
            name_of(write.operation), write.action, write.attempt, write.actor, user_to_text(write.before),
            user_to_text(write.after), write.body, write.desired_digest, now)
      .run();
}

json::value image(const std::optional<User>& user) {
  if (!user) return nullptr;
  return to_json(*user);
}

/// What an intent and what became of it have in common in the audit log.
AuditEntry entry_for(const NewIntent& write, AuditKind kind, Time now) {
  AuditEntry entry;
  entry.kind = kind;
  entry.time = now;
  entry.run = write.run;
  entry.account = write.account;
  entry.actor = write.actor;
  entry.username = write.username;
  entry.action = write.action;
  entry.attempt = write.attempt;
  return entry;
}

AuditEntry intent_entry(const NewIntent& write, std::int64_t id, Time now) {
  AuditEntry entry = entry_for(write, AuditKind::intent, now);
  if (!write.body.empty()) {
    entry.request.emplace();
    entry.request->body = write.body;
  }
  entry.detail.emplace("intent", id);
  entry.detail.emplace("operation", name_of(write.operation));
  entry.detail.emplace("userId", write.user_id);
  entry.detail.emplace("before", image(write.before));
  entry.detail.emplace("after", image(write.after));
  entry.detail.emplace("place", write.place);
  entry.detail.emplace("reason", write.reason);
  return entry;
}

/// What an auditor asks first of a write: by which revision of the desired state, and who approved it.
void add_authority(Database& database, const NewIntent& write, json::object& detail) {
  auto run = database.prepare("SELECT desired_revision FROM runs WHERE id = ? AND account = ?");
  if (run.bind(write.run, write.account).step()) detail.emplace("desiredRevision", run.text(0));
  auto approval = database.prepare(
      "SELECT actor, decided_at FROM approvals WHERE account = ? AND action = ? AND state = 'approved'");
  if (!approval.bind(write.account, write.action).step()) return;
  detail.emplace("approvedBy", approval.text(0));
  if (const auto decided_at = approval.maybe_time(1)) detail.emplace("approvedAt", format_time(*decided_at));
}

Intent require_unresolved(Store& store, std::int64_t id) {
  auto intent = store.find_intent(id);
  if (!intent) throw StoreError("intent " + std::to_string(id) + " is not in the store");
  if (is_final(intent->state)) {
    throw StoreError("intent " + std::to_string(id) + " is closed already (" +
                     std::string(name_of(intent->state)) + ")");
  }
  return *std::move(intent);
}

}  // namespace

std::string_view name_of(IntentState state) {
  switch (state) {
    case IntentState::open:
      return "open";
    case IntentState::unknown:
      return "unknown";
    case IntentState::done:
      return "done";
    case IntentState::unverified:
      return "unverified";
    case IntentState::failed:
      return "failed";
    case IntentState::not_done:
      return "not_done";
  }
  throw std::logic_error("an intent state without a name");
}

std::int64_t Store::open_intent(const NewIntent& intent, Time now) {
  Transaction transaction(database_);
  IntentFilter unresolved;
  unresolved.account = intent.account;
  unresolved.username = intent.username;
  unresolved.unresolved_only = true;
  if (const auto others = list_intents(unresolved); !others.empty()) {
    throw StoreError("account " + intent.account + ": user " + intent.username +
                     " has an unresolved write (intent " + std::to_string(others.front().id) +
                     "): it must be looked up before another is sent");
  }
  insert_intent(database_, intent, now);
  forget_quiet(intent.account);
  const std::int64_t id = database_.last_insert_id();
  AuditEntry entry = intent_entry(intent, id, now);
  add_authority(database_, intent, entry.detail);
  audit_.append(entry);
  transaction.commit();
  return id;
}

void Store::append_decision(const Intent& intent, IntentState state, const std::string& message, Time now) {
  AuditEntry entry = entry_for(intent.write, AuditKind::decision, now);
  if (state != IntentState::done) entry.error = message;
  entry.detail.emplace("intent", intent.id);
  entry.detail.emplace("operation", name_of(intent.write.operation));
  entry.detail.emplace("state", name_of(state));
  entry.detail.emplace("message", message);
  audit_.append(entry);
}

void Store::mark_unknown(std::int64_t id, Time resolve_after, const std::string& message, Time now,
                         const std::string& told_id) {
  Transaction transaction(database_);
  const Intent intent = require_unresolved(*this, id);
  database_.prepare("UPDATE intents SET state = 'unknown', message = ?, resolve_after = ? WHERE id = ?")
      .bind(message, resolve_after, id)
      .run();
  if (!told_id.empty())
    database_.prepare("UPDATE intents SET user_id = ? WHERE id = ?").bind(told_id, id).run();
  append_decision(intent, IntentState::unknown, message, now);
  transaction.commit();
}

void Store::close_intent(std::int64_t id, const IntentEnd& end, Time now) {
  if (!is_final(end.state)) throw std::logic_error("an intent can only be closed with a final state");
  Transaction transaction(database_);
  const Intent intent = require_unresolved(*this, id);
  database_.prepare("UPDATE intents SET state = ?, message = ?, closed_at = ? WHERE id = ?")
      .bind(name_of(end.state), end.message, now, id)
      .run();
  // Whom a create made is known only now.
  if (end.known && end.state == IntentState::done && intent.write.operation == Operation::create)
    database_.prepare("UPDATE intents SET user_id = ?, after_image = ? WHERE id = ?")
        .bind(end.known->user.user_id, user_to_text(end.known->user), id)
        .run();
  const std::string& account = intent.write.account;
  if (end.forget_user) forget_user(account, key_of(intent.write.username));
  if (end.known) save_user(account, key_of(end.known->user.username), *end.known);
  append_decision(intent, end.state, end.message, now);
  transaction.commit();
}

std::vector<Intent> Store::recover(const std::string& account, Time resolve_after, Time now) {
  Transaction transaction(database_);
  IntentFilter filter;
  filter.account = account;
  filter.unresolved_only = true;
  auto intents = list_intents(filter);
  for (const Intent& intent : intents) {
    if (intent.state == IntentState::unknown) continue;
    mark_unknown(intent.id, resolve_after, "interrupted: it may or may not have been done", now);
  }
  constexpr std::string_view sql =
      "UPDATE runs SET finished_at = ?, result = 'interrupted' WHERE account = ? AND finished_at IS NULL";
  database_.prepare(sql).bind(now, account).run();
  transaction.commit();
  return intents;
}

std::optional<Intent> Store::find_intent(std::int64_t id) {
  auto statement = database_.prepare(std::string(intent_columns_sql) + " WHERE id = ?");
  if (!statement.bind(id).step()) return std::nullopt;
  return read_intent(statement);
}

std::vector<Intent> Store::list_intents(const IntentFilter& filter) {
  // One statement for each combination, so that the indexes serve.
  std::string sql(intent_columns_sql);
  sql += " WHERE TRUE";
  if (filter.account) sql += " AND account = ?";
  if (filter.username) sql += " AND user_key = ?";
  if (filter.run) sql += " AND run = ?";
  if (filter.unresolved_only) sql += " AND state IN ('open', 'unknown')";
  auto statement = database_.prepare(sql + " ORDER BY id");
  std::optional<std::string> user_key;
  if (filter.username) user_key = key_of(*filter.username);
  statement.bind_present(filter.account, user_key, filter.run);
  std::vector<Intent> intents;
  while (statement.step()) intents.push_back(read_intent(statement));
  return intents;
}

std::vector<DoneWrite> Store::done_since(const std::string& account, Time since) {
  // Every operation is named, so that an index leads to the time: what was written long ago is not read.
  static const std::string sql =
      "SELECT closed_at, operation, username, id FROM intents WHERE account = ?1"
      " AND operation IN (" +
      every_operation() +
      ") AND state IN ('done', 'unverified') AND closed_at >= ?2"
      " UNION ALL SELECT opened_at, operation, username, id FROM intents WHERE account = ?1"
      " AND state IN ('open', 'unknown') ORDER BY 1, 4";
  auto statement = database_.prepare(sql);
  statement.bind(account, since);
  std::vector<DoneWrite> writes;
  while (statement.step()) {
    writes.push_back(DoneWrite{statement.time(0), stored_operation(statement.text(1)), statement.text(2)});
  }
  return writes;
}

std::map<std::string, Time> Store::recent_creates(const std::string& account, Time since) {
  constexpr std::string_view sql =
      "SELECT user_key, closed_at FROM intents"
      " WHERE account = ? AND operation = 'create' AND state = 'done' AND closed_at >= ?"
      " ORDER BY closed_at";
  auto statement = database_.prepare(sql);
  statement.bind(account, since);
  std::map<std::string, Time> creates;
  while (statement.step()) creates[statement.text(0)] = statement.time(1);
  return creates;
}

std::map<std::string, Tombstone> Store::tombstones(const std::string& account) {
  constexpr std::string_view removals_sql =
      "SELECT user_key, username, closed_at, desired_digest, id FROM intents"
      " WHERE account = ? AND operation = 'delete' AND state = 'done'";
  constexpr std::string_view later_sql =
      "SELECT 1 FROM intents WHERE account = ? AND user_key = ? AND id > ? AND state = 'done'"
      " AND operation IN ('create', 'delete')";
  auto removals = database_.prepare(removals_sql);
  removals.bind(account);
  std::map<std::string, Tombstone> tombstones;
  while (removals.step()) {
    const auto user_key = removals.text(0);
    auto later = database_.prepare(later_sql);
    if (later.bind(account, user_key, removals.integer(4)).step()) continue;
    tombstones.emplace(user_key, Tombstone{removals.text(1), removals.time(2), removals.text(3)});
  }
  return tombstones;
}

}  // namespace usersyncd
