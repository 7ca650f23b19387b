#include "store/store.hpp"

#include <array>
#include <stdexcept>

#include "store/desired_text.hpp"
#include "store/schema.hpp"

namespace usersyncd {
namespace {

const std::string rate_note = "rate:";
constexpr const char* rates_in_words = "rates";
constexpr const char* quiet_note = "quiet";
// What follows the colon is the digest of the files; versions before this one had neither.
constexpr std::string_view desired_in_force = "desired-state";
constexpr std::string_view desired_of_command = "desired-state-of-command";

std::string desired_note(Store::DesiredOf keeper, const std::string& files) {
  return std::string(keeper == Store::DesiredOf::daemon ? desired_in_force : desired_of_command) + ':' +
         files;
}

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

Database Store::release() && {
  if (database_.in_transaction()) throw std::logic_error("a store is given up within a transaction");
  database_.forget_others();
  return std::move(database_);
}

void Store::check_state() {
  constexpr std::array<std::string_view, 2> audit{"audit", "audit_bodies"};
  database_.check_health(audit);
}

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

void Store::save_rates(const std::string& account, const std::map<std::string, std::string>& rates,
                       const std::string& words) {
  Transaction transaction(database_);
  save_note(account, rates_in_words, words);
  for (const auto& [name, model] : rates) save_note(account, rate_note + name, model);
  transaction.commit();
}

std::map<std::string, std::string> Store::load_rates(const std::string& account) {
  auto statement =
      database_.prepare("SELECT name, content FROM notes WHERE account = ? AND name GLOB 'rate:*'");
  statement.bind(account);
  std::map<std::string, std::string> rates;
  while (statement.step()) rates[statement.text(0).substr(rate_note.size())] = statement.text(1);
  return rates;
}

std::optional<std::string> Store::load_rates_in_words(const std::string& account) {
  return load_note(account, rates_in_words);
}

void Store::save_desired(const Desired& desired, const std::string& files, DesiredOf keeper) {
  const auto text = desired_to_text(desired);
  if (load_note(desired.account, desired_note(DesiredOf::daemon, files)) == text) return;
  const auto name = desired_note(keeper, files);
  if (load_note(desired.account, name) == text) return;
  Transaction transaction(database_, Transaction::Kind::relaxed);
  save_note(desired.account, name, text);
  transaction.commit();
}

std::optional<Desired> Store::load_desired(const std::string& account, const std::string& files,
                                           DesiredOf keeper) {
  for (const auto from : {DesiredOf::daemon, DesiredOf::command}) {
    if (from == DesiredOf::command && keeper == DesiredOf::daemon) continue;
    const auto text = load_note(account, desired_note(from, files));
    if (!text) continue;
    try {
      return desired_from_text(*text);
    } catch (const StoreError&) {
      continue;  // the files can tell it once more
    }
  }
  return std::nullopt;
}

void Store::keep_desired(const std::map<std::string, std::string>& files, DesiredOf keeper) {
  const auto family = keeper == DesiredOf::daemon ? desired_in_force : desired_of_command;
  std::vector<std::pair<std::string, std::string>> unused;
  {
    auto notes = database_.prepare(
        "SELECT account, name FROM notes WHERE name = ?1 OR name GLOB ?1 || ':*' ORDER BY account, name");
    notes.bind(family);
    while (notes.step()) {
      const auto kept = files.find(notes.text(0));
      if (kept == files.end() || notes.text(1) != desired_note(keeper, kept->second))
        unused.emplace_back(notes.text(0), notes.text(1));
    }
  }
  Transaction transaction(database_);
  auto forget = database_.prepare("DELETE FROM notes WHERE account = ? AND name = ?");
  for (const auto& [account, name] : unused) forget.bind(account, name).run();
  transaction.commit();
}

void Store::save_quiet(const std::string& account, const std::string& content) {
  save_note(account, quiet_note, content);
}

void Store::forget_quiet(const std::string& account) {
  database_.prepare("DELETE FROM notes WHERE account = ? AND name = ?").bind(account, quiet_note).run();
}

std::optional<std::string> Store::load_quiet(const std::string& account) {
  return load_note(account, quiet_note);
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
