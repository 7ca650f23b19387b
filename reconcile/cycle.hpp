#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policies/judge.hpp"
#include "policies/rules.hpp"
#include "reconcile/actor.hpp"
#include "reconcile/observer.hpp"

namespace usersyncd {

/// What a look at an account came to. Exactly one of `judged` and `problems` has something in it.
struct Look {
  Observed observed;
  std::optional<JudgedPlan> judged;
  std::vector<Error>
      problems;  ///< the provider could not be read, or the desired state asks for what is not there
};

/// What a cycle did.
struct Acted {
  struct Step {
    const JudgedAction* judged;  ///< of the Look's plan
    ActionResult result;
  };
  std::vector<Step> steps;  ///< the permitted actions, in the order in which they ended
  std::size_t count(ActionResult::Kind kind) const;
};

/// One cycle of one account: poll, believe, plan, judge; then save, act, read back, save.
class Cycle {
 public:
  /// `run` is the id that log and audit show; `kind` is `poll` or `apply`.
  Cycle(const AccountContext& account, Ports ports, std::string run, std::string kind);

  /// Observes and plans; sends no write and saves nothing. With `settle` unresolved writes are resolved by
  /// what is read, which does change the store; `insist` plans for users that back off, too.
  Awaitable<Look> look(const Desired& desired, const RuleSet& rules, bool settle, bool insist);

  /// Saves what the look found, and tells what is new.
  void save(const Look& look, const Desired& desired, std::optional<Time> next_poll);

  /// Does what the judged plan permits, `only` those actions if given, and saves what came of it.
  Awaitable<Acted> act(const Look& look, const Desired& desired, const std::set<std::string>* only = nullptr);

  /// The one-line summary and the end of the run.
  void finish(const Look& look, const Acted& acted);

 private:
  struct Batch;
  Batch make_batch(const Look& look, const std::set<std::string>* only) const;
  Awaitable<void> act_on_user(const Look& look, Batch& batch, Actor& actor, std::size_t group);
  void conclude(const JudgedAction& judged, const ActionResult& result);
  void settle_failures(const JudgedAction& judged, const ActionResult& result);
  JudgeFacts facts(const Desired& desired, const Observed& observed);
  void tell_drift(const DriftNews& news);
  void tell_plan(const JudgedPlan& judged);
  void request_approvals(const JudgedPlan& judged);
  void request_shrink_approval(const Observed& observed);
  void save_approvals(const std::vector<Approval>& wanted);
  void tell_failed_poll(const Look& look, AccountState& state);
  void save_drift_after(const Look& look, const Acted& acted);
  void note_trouble(const ActionResult& result);
  void set_breaker(const std::string& position, const std::string& reason);
  Event event(std::string_view name, Event::Level level = Event::Level::info) const;

  const AccountContext& account_;
  Ports ports_;
  std::string run_;
  std::string kind_;
  int trouble_ = 0;           // answers in a row that tell of a provider in trouble
  std::string stop_sending_;  // why no further action may be started; empty: none
};

/// A run id: sortable by time, unique enough for one store.
std::string make_run_id(Time now, Random& random);

}  // namespace usersyncd
