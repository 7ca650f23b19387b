#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policies/judge.hpp"
#include "policies/rules.hpp"
#include "reconcile/actor.hpp"
#include "reconcile/observer.hpp"
#include "reconcile/quiet.hpp"
#include "sync/undo.hpp"

namespace usersyncd {

/// What a look at an account came to. Exactly one of `judged` and `problems` has something in it.
struct Look {
  Observed observed;
  std::optional<JudgedPlan> judged;
  std::vector<Error> problems;  ///< the provider could not be read, or it cannot do what a rule asks for
  /// Entries that ask for what the provider does not have; their users are frozen in the plan.
  std::vector<Error> invalid;
  std::vector<Note> notes;     ///< that this look adds to those of its plan
  std::size_t impossible = 0;  ///< how many of them say that something cannot be undone
  std::optional<Quiet> quiet;  ///< what it was made from, if it found nothing to do
  bool glanced = false;        ///< it was recognised by an earlier one's Quiet; nothing was decoded
};

/// What a cycle is for.
enum class Purpose { poll, plan, apply, undo };

/// What a cycle did.
struct Acted {
  struct Step {
    const JudgedAction* judged;  ///< of the Look's plan
    ActionResult result;
  };
  std::vector<Step> steps;  ///< the permitted actions, in the order in which they ended
  std::string stopped;      ///< why the others were not started; empty: all were
  std::size_t count(ActionResult::Kind kind) const;
};

/// One cycle of one account: poll, believe, plan, judge; then save, act, read back, save.
class Cycle {
 public:
  /// `run` is the id that log and audit show. `settings` is a digest of everything but the desired state that
  /// people wrote and that bears on the account; empty: nothing is recognised, nor remembered to be.
  Cycle(const AccountContext& account, Ports ports, std::string run, Purpose purpose,
        std::string settings = {});

  /// Reads the account, and tells whether it is byte for byte as when a look last found nothing to do, with
  /// the desired state of the same `revision`. Then that look is the result; otherwise look() goes on with
  /// what was read, so that whoever has many accounts needs no desired state while it waits for the provider.
  Awaitable<std::optional<Look>> glance(std::string revision);

  /// Observes and plans; sends no write and saves nothing of what was observed. With `settle` unresolved
  /// writes are resolved by what is read, which does change the store; `insist` plans for users that back
  /// off, too.
  Awaitable<Look> look(const Desired& desired, const RuleSet& rules, bool settle, bool insist);

  /// The same for the way back from `run`, of which `writes` are the writes in this account, oldest first.
  /// What cannot be undone, and what `desired` would have done once more, stands in the plan's notes.
  Awaitable<Look> look_to_undo(const std::string& run, const std::vector<PastWrite>& writes,
                               const Desired& desired, const RuleSet& rules);

  /// Starts the run and tells what is planned, without taking the plan for what is wanted of the account: for
  /// an undo.
  void save_undo(const Look& look);

  /// For a plan, which saves nothing else: remembers, for plans, that the look found nothing to do, if so.
  void remember_quiet(const Look& look);

  /// Saves what the look found, and tells what is new.
  void save(const Look& look, const Desired& desired, std::optional<Time> next_poll);

  /// Does what the judged plan permits, `only` those actions if given, and saves what came of it.
  Awaitable<Acted> act(const Look& look, const Desired& desired, const std::set<std::string>* only = nullptr);

  /// The one-line summary and the end of the run.
  void finish(const Look& look, const Acted& acted);

 private:
  struct Batch;
  Batch make_batch(const Look& look, const std::set<std::string>* only) const;
  static void announce_creates(const Look& look, Batch& batch, Actor& actor, std::size_t group);
  Awaitable<void> act_on_user(const Look& look, Batch& batch, Actor& actor, std::size_t group);
  void conclude(const JudgedAction& judged, const ActionResult& result);
  void settle_failures(const JudgedAction& judged, const ActionResult& result);
  Awaitable<Result<AccountReading>> reading();
  std::optional<Quiet> remembered_quiet(const std::string& revision);
  Look quiet_look(const Quiet& quiet, Catalog catalog);
  void note_quiet(Look& look, const Desired& desired);
  AccountState state_of_poll(std::optional<Time> next_poll);
  void save_look(const Look& look, const Desired& desired, std::optional<Time> next_poll);
  void save_glance(const Look& look, std::optional<Time> next_poll);
  Awaitable<bool> observe(Look& look, AccountReading reading, const Desired& desired, const RuleSet& rules,
                          const Ways& ways, bool settle, bool insist);
  void judge(Look& look, const Desired& desired, const RuleSet& rules, const Ways& ways,
             std::optional<Unaccepted> unaccepted);
  void start_run(const std::string& desired_revision);
  JudgeFacts facts(const Desired& desired, const Observed& observed);
  void tell_drift(const DriftNews& news);
  /// Returns the plan as a document, which is what was told.
  boost::json::object tell_plan(const JudgedPlan& judged);
  void tell_notes(const Plan& plan);
  void request_approvals(const JudgedPlan& judged);
  void request_shrink_approval(const Observed& observed);
  Approval approval_of_shrinkage(std::string id, std::string summary) const;
  void save_approvals(const std::vector<Approval>& wanted);
  void tell_failed_poll(const Look& look, AccountState& state);
  void save_drift_after(const Look& look, const Acted& acted);
  void save_users_after(const Acted& acted);
  void note_trouble(const ActionResult& result);
  void set_breaker(const std::string& position, const std::string& reason);
  Event event(std::string_view name, Event::Level level = Event::Level::info) const;

  const AccountContext& account_;
  Ports ports_;
  std::string run_;
  Purpose purpose_;
  std::string settings_;
  std::optional<Result<AccountReading>> read_;  // by glance(), for look()
  std::string plan_name_;     // of the approvals that belong together; see Store::save_approvals
  int trouble_ = 0;           // answers in a row that tell of a provider in trouble
  std::string breaker_;       // its position, while acting
  std::string stop_sending_;  // why no further action may be started; empty: none
};

/// A run id: sortable by time, unique enough for one store.
std::string make_run_id(Time now, Random& random);

}  // namespace usersyncd
