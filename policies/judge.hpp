#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policies/rules.hpp"
#include "sync/capabilities.hpp"
#include "sync/judged.hpp"
#include "sync/observed.hpp"
#include "sync/plan.hpp"

namespace usersyncd {

/// An action that was done in the account, for limits over rolling windows. Those that may have been done
/// count.
struct DoneAction {
  Time time{};
  Operation operation = Operation::update;
  std::string username;  ///< empty: unknown, counts for every user
};

/// What a person released.
struct GivenApproval {
  // Implicit: most of the time only how long it holds is of interest.
  GivenApproval(Time until_time = {}, std::string person = {}) : until(until_time), by(std::move(person)) {}
  Time until;
  std::string by;  ///< login name; empty: not known
};

/// All that a judgement depends on besides the plan and the rules, for the plan's account. Whether the
/// account is in `observe` is not among it: the verdicts are those that `enforce` would have (A66).
struct JudgeFacts {
  Time now{};
  std::optional<std::string> paused;    ///< the reason given; set while writes are paused
  std::vector<std::string> own_logins;  ///< usernames of the credential that the daemon works with
  Capabilities capabilities;
  Catalog catalog;
  std::map<Operation, std::string> impossible;  ///< what the provider refused to do for anybody, and how
  std::vector<User> users;                      ///< as observed: who is an admin, who breaks a rule already
  std::vector<DoneAction> history;              ///< at least of the last seven days
  std::map<std::string, Time> disabled_since;   ///< by user key
  std::map<std::string, GivenApproval> approvals;  ///< by action id
  std::map<std::string, std::string> rejections;   ///< by action id: who said no, and why
  std::string author;                              ///< who last changed the desired state; empty: not known
  std::map<std::string, Time> tombstones;          ///< by user key: deleted by us when, and not edited since
  std::map<std::string, std::string> unconfirmed;  ///< by action id: what must be seen before it may be done
};

/// Gives every action of a plan its verdict. Pure and free of order: neither the order of the rules nor that
/// of the actions changes a verdict. The only maker of a JudgedPlan, so of every Permit.
///
/// `report` for what nobody wants done; else the most severe of what speaks against the action: denied,
/// manual, approval, deferred. Over what is left the limits are counted, all of them over the same actions,
/// and one that is exceeded holds its whole class. What remains is `apply`, or `paused`.
class Judge {
 public:
  static JudgedPlan judge(Plan plan, const RuleSet& rules, const JudgeFacts& facts);

  /// For a plan without actions of an account that is known to be as when one was judged. Throws
  /// std::logic_error if there is an action after all.
  static JudgedPlan nothing_to_do(Plan plan);
};

/// Whether a login name and the author of a commit seem to be one person: equal without regard to case, or
/// equal to what stands before the `@` of an e-mail address. False where either is not known.
bool is_same_author(std::string_view approver, std::string_view author);

/// Users that break `require` or `forbidTogether` already, accounts that are below their `keep`, and rules
/// that name a role which the account's catalogue does not have and so protect nothing. Sorted by rule and
/// username.
std::vector<Note> find_notes(const RuleSet& rules, const std::string& account, const JudgeFacts& facts);

}  // namespace usersyncd
