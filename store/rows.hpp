#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/observed.hpp"
#include "sync/plan.hpp"
#include "sync/time.hpp"
#include "sync/user.hpp"

// What goes into the store and comes out of it, as plain values.

namespace usersyncd {

/// How an account is doing; what `status` shows.
struct AccountState {
  std::optional<Time> last_poll;     ///< last attempt
  std::optional<Time> last_success;  ///< last poll that was believed
  std::string last_error;            ///< empty: the last poll was good
  std::optional<Time> next_poll;
  std::size_t drift = 0;  ///< counted by the store when it is read; not written
  std::size_t held = 0;   ///< actions of the last plan that are held
  /// `closed`; `open`: no write is sent for the rest of the run; `half-open`: one write may try, and tells.
  std::string breaker = "closed";
  std::optional<Time> waiting_until;  ///< for the rate limit
  std::string waiting_reason;
  bool list_complete = false;
  std::size_t users = 0;  ///< in the last believed list, with those created and without those deleted since
};

/// A difference that is known, and since when.
struct KnownDrift {
  Drift drift;
  Time since{};
};

/// What is different about the differences. Each entry is to be reported once.
struct DriftNews {
  std::vector<KnownDrift> appeared;
  std::vector<KnownDrift> changed;   ///< as it is now, `since` as before
  std::vector<KnownDrift> resolved;  ///< as it was last
};

/// Whether the present cycle could tell if the user has this kind of drift. Where it could not (a field that
/// the list does not carry), what is known stays.
using WasJudged = std::function<bool(const std::string& username, const std::string& kind)>;

/// All that one poll found, saved as one. A null pointer leaves what is known as it is.
struct Poll {
  const Snapshot* snapshot = nullptr;
  const Catalog* catalog = nullptr;
  const std::vector<Drift>* drifts = nullptr;  ///< everything that differs now
  WasJudged was_judged;                        ///< empty: everything was
  AccountState state;
};

struct Run {
  std::string id;  ///< the same for all accounts of one command
  std::string account;
  std::string kind;  ///< `poll`, `apply`, `undo`, …
  std::string actor;
  std::string desired_revision;
  Time started_at{};
  std::optional<Time> finished_at;  ///< unset: still at it, or killed and not recovered yet
  std::string result;
  std::string counts;  ///< JSON text
};

/// `open`: about to be sent. `unknown`: may or may not have been done. The others are final; `unverified` was
/// accepted and does not read back as it was wanted.
enum class IntentState { open, unknown, done, unverified, failed, not_done };

/// The message of a create that was answered by saying that the user exists, and that found the same person:
/// whether this write made them is not known.
inline constexpr std::string_view adopted_message = "was there already";
std::string_view name_of(IntentState state);

/// One write that is about to be sent.
struct NewIntent {
  std::string run, account, username, user_id;
  Operation operation = Operation::update;
  std::string action;
  int attempt = 1;
  std::string actor;
  std::optional<User> before;  ///< what `undo` would bring back; absent for a create
  std::optional<User> after;
  std::string body;            ///< as it will be sent, redacted
  std::string desired_digest;  ///< of the desired entry that asks for it
  std::string place;           ///< of that entry, and why it is sent: for the audit log alone
  std::string reason;
};

struct Intent {
  std::int64_t id = 0;
  NewIntent write;
  IntentState state = IntentState::open;
  std::string message;  ///< what became of it, for people
  Time opened_at{};
  std::optional<Time> resolve_after;  ///< for unknown: before then a look proves nothing
  std::optional<Time> closed_at;
};

/// Absent: all.
struct IntentFilter {
  std::optional<std::string> account, username, run;
  bool unresolved_only = false;
};

/// How an intent ended.
struct IntentEnd {
  IntentState state = IntentState::done;  ///< a final one
  std::string message;
  std::optional<KnownUser> known;  ///< what is known of the user from now on; absent: as before
  bool forget_user = false;        ///< the user is gone from the account
};

/// A write that was done, or that may have been done and is not resolved yet (then `time` is when it was
/// opened).
struct DoneWrite {
  Time time{};
  Operation operation = Operation::update;
  std::string username;
};

/// A user that failed and is left alone for a while.
struct Backoff {
  std::string username;
  int failures = 0;
  Time next_try{};
  std::string reason;
};

/// A value that was written and did not stay.
struct Override {
  std::string username;
  Field field = Field::email;
  Value wanted;
  int times = 0;            ///< running
  std::string last_action;  ///< the last one that was undone by the provider
};

/// A user that we deleted and did not create again since.
struct Tombstone {
  std::string username;
  Time deleted_at{};
  std::string desired_digest;  ///< of the entry that asked for it
};

struct Pause {
  std::optional<std::string> account;  ///< absent: all
  std::string reason;
  std::string actor;
  Time since{};
};

/// An action that waits for a person, or that a person has decided on.
struct Approval {
  enum class State { waiting, approved, rejected };
  std::string account, action, plan, username, operation, summary;
  State state = State::waiting;
  Time requested_at{};
  std::string actor;   ///< who decided
  std::string reason;  ///< as the person gave it
  std::optional<Time> decided_at;
  std::optional<Time> expires_at;  ///< from then on it waits again
};
std::string_view name_of(Approval::State state);

/// What a person decided about an action.
struct ApprovalDecision {
  std::string action;
  bool approved = false;
  std::string actor;
  std::string reason;
  std::optional<Time> expires_at;
};

}  // namespace usersyncd
