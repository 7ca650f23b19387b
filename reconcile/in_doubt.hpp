#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reconcile/account.hpp"

namespace usersyncd {

/// Writes in doubt: they were sent, and nobody knows whether they were done. For a while a look at the
/// provider proves nothing about them, as they may be on their way still. How much of that while has passed
/// is told by the steady clock: on the word of a wall clock that somebody sets forward a create would be sent
/// twice. One for each account in a process, as long as its settings hold.
class InDoubt {
 public:
  /// The references outlive it.
  InDoubt(const AccountContext& account, Store& store, const Clock& clock)
      : account_(account), store_(store), clock_(clock) {}

  /// To begin each cycle with, under the account's lock: writes that were interrupted are in doubt from now
  /// on, and runs are finished that nobody will finish. What an earlier process left in doubt is waited for
  /// as if it had just been sent: nobody knows how long ago that was.
  void recover();

  /// Puts a write in doubt: a look proves nothing for `wait`, or for longer where a new user may be
  /// invisible. `told_id` is the id of the user, if the answer told one. Returns when that will be over, by
  /// the wall clock of now.
  Time put(std::int64_t intent, Duration wait, const std::string& message, const std::string& told_id = {});

  /// Whether a look proves something about `intent`, which is unresolved, by now.
  bool is_over(std::int64_t intent) const;

  /// The end of a write that was in doubt.
  void resolve(const Intent& intent, const IntentEnd& end);

  bool none() const { return over_at_.empty(); }

  /// An update or removal of the user got no answer and reads back as done. That reading may be stale or
  /// somebody else's doing, so that the request is on its way still; an update carries all that was read
  /// before it, and would take back what another one writes meanwhile.
  void note_unanswered(const std::string& username);

  /// Keys of the users on whom nothing may be written for that reason, yet. Only this process knows of them.
  std::vector<std::string> unanswered() const;

  /// How long until a look proves something about all of them, and unanswered updates have arrived.
  Duration left() const;

 private:
  Duration first_wait(const Intent& intent) const;
  Duration grace(Operation operation) const;

  const AccountContext& account_;
  Store& store_;
  const Clock& clock_;
  std::map<std::int64_t, Duration> over_at_;    // by intent, on the steady clock
  std::map<std::string, Duration> arrived_at_;  // by key of an unanswered write: by then it has, if ever
};

}  // namespace usersyncd
