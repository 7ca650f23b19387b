#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/audit.hpp"
#include "store/database.hpp"
#include "store/rows.hpp"
#include "sync/desired.hpp"

namespace usersyncd {

/// Everything that outlives the process: what was last seen of each account, what differs, what was sent, who
/// decided what, and the audit log. It decides nothing. Several processes may have the same store open; a
/// method that writes is one transaction, durable when it returns. Every method throws StoreError when the
/// file fails it.
class Store {
 public:
  /// Makes or upgrades the file when it may be written; reading asks for one that is there.
  Store(const std::string& path, Access access);
  /// In a database of this schema that is open already.
  explicit Store(Database database) : database_(std::move(database)) {}
  /// The connection, for a store to come; this one is at its end. No transaction may be under way.
  Database release() &&;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Reads the whole file. Throws StoreError when it is damaged.
  void check_health() { database_.check_health(); }
  /// For the start of the daemon: the same without the audit log, which may be large, and of which every byte
  /// is proven by its own chain (`audit verify`).
  void check_state();
  /// For a clean stop.
  void tidy_up() { database_.tidy_up(); }
  /// True if another process has written since the last call, and for the first call.
  bool changed_by_others() { return database_.changed_by_others(); }
  const std::string& path() const { return database_.path(); }
  AuditLog& audit() { return audit_; }
  /// Makes all that is written until its commit() one transaction, which saves a great deal of waiting for
  /// the disk. Nothing may be awaited meanwhile: others would write into it.
  Transaction begin(Transaction::Kind kind = Transaction::Kind::write) {
    return Transaction{database_, kind};
  }

  // --- What was seen

  Snapshot load_snapshot(const std::string& account);
  std::optional<KnownUser> known_user(const std::string& account, const std::string& username);
  std::optional<Catalog> load_catalog(const std::string& account);
  /// Saves a poll whole or not at all, writing only what differs from what is stored, and tells what became
  /// of the drift.
  DriftNews save_poll(const std::string& account, const Poll& poll, Time now);
  AccountState load_state(const std::string& account);
  void save_state(const std::string& account, const AccountState& state);

  /// Replaces the account's drift with `current`, except for what this cycle could not judge.
  DriftNews update_drift(const std::string& account, const std::vector<Drift>& current,
                         const WasJudged& was_judged, Time now);
  std::vector<KnownDrift> load_drift(const std::string& account);  ///< by user key and kind

  // --- Runs and plans

  void start_run(const Run& run);  ///< finished_at, result and counts are left for finish_run
  void finish_run(const std::string& id, const std::string& account, const std::string& result,
                  const std::string& counts, Time now);
  /// Newest first, at most `most`; of all accounts unless one is given.
  std::vector<Run> list_runs(const std::optional<std::string>& account, std::size_t most);
  std::vector<Run> find_run(const std::string& id);  ///< one entry per account

  void save_plan(const std::string& account, const std::string& document, Time now);
  std::optional<std::string> load_plan(const std::string& account);  ///< the last one, JSON text

  // --- Writes and what became of them

  /// Records a write that is about to be sent, with its audit record; returns the intent's id. Refused with
  /// StoreError while the same user has an unresolved one (A31).
  std::int64_t open_intent(const NewIntent& intent, Time now);
  /// It may or may not have been done; a look before `resolve_after` proves nothing. `told_id` is the id of
  /// the user, if the answer told one.
  void mark_unknown(std::int64_t id, Time resolve_after, const std::string& message, Time now,
                    const std::string& told_id = {});
  /// The end of an intent, its audit record and what is now known of the user, in one transaction.
  void close_intent(std::int64_t id, const IntentEnd& end, Time now);
  /// After a kill: every unresolved intent of the account that was open becomes unknown, and its
  /// unfinished runs are finished as `interrupted`. The caller holds the AccountLock. Returns all unresolved
  /// intents, as they were found.
  std::vector<Intent> recover(const std::string& account, Time resolve_after, Time now);

  std::optional<Intent> find_intent(std::int64_t id);
  std::vector<Intent> list_intents(const IntentFilter& filter);  ///< oldest first

  /// For rolling limits: the writes since `since` that were done, or that may have been; oldest first.
  std::vector<DoneWrite> done_since(const std::string& account, Time since);
  /// Users (by key) that we created at or after `since`, and when: lists may not show them yet (A32).
  std::map<std::string, Time> recent_creates(const std::string& account, Time since);
  /// Users (by key) that we deleted and did not create again (A27, A56).
  std::map<std::string, Tombstone> tombstones(const std::string& account);

  // --- What is remembered about single users

  void save_backoff(const std::string& account, const Backoff& backoff);
  void clear_backoff(const std::string& account, const std::string& username);
  std::map<std::string, Backoff> load_backoffs(const std::string& account);  ///< by key

  /// Counts that `action` wrote `wanted` and the provider has something else now. The same action counts
  /// once, another wanted value starts anew. Returns how many times running.
  int count_override(const std::string& account, const std::string& username, Field field,
                     const Value& wanted, const std::string& action);
  void clear_override(const std::string& account, const std::string& username, Field field);
  std::vector<Override> load_overrides(const std::string& account);

  // --- What people said

  /// With its audit record. A scope that is paused already keeps its time and gets the new reason.
  void pause(const Pause& pause);
  /// Absent: all that is paused. False: nothing was.
  bool resume(const std::optional<std::string>& account, const std::string& actor, Time now);
  /// Whether writes to the account are stopped, by itself or with all. One cheap read that sees at once what
  /// another process committed: to be asked before every single write (A63).
  std::optional<Pause> paused(const std::string& account);
  std::vector<Pause> list_pauses();

  /// `wanted` are all actions of the current plan that need a person, decided or not. What is not among them
  /// any more is dropped, what has expired waits again. Returns those that wait and did not before. `plan`
  /// keeps them apart: empty for the plan that every cycle makes, `undo RUN` for that of an undo. Those of an
  /// undo that nobody comes back to are dropped after a week.
  std::vector<Approval> save_approvals(const std::string& account, const std::string& plan,
                                       const std::vector<Approval>& wanted, Time now);
  /// With its audit record. Empty: no action with this id waits or was decided on.
  std::optional<Approval> decide(const ApprovalDecision& decision, Time now);
  std::vector<Approval> list_approvals(const std::optional<std::string>& account);
  /// Ids of the actions that may go at `now`.
  std::set<std::string> approved_actions(const std::string& account, Time now);

  /// What was learned of the limits of an account's provider, by class of endpoints, and the same in words.
  void save_rates(const std::string& account, const std::map<std::string, std::string>& rates,
                  const std::string& words);
  std::map<std::string, std::string> load_rates(const std::string& account);
  std::optional<std::string> load_rates_in_words(const std::string& account);

  /// Who keeps a desired state here. What the daemon has in force is its own: a command with other files must
  /// not take it away.
  enum class DesiredOf { daemon, command };
  /// The desired state of its account, for who has not got it at hand. `files` is the digest of the files
  /// that it was read from. It is on the disk with the next durable write.
  void save_desired(const Desired& desired, const std::string& files, DesiredOf keeper);
  /// Empty: it is not there, or damaged. Its author is not stored. A command finds the daemon's, too.
  std::optional<Desired> load_desired(const std::string& account, const std::string& files, DesiredOf keeper);
  /// Of the keeper's desired states only these stay: files by account.
  void keep_desired(const std::map<std::string, std::string>& files, DesiredOf keeper);

  /// What a look that found nothing to do was made from; the next write to the account forgets it.
  void save_quiet(const std::string& account, const std::string& content);
  void forget_quiet(const std::string& account);
  std::optional<std::string> load_quiet(const std::string& account);

  // --- Small things of other parts, such as what a rate limiter has learned

  void save_note(const std::string& account, const std::string& name, const std::string& content);
  std::optional<std::string> load_note(const std::string& account, const std::string& name);

 private:
  void update_snapshot(const std::string& account, const Snapshot& snapshot);
  void save_user(const std::string& account, const std::string& key, const KnownUser& known);
  void forget_user(const std::string& account, const std::string& key);
  void append_decision(const Intent& intent, IntentState state, const std::string& message, Time now);

  Database database_;
  AuditLog audit_{database_};
};

}  // namespace usersyncd
