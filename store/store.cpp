#include "store/store.hpp"

#include "store/schema.hpp"

namespace usersyncd {
namespace {

Run read_run(const Statement& row) {
  Run run;
  run.id = row.text(0);
  run.account = row.text(1);
  run.kind = row.text(2);
  run.actor = row.text(3);
  run.desired_revision = row.text(4);
  run.started_at = row.time(5);
  run.finished_at = row.maybe_time(6);
  run.result = row.text(7);
  run.counts = row.text(8);
  return run;
}

std::vector<Run> read_runs(Statement& statement) {
  std::vector<Run> runs;
  while (statement.step()) runs.push_back(read_run(statement));
  return runs;
}

}  // namespace

Store::Store(const std::string& path, Access access) : database_(path, access, store_schema()) {}

void Store::start_run(const Run& run) {
  constexpr std::string_view sql =
      "INSERT INTO runs (id, account, kind, actor, desired_revision, started_at, finished_at, result, counts)"
      " VALUES (?, ?, ?, ?, ?, ?, NULL, '', '{}')";
  database_.prepare(sql)
      .bind(run.id, run.account, run.kind, run.actor, run.desired_revision, run.started_at)
      .run();
}

void Store::finish_run(const std::string& id, const std::string& account, const std::string& result,
                       const std::string& counts, Time now) {
  constexpr std::string_view sql =
      "UPDATE runs SET finished_at = ?, result = ?, counts = ? WHERE id = ? AND account = ?";
  database_.prepare(sql).bind(now, result, counts, id, account).run();
}

std::vector<Run> Store::list_runs(const std::optional<std::string>& account, std::size_t most) {
  constexpr std::string_view any =
      "SELECT id, account, kind, actor, desired_revision, started_at, finished_at, result, counts"
      " FROM runs ORDER BY number DESC LIMIT ?";
  constexpr std::string_view of_account =
      "SELECT id, account, kind, actor, desired_revision, started_at, finished_at, result, counts"
      " FROM runs WHERE account = ? ORDER BY number DESC LIMIT ?";
  auto statement = database_.prepare(account ? of_account : any);
  if (account)
    statement.bind(*account, most);
  else
    statement.bind(most);
  return read_runs(statement);
}

std::vector<Run> Store::find_run(const std::string& id) {
  constexpr std::string_view sql =
      "SELECT id, account, kind, actor, desired_revision, started_at, finished_at, result, counts"
      " FROM runs WHERE id = ? ORDER BY number";
  auto statement = database_.prepare(sql);
  statement.bind(id);
  return read_runs(statement);
}

void Store::save_plan(const std::string& account, const std::string& document, Time now) {
  constexpr std::string_view sql =
      "INSERT INTO plans (account, saved_at, document) VALUES (?, ?, ?)"
      " ON CONFLICT (account) DO UPDATE SET saved_at = excluded.saved_at, document = excluded.document";
  database_.prepare(sql).bind(account, now, document).run();
}

std::optional<std::string> Store::load_plan(const std::string& account) {
  auto statement = database_.prepare("SELECT document FROM plans WHERE account = ?");
  if (!statement.bind(account).step()) return std::nullopt;
  return statement.text(0);
}

void Store::save_note(const std::string& account, const std::string& name, const std::string& content) {
  constexpr std::string_view sql =
      "INSERT INTO notes (account, name, content) VALUES (?, ?, ?)"
      " ON CONFLICT (account, name) DO UPDATE SET content = excluded.content";
  database_.prepare(sql).bind(account, name, content).run();
}

std::optional<std::string> Store::load_note(const std::string& account, const std::string& name) {
  auto statement = database_.prepare("SELECT content FROM notes WHERE account = ? AND name = ?");
  if (!statement.bind(account, name).step()) return std::nullopt;
  return statement.text(0);
}

}  // namespace usersyncd
