#include <algorithm>
#include <stdexcept>

#include "store/json_text.hpp"
#include "store/store.hpp"

// What is remembered about single users, and what people said: pauses and approvals.

namespace usersyncd {
namespace {

// Account ids are never empty, so the empty scope is free to mean all of them.
constexpr std::string_view all_accounts;

std::string scope_of(const std::optional<std::string>& account) {
  return account.value_or(std::string(all_accounts));
}

/// Columns: scope, reason, actor, since.
Pause read_pause(const Statement& row) {
  Pause pause;
  if (std::string scope = row.text(0); scope != all_accounts) pause.account = std::move(scope);
  pause.reason = row.text(1);
  pause.actor = row.text(2);
  pause.since = row.time(3);
  return pause;
}

AuditEntry lifecycle_entry(const std::optional<std::string>& account, const std::string& actor,
                           std::string_view event, Time now) {
  AuditEntry entry;
  entry.kind = AuditKind::lifecycle;
  entry.time = now;
  entry.account = scope_of(account);
  entry.actor = actor;
  entry.detail.emplace("event", event);
  return entry;
}

constexpr std::chrono::days forgotten_after{7};

constexpr std::string_view approval_columns_sql =
    "SELECT account, action, plan, username, operation, summary, state, requested_at, actor, reason, "
    "decided_at,"
    " expires_at FROM approvals";

Approval::State approval_state_from_name(std::string_view name) {
  for (const auto state : {Approval::State::waiting, Approval::State::approved, Approval::State::rejected}) {
    if (name_of(state) == name) return state;
  }
  throw StoreError("the store holds an approval in the unknown state `" + std::string(name) +
                   "`: upgrade usersyncd");
}

/// Columns in the order of approval_columns_sql.
Approval read_approval(const Statement& row) {
  Approval approval;
  approval.account = row.text(0);
  approval.action = row.text(1);
  approval.plan = row.text(2);
  approval.username = row.text(3);
  approval.operation = row.text(4);
  approval.summary = row.text(5);
  approval.state = approval_state_from_name(row.text(6));
  approval.requested_at = row.time(7);
  approval.actor = row.text(8);
  approval.reason = row.text(9);
  approval.decided_at = row.maybe_time(10);
  approval.expires_at = row.maybe_time(11);
  return approval;
}

void insert_waiting(Database& database, const Approval& approval) {
  constexpr std::string_view sql =
      "INSERT INTO approvals (account, action, plan, username, operation, summary, state, requested_at, "
      "actor,"
      " reason, decided_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, '', '', NULL, NULL)";
  database.prepare(sql)
      .bind(approval.account, approval.action, approval.plan, approval.username, approval.operation,
            approval.summary, approval.requested_at)
      .run();
}

void delete_approval(Database& database, const Approval& approval) {
  database.prepare("DELETE FROM approvals WHERE account = ? AND action = ? AND plan = ?")
      .bind(approval.account, approval.action, approval.plan)
      .run();
}

}  // namespace

std::string_view name_of(Approval::State state) {
  switch (state) {
    case Approval::State::waiting:
      return "waiting";
    case Approval::State::approved:
      return "approved";
    case Approval::State::rejected:
      return "rejected";
  }
  throw std::logic_error("an approval state without a name");
}

void Store::save_backoff(const std::string& account, const Backoff& backoff) {
  constexpr std::string_view sql =
      "INSERT INTO backoffs (account, user_key, username, failures, next_try, reason) VALUES (?, ?, ?, ?, ?, "
      "?)"
      " ON CONFLICT (account, user_key) DO UPDATE SET username = excluded.username,"
      " failures = excluded.failures, next_try = excluded.next_try, reason = excluded.reason";
  database_.prepare(sql)
      .bind(account, key_of(backoff.username), backoff.username, backoff.failures, backoff.next_try,
            backoff.reason)
      .run();
}

void Store::clear_backoff(const std::string& account, const std::string& username) {
  database_.prepare("DELETE FROM backoffs WHERE account = ? AND user_key = ?")
      .bind(account, key_of(username))
      .run();
}

std::map<std::string, Backoff> Store::load_backoffs(const std::string& account) {
  constexpr std::string_view sql =
      "SELECT user_key, username, failures, next_try, reason FROM backoffs WHERE account = ? ORDER BY "
      "user_key";
  auto statement = database_.prepare(sql);
  statement.bind(account);
  std::map<std::string, Backoff> backoffs;
  while (statement.step()) {
    const Backoff backoff{statement.text(1), static_cast<int>(statement.integer(2)), statement.time(3),
                          statement.text(4)};
    backoffs.emplace(statement.text(0), backoff);
  }
  return backoffs;
}

int Store::count_override(const std::string& account, const std::string& username, Field field,
                          const Value& wanted, const std::string& action) {
  constexpr std::string_view write_sql =
      "INSERT INTO overrides (account, user_key, field, username, wanted, times, last_action)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (account, user_key, field) DO UPDATE SET username = excluded.username,"
      " wanted = excluded.wanted, times = excluded.times, last_action = excluded.last_action";
  Transaction transaction(database_);
  const std::string key = key_of(username);
  const std::string text = value_to_text(wanted);
  int times = 1;
  {
    auto known = database_.prepare(
        "SELECT wanted, times, last_action FROM overrides WHERE account = ? AND user_key = ? AND field = ?");
    if (known.bind(account, key, name_of(field)).step() && known.text(0) == text) {
      times = static_cast<int>(known.integer(1)) + (known.text(2) == action ? 0 : 1);
    }
  }
  database_.prepare(write_sql).bind(account, key, name_of(field), username, text, times, action).run();
  transaction.commit();
  return times;
}

void Store::clear_override(const std::string& account, const std::string& username, Field field) {
  database_.prepare("DELETE FROM overrides WHERE account = ? AND user_key = ? AND field = ?")
      .bind(account, key_of(username), name_of(field))
      .run();
}

std::vector<Override> Store::load_overrides(const std::string& account) {
  constexpr std::string_view sql =
      "SELECT username, field, wanted, times, last_action FROM overrides WHERE account = ?"
      " ORDER BY user_key, field";
  auto statement = database_.prepare(sql);
  statement.bind(account);
  std::vector<Override> overrides;
  while (statement.step()) {
    const std::string name = statement.text(1);
    const auto field = field_from_name(name);
    if (!field) throw StoreError("the store holds an override of the unknown field `" + name + "`");
    overrides.push_back(Override{statement.text(0), *field, value_from_text(*field, statement.text(2)),
                                 static_cast<int>(statement.integer(3)), statement.text(4)});
  }
  return overrides;
}

void Store::pause(const Pause& pause) {
  constexpr std::string_view sql =
      "INSERT INTO pauses (scope, reason, actor, since) VALUES (?, ?, ?, ?)"
      " ON CONFLICT (scope) DO UPDATE SET reason = excluded.reason, actor = excluded.actor";
  Transaction transaction(database_);
  database_.prepare(sql).bind(scope_of(pause.account), pause.reason, pause.actor, pause.since).run();
  AuditEntry entry = lifecycle_entry(pause.account, pause.actor, "paused", pause.since);
  entry.detail.emplace("reason", pause.reason);
  audit_.append(entry);
  transaction.commit();
}

bool Store::resume(const std::optional<std::string>& account, const std::string& actor, Time now) {
  Transaction transaction(database_);
  if (account)
    database_.prepare("DELETE FROM pauses WHERE scope = ?").bind(*account).run();
  else
    database_.prepare("DELETE FROM pauses").run();
  if (database_.changes() == 0) return false;
  audit_.append(lifecycle_entry(account, actor, "resumed", now));
  transaction.commit();
  return true;
}

std::optional<Pause> Store::paused(const std::string& account) {
  // One by one: before every write it is asked, and both together take a table of their own in SQLite. The
  // account's own first: who pauses all of them and then resumes this one leaves no moment without a pause.
  std::optional<Pause> pause;
  for (const std::string_view scope : {std::string_view(account), all_accounts}) {
    auto statement = database_.prepare("SELECT scope, reason, actor, since FROM pauses WHERE scope = ?");
    if (statement.bind(scope).step()) pause = read_pause(statement);
  }
  return pause;
}

std::vector<Pause> Store::list_pauses() {
  auto statement = database_.prepare("SELECT scope, reason, actor, since FROM pauses ORDER BY scope");
  std::vector<Pause> pauses;
  while (statement.step()) pauses.push_back(read_pause(statement));
  return pauses;
}

std::vector<Approval> Store::save_approvals(const std::string& account, const std::string& plan,
                                            const std::vector<Approval>& wanted, Time now) {
  Transaction transaction(database_);
  std::set<std::string> still_wanted;
  for (const Approval& approval : wanted) still_wanted.insert(approval.action);
  std::set<std::string> known;
  for (const Approval& approval : list_approvals(account)) {
    if (approval.plan != plan) {
      const bool forgotten = !approval.plan.empty() && approval.requested_at + forgotten_after <= now;
      if (forgotten) delete_approval(database_, approval);
      continue;
    }
    const bool expired = approval.expires_at && *approval.expires_at <= now;
    if (still_wanted.contains(approval.action) && !expired)
      known.insert(approval.action);
    else
      delete_approval(database_, approval);
  }
  std::vector<Approval> fresh;
  for (Approval approval : wanted) {
    if (!known.insert(approval.action).second) continue;
    approval.account = account;
    approval.plan = plan;
    approval.state = Approval::State::waiting;
    approval.requested_at = now;
    insert_waiting(database_, approval);
    fresh.push_back(std::move(approval));
  }
  transaction.commit();
  return fresh;
}

std::optional<Approval> Store::decide(const ApprovalDecision& decision, Time now) {
  Transaction transaction(database_);
  const auto all = list_approvals(std::nullopt);
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&decision](const Approval& one) { return one.action == decision.action; });
  if (found == all.end()) return std::nullopt;
  Approval approval = *found;
  approval.state = decision.approved ? Approval::State::approved : Approval::State::rejected;
  approval.actor = decision.actor;
  approval.reason = decision.reason;
  approval.decided_at = now;
  approval.expires_at = decision.expires_at;
  constexpr std::string_view sql =
      "UPDATE approvals SET state = ?, actor = ?, reason = ?, decided_at = ?, expires_at = ?"
      " WHERE account = ? AND action = ?";
  database_.prepare(sql)
      .bind(name_of(approval.state), approval.actor, approval.reason, approval.decided_at,
            approval.expires_at, approval.account, approval.action)
      .run();
  AuditEntry entry;
  entry.kind = AuditKind::approval;
  entry.time = now;
  entry.account = approval.account;
  entry.actor = approval.actor;
  entry.username = approval.username;
  entry.action = approval.action;
  entry.detail.emplace("decision", name_of(approval.state));
  entry.detail.emplace("plan", approval.plan);
  entry.detail.emplace("operation", approval.operation);
  entry.detail.emplace("reason", approval.reason);
  if (approval.expires_at) entry.detail.emplace("expiresAt", format_time(*approval.expires_at));
  audit_.append(entry);
  transaction.commit();
  return approval;
}

std::vector<Approval> Store::list_approvals(const std::optional<std::string>& account) {
  std::string sql(approval_columns_sql);
  if (account) sql += " WHERE account = ?";
  auto statement = database_.prepare(sql + " ORDER BY account, requested_at, action");
  statement.bind_present(account);
  std::vector<Approval> approvals;
  while (statement.step()) approvals.push_back(read_approval(statement));
  return approvals;
}

std::set<std::string> Store::approved_actions(const std::string& account, Time now) {
  constexpr std::string_view sql =
      "SELECT action FROM approvals WHERE account = ? AND state = 'approved'"
      " AND (expires_at IS NULL OR expires_at > ?) ORDER BY action";
  auto statement = database_.prepare(sql);
  statement.bind(account, now);
  std::set<std::string> actions;
  while (statement.step()) actions.insert(statement.text(0));
  return actions;
}

}  // namespace usersyncd
