#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reconcile/account.hpp"
#include "reconcile/compare.hpp"

namespace usersyncd {

/// What became of one permitted action.
struct ActionResult {
  enum class Kind {
    applied,     ///< done, and read back as done
    unverified,  ///< sent, but it does not read back as wanted, or nobody can tell yet
    changed,     ///< not sent: somebody changed the user since the plan was made
    failed,      ///< the provider refuses; the user backs off
    manual,      ///< the provider cannot do it
    held,        ///< not sent: paused, stopping, or a rate limit longer than the patience; nothing is wrong
    fatal,       ///< our credential is refused: nothing more may be sent to the account
  };
  Kind kind = Kind::failed;
  std::string message;
  std::vector<Field> overridden;  ///< fields that the provider answered with another value
  bool for_nobody = false;        ///< with `manual`: the provider does it for no user at all
  bool trouble = false;           ///< the provider, not this user, seems to be what fails
  bool unanswered = false;        ///< with `applied`: the request may be on its way still
};

/// Carries out permitted actions on one account: look, write down the intent, send once, look again. Never
/// repeats a write whose outcome it does not know.
class Actor {
 public:
  /// `known` is what is remembered of the users, by key; entries of users that were acted on are brought up
  /// to date.
  Actor(const AccountContext& account, Ports ports, std::string run, Snapshot& known,
        std::map<std::string, std::string> desired_digests);

  /// Writes down, in one transaction, the intents of creates that are to be performed next, unless nothing
  /// may be written just now.
  void announce(const std::vector<const Action*>& creates);
  /// Closes the intents of the creates that were announced and not performed.
  void withdraw(const std::string& reason);

  /// One action, from the look before it to the look after it. A create leaves its verification to
  /// verify_creates if `verify_later`; it is `unverified` until then.
  Awaitable<ActionResult> perform(Permit permit, bool verify_later);

  /// Verifies by one list all creates that are still to be verified, and by items those that the list lacks.
  /// Returns the results by action id.
  Awaitable<std::map<std::string, ActionResult>> verify_creates();

 private:
  struct Pending {
    const Action* action;
    std::int64_t intent;
    std::string user_id;  ///< as the answer told it; empty: it did not
  };

  std::vector<Pending> close_listed(const std::map<std::string, const User*>& listed,
                                    std::map<std::string, ActionResult>& results);
  Awaitable<ActionResult> create(Permit permit, bool verify_later);
  /// Of somebody who is there: an update, a disable, a delete.
  Awaitable<ActionResult> change(Permit permit);
  Awaitable<WriteOutcome> send_change(const Permit& permit, RemoteUser found, ExchangeContext context);
  Awaitable<ActionResult> verify_update(const Action& action, std::int64_t intent, WriteOutcome outcome);
  Awaitable<ActionResult> verify_create(const Action& action, std::int64_t intent, std::string user_id);
  Awaitable<ActionResult> verify_remove(const Action& action, std::int64_t intent, WriteOutcome outcome);
  Awaitable<ActionResult> look_up_create(const Action& action, std::int64_t intent, WriteOutcome outcome);
  Awaitable<bool> wait_for_another_try(Duration wait, int attempt, Duration started);

  ActionResult created(const Action& action, std::int64_t intent, const RemoteUser& found,
                       const std::string& message = {});
  ActionResult refused(const Action& action, std::int64_t intent, const WriteOutcome& outcome);
  ActionResult may_still_arrive(std::int64_t intent, const std::string& message);
  ActionResult read_back(const Action& action, const WriteOutcome& outcome);
  ActionResult not_read_back(std::int64_t intent);
  ActionResult not_visible_yet(const Action& action, std::int64_t intent, const std::string& told_id);
  std::optional<std::string> may_not_write() const;
  std::int64_t open_intent(const Action& action, int attempt);
  std::int64_t intent_of_create(const Action& action, int attempt);
  void close(const Action& action, std::int64_t intent, IntentState state, const std::string& message,
             const User* found = nullptr);
  ExchangeContext context(const Action& action, int attempt = 1) const;

  const AccountContext& account_;
  Ports ports_;
  std::string run_;
  Snapshot& known_;
  std::map<std::string, std::string> desired_digests_;
  std::map<const Action*, std::int64_t> announced_;  ///< intents by what is still to be performed
  std::vector<Pending> pending_;
};

}  // namespace usersyncd
